"""Other people's code, called in a thread of its own: whatever it does ends there.

A pool would be full of what hangs, and a thread that is no daemon would keep the process from ending.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from typing import TypeVar

__all__ = ["Misbehaved", "apart"]

T = TypeVar("T")


class Misbehaved(Exception):
    """It raised what nobody may raise, such as SystemExit."""


async def apart(work: Callable[[], T], seconds: float) -> T:
    """The result of the work. Raises what it raises, and TimeoutError where it takes longer; then nobody hears of it
    any more."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: Exception | None) -> None:
        if ended.done():
            return
        if error is not None:
            ended.set_exception(error)
        else:
            ended.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, error = attempted(work)
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=copy_context().run, args=(run,), daemon=True, name="acetate-plugin").start()
    async with asyncio.timeout(seconds):
        return await ended


def attempted(work: Callable[[], T]) -> tuple[T | None, Exception | None]:
    """What came of it. A future takes no StopIteration."""
    try:
        return work(), None
    except StopIteration as error:
        return None, Misbehaved(repr(error))
    except Exception as error:  # noqa: BLE001 - other people's code
        return None, error
    except BaseException as error:  # noqa: BLE001
        return None, Misbehaved(repr(error))
