"""Every device of a user in step: numbered events that last, tokens that pass."""
