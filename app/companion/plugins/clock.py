"""The date and the time, which no model knows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from app.companion.plugins.hooks import Tool, ToolFailure, hook

__all__ = ["Clock"]

PARAMETERS = {
    "type": "object",
    "properties": {"time_zone": {"type": "string", "description": "An IANA time zone, such as Europe/Oslo."}},
}


class Clock:
    @hook
    def tools(self) -> list[Tool]:
        return [Tool("clock", "The date and the time, in UTC or in a time zone.", self.now, PARAMETERS)]

    def now(self, arguments: Mapping[str, Any]) -> str:
        return datetime.now(zone(str(arguments.get("time_zone") or "UTC"))).strftime("%A, %Y-%m-%d %H:%M %Z")


def zone(name: str) -> tzinfo:
    if name.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ToolFailure(f"There is no time zone {name!r}.") from None
