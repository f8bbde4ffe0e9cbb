"""Work that is done to its end, also when whoever waits for it is cancelled: a database is not left in the middle."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from anyio import CancelScope
from anyio.to_thread import run_sync

__all__ = ["settled", "stopped"]

T = TypeVar("T")


async def settled(work: Callable[[], T]) -> T:
    """The result of work in a thread."""
    task = asyncio.ensure_future(run_sync(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        with CancelScope(shield=True):
            await asyncio.wait([task])
        raise


async def stopped(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Returns when all have ended, cancelled where they had not."""
    waiting = [task for task in tasks if task.cancel()]
    if waiting:
        with CancelScope(shield=True):
            await asyncio.wait(waiting)
