"""A page to chat on."""
