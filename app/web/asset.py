"""Assets: style, scripts and icon, held in memory and addressed by their content, so that browsers keep them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from mimetypes import guess_type
from pathlib import Path
from typing import Final

__all__ = ["Asset", "address", "assets"]

FOLDER: Final = Path(__file__).parent / "static"
SUFFIXES: Final = (".css", ".js", ".svg")


@dataclass(frozen=True, slots=True)
class Asset:
    content: bytes
    media_type: str
    version: str


@cache
def assets() -> dict[str, Asset]:
    """All that is served under /static/, by name."""
    return {file.name: _asset(file) for file in sorted(FOLDER.iterdir()) if file.suffix in SUFFIXES}


def _asset(file: Path) -> Asset:
    content = file.read_bytes()
    return Asset(content, guess_type(file.name)[0] or "application/octet-stream", sha256(content).hexdigest()[:12])


def address(name: str) -> str:
    """Where a browser finds an asset; another content has another address."""
    return f"/static/{name}?v={assets()[name].version}"
