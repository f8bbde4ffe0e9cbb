"""Done: what a visitor has just decided, told on the page that comes next, where it can be taken back."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from app.auth.person import Person
from app.reviews import service as reviews
from app.reviews.reviewed import Reviewed
from app.reviews.service import Batch

__all__ = ["chosen", "find_done", "value_of"]


def find_done(session: Session, name: str, person: Person) -> Batch | None:
    """What an address calls done, if it is the last that this person did: an old address has no news and takes nothing
    back."""
    try:
        batch = UUID(name)
    except ValueError:
        return None
    found = reviews.last_batch(session, person)
    return found if found and found.id == batch else None


def value_of(reviewed: Reviewed) -> str:
    """A change of a run in the state that is on the screen, as it rides in a form."""
    return f"{reviewed.run.id} {reviewed.change.fingerprint} {reviewed.state}"


def chosen(value: str) -> tuple[UUID, str, str]:
    """What `value_of` wrote. Raises ValueError for anything else."""
    run, fingerprint, state = value.split(" ")
    return UUID(run), fingerprint, state
