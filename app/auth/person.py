"""Who is asking: a person who signed in, or a CI job with the token of a project."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.models import Role

__all__ = ["CiJob", "Person"]


@dataclass(frozen=True)
class Person:
    id: UUID
    username: str
    role: Role
    handles: frozenset[str]
    """Case-folded names by which CI knows this person as an author; the username is one of them."""
    jti: str
    expires_at: datetime
    """When the token that was shown ends."""

    def wrote(self, author: str | None) -> bool:
        """Whether `context.author` of a run is this person."""
        return author is not None and author.strip().casefold() in self.handles


@dataclass(frozen=True)
class CiJob:
    token: UUID
    project: str
    name: str
