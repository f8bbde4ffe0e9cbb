"""Turns that nobody will end: the process that answered them was killed. Every process looks for them, and of several
that find one at the same time one ends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import structlog
from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError

from app.companion.chat import record
from app.companion.settled import settled, stopped
from app.database import Database

__all__ = ["end_all", "lifespan"]

LOOK = 5.0
"""Seconds between two looks."""

log = structlog.get_logger("acetate.companion")


@asynccontextmanager
async def lifespan(application: FastAPI) -> AsyncIterator[None]:
    looking = asyncio.create_task(look(application.state.database))
    try:
        yield
    finally:
        await stopped([looking])


async def look(database: Database) -> None:
    """For ever, also where the database is away for a while."""
    while True:
        try:
            ended = await settled(partial(end_all, database))
        except SQLAlchemyError as error:
            log.warning("overdue turns not looked for", error=type(error).__name__)
        else:
            if ended:
                log.warning("overdue turns ended", count=ended)
        await asyncio.sleep(LOOK)


def end_all(database: Database) -> int:
    """How many turns were overdue and have been ended."""
    with database.read() as session:
        if session.scalar(record.overdue()) is None:
            return 0  # nobody waits for the one writer only to see that there is nothing
    ended = 0
    while database.write_again(record.end_overdue):
        ended += 1
    return ended
