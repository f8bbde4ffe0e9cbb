"""Server-sent events as a client of ours reads them."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["events", "text_of"]


def events(body: str) -> list[tuple[str, Any]]:
    """Name and data of each; comments are left out."""
    found = []
    for block in body.split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        if lines:
            name, data = lines
            found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def text_of(told: list[tuple[str, Any]]) -> str:
    return "".join(data["text"] for name, data in told if name == "token")
