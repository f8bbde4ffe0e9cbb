"""Plugins: what others may add to a companion, and what is shipped that way."""
