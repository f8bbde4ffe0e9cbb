"""What a companion remembers of what its user said, and how it is found again."""
