"""The bytes of a message: media type, content decoding under a cap, JSON with every number as it was sent."""

from __future__ import annotations

import json
from typing import TypeAlias

__all__ = ["Json", "essence", "parse_json"]

Json: TypeAlias = "None | bool | int | float | str | list[Json] | dict[str, Json]"


def essence(content_type: str) -> str:
    """`application/json` of `application/json; charset=utf-8`; an empty string where there is none."""
    return content_type.partition(";")[0].strip().lower()


def parse_json(data: bytes | str) -> Json:
    """The JSON value. Integers of any size survive. Raises ValueError for everything that is not JSON (also NaN,
    Infinity and nesting that Python cannot hold)."""
    try:
        value: Json = json.loads(data, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("JSON nested too deeply") from None
    return value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
