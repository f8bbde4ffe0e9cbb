"""The events of a user: numbered without gaps, written in the transaction that makes them true, kept for a while.

`announce` wakes the devices of that user when the transaction is committed and not before: on PostgreSQL by NOTIFY,
which every process hears; on SQLite through the hub of the one process that there is.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.models import DeviceEvent, DeviceEventCount

__all__ = ["AWAKE", "CHANNEL", "KEPT", "MOST_AT_ONCE", "EventOut", "announce", "last_number", "since"]

CHANNEL = "acetate_companion"
AWAKE = "users_to_wake"
"""Where a session of SQLite keeps whom its commit wakes."""
KEPT = 1000
"""So many of a user's events can be asked for later."""
TRIMMED_EVERY = 50
MOST_AT_ONCE = 200


class EventOut(BaseModel):
    number: int
    kind: str
    data: dict[str, Any]
    at: datetime


def announce(session: Session, user_id: UUID, kind: str, data: BaseModel | Mapping[str, Any]) -> None:
    """Call it last in a transaction: it holds the user's counter until the commit."""
    number = taken(session, user_id)
    shown = data.model_dump(mode="json") if isinstance(data, BaseModel) else dict(data)
    session.add(DeviceEvent(user_id=user_id, number=number, kind=kind, data=shown))
    if number % TRIMMED_EVERY == 0:
        old = delete(DeviceEvent).where(DeviceEvent.user_id == user_id, DeviceEvent.number <= number - KEPT)
        session.execute(old, execution_options={"synchronize_session": False})
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_notify(CHANNEL, user_id.hex)))
    else:
        session.info.setdefault(AWAKE, set()).add(user_id)


def taken(session: Session, user_id: UUID) -> int:
    """The next number."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    first = dialect.insert(DeviceEventCount).values(user_id=user_id, last=1)
    counted = first.on_conflict_do_update(
        index_elements=[DeviceEventCount.user_id], set_={"last": DeviceEventCount.last + 1}
    )
    number: int = session.execute(counted.returning(DeviceEventCount.last)).scalar_one()
    return number


def last_number(session: Session, user_id: UUID) -> int:
    return session.scalar(select(DeviceEventCount.last).where(DeviceEventCount.user_id == user_id)) or 0


def since(session: Session, user_id: UUID, seen: int) -> list[EventOut] | None:
    """The next events after the one last seen, at most MOST_AT_ONCE; None where some of them are no longer kept or
    `seen` was never reached, so that the device must start anew."""
    newest = last_number(session, user_id)
    if seen > newest or seen < newest - KEPT:
        return None
    rows = session.scalars(
        select(DeviceEvent)
        .where(DeviceEvent.user_id == user_id, DeviceEvent.number > seen)
        .order_by(DeviceEvent.number)
        .limit(MOST_AT_ONCE)
    )
    return [EventOut(number=row.number, kind=row.kind, data=row.data, at=row.created_at) for row in rows]
