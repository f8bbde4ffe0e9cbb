"""Lists come in pages: `?limit=50&offset=0`, answered with the items and how many there are in all."""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field

__all__ = ["Limit", "Offset", "Page"]

Item = TypeVar("Item")

Limit = Annotated[int, Query(ge=1, le=200, description="At most so many items")]
Offset = Annotated[int, Query(ge=0, le=10_000_000, description="After so many items")]


class Page(BaseModel, Generic[Item]):
    items: list[Item]
    total: int = Field(description="How many there are on all pages together")
