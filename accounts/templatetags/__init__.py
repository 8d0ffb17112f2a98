"""The words that the desk's frame needs."""
