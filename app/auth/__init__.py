"""Who is asking, and what they may do: the only door to python-jose and passlib."""
