"""How often somebody may do something: counted in the database, so that all processes count together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from limits import RateLimitItem
from sqlalchemy import case
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.models import RateWindow, now

__all__ = ["Hit", "hit"]


@dataclass(frozen=True, slots=True)
class Hit:
    allowed: bool
    remaining: int
    seconds: int
    """Until the window ends, at least 1."""


def hit(session: Session, rate: RateLimitItem, user_id: UUID, route: str) -> Hit:
    """One more. A window begins with the first hit after the last one ended."""
    moment = now()
    ends_at = moment + timedelta(seconds=rate.get_expiry())
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    first = dialect.insert(RateWindow).values(key=rate.key_for(user_id.hex, route), hits=1, ends_at=ends_at)
    over = RateWindow.ends_at <= moment
    counted = first.on_conflict_do_update(
        index_elements=[RateWindow.key],
        set_={
            "hits": case((over, 1), else_=RateWindow.hits + 1),
            "ends_at": case((over, first.excluded.ends_at), else_=RateWindow.ends_at),
        },
    )
    hits, ends = session.execute(counted.returning(RateWindow.hits, RateWindow.ends_at)).one()
    seconds = max(1, math.ceil((ends - moment).total_seconds()))
    return Hit(hits <= rate.amount, max(rate.amount - hits, 0), seconds)
