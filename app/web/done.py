"""Done: what a visitor has just decided, told on the page that comes next, where it can be taken back."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from app.auth.person import Person
from app.errors import NotFound
from app.models import Decision
from app.reviews import service as reviews
from app.reviews.reviewed import Reviewed

__all__ = ["Done", "find_done", "name_of"]


@dataclass(frozen=True, slots=True)
class Done:
    decision: Decision
    reviewed: Reviewed


def name_of(run: UUID, fingerprint: str) -> str:
    """As it rides in an address."""
    return f"{run}:{fingerprint}"


def find_done(session: Session, name: str, person: Person) -> Done | None:
    """The last decision on a change, if this person made it."""
    run, _, fingerprint = name.partition(":")
    try:
        reviewed = reviews.change(session, UUID(run), fingerprint)
    except (ValueError, NotFound):
        return None
    found, _ = reviews.history(session, project=reviewed.run.project, fingerprint=reviewed.change.fingerprint, limit=1)
    return Done(found[0], reviewed) if found and found[0].by_id == person.id else None
