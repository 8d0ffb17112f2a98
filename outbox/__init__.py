"""How mail leaves: one table of messages, and the worker that sends them."""
