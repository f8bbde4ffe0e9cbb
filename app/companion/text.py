"""Text as it is stored, searched and counted."""

from __future__ import annotations

import unicodedata

__all__ = ["clean", "folded", "like", "tokens"]

BYTES_PER_TOKEN = 4
TOKENS_PER_MESSAGE = 4
"""What a chat template adds to each message."""


def clean(text: str) -> str:
    """What every database can store: without NUL, and a lone surrogate becomes a question mark."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def folded(text: str) -> str:
    """What is compared in a search: SQLite and PostgreSQL would each fold case in their own way."""
    return unicodedata.normalize("NFKC", text).casefold()


def like(words: str) -> str:
    """The LIKE pattern, with a backslash to escape, for folded text that contains the words."""
    escaped = folded(words).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def tokens(text: str) -> int:
    """About how many tokens a message with this text costs; the model's own count comes with its reply."""
    return TOKENS_PER_MESSAGE + -(-len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN)
