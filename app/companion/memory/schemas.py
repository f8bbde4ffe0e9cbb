"""Memories on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Forgotten", "MemoryOut"]


class MemoryOut(BaseModel):
    """Something that was said, as the companion remembers it."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    companion_id: UUID
    message_id: UUID
    role: Literal["user", "assistant"]
    content: str = Field(examples=["My sister's name is Edda."])
    created_at: datetime


class Forgotten(BaseModel):
    count: int = Field(description="How many memories are gone", examples=[12])
