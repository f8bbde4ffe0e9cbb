"""Failed sign-ins are counted in the database, so that all replicas count together.

One user from one address has `login_attempts` within the window. Ten times as many end it for a user from all
addresses, and for an address with all users: guessing in breadth stops, and an office behind one address can work.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from app.database import lock
from app.errors import Problem
from app.models import LoginAttempt, now
from app.settings import Settings

__all__ = ["TooManyAttempts", "admit", "forget"]

BREADTH: Final = 10


class TooManyAttempts(Problem):
    status = 429

    def __init__(self, seconds: int) -> None:
        super().__init__(
            "too-many-attempts",
            f"Too many failed sign-ins. Try again in {seconds} seconds.",
            headers={"Retry-After": str(seconds)},
        )


def admit(session: Session, settings: Settings, *, username: str, address: str) -> UUID:
    """The attempt, counted as failed until `forget` is told otherwise: so that of many at once none slips through."""
    user, origin = _digest(username), _digest(address)
    for name in sorted((user, origin)):
        lock(session, f"login {name}")
    moment = now()
    window = timedelta(seconds=settings.login_window_seconds)
    session.execute(delete(LoginAttempt).where(LoginAttempt.at <= moment - window))
    by_user, by_origin = LoginAttempt.user_digest == user, LoginAttempt.address_digest == origin
    most = settings.login_attempts
    for who, limit in ((by_user & by_origin, most), (by_user, most * BREADTH), (by_origin, most * BREADTH)):
        oldest = _oldest_that_counts(session, who, limit)
        if oldest is not None:
            raise TooManyAttempts(max(1, round((oldest + window - moment).total_seconds())))
    attempt = LoginAttempt(id=uuid4(), user_digest=user, address_digest=origin, at=moment)
    session.add(attempt)
    return attempt.id


def _oldest_that_counts(session: Session, who: ColumnElement[bool], limit: int) -> datetime | None:
    """When there are `limit` attempts already: the one that has to leave the window first."""
    newest_first = select(LoginAttempt.at).where(who).order_by(LoginAttempt.at.desc())
    return session.scalar(newest_first.offset(limit - 1).limit(1))


def forget(session: Session, *, username: str, address: str) -> None:
    """A success: this user's failures from this address no longer count."""
    user, origin = _digest(username), _digest(address)
    session.execute(delete(LoginAttempt).where(LoginAttempt.user_digest == user, LoginAttempt.address_digest == origin))


def _digest(text: str) -> str:
    return sha256(text.casefold().encode("utf-8", "replace")).hexdigest()
