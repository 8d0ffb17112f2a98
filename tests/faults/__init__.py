"""Proofs that nothing is lost and nothing is doubled, whatever dies, with real processes and a ledger of its own."""
