"""Where the stand-in answers while it is recorded, and who is asked afterwards."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from acetate.config import load

__all__ = ["LABEL", "PORT", "REPOSITORY", "URL"]

REPOSITORY = Path(__file__).parents[2]
(URL,) = load(REPOSITORY).providers["together"].base_urls
"""Always the same, so that recording again changes no more than has changed."""
PORT = urlsplit(URL).port or 80
LABEL = {"x-answered-by": "the stand-in in tests/standin, on this machine; not Together AI"}
"""A header that says in every recording where it comes from."""
