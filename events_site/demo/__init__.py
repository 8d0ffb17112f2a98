"""The demo network: real events and articles from a file, fictional people, and next editions of what is alive."""
