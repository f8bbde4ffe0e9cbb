"""Spread: the same work on many values, on all cores, results in the order of the values."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

__all__ = ["MANY", "spread"]

MANY = 64
"""Below this many values, starting processes costs more than they save."""

Value = TypeVar("Value")
Result = TypeVar("Result")

_work: Callable[[Any], Any]


def spread(work: Callable[[Value], Result], values: Sequence[Value]) -> Iterator[Result]:
    """Each value's result, as soon as it and those before it are there. What `work` does to this process is lost where
    others do it. Processes are forked, so that `work` may be any function; where that cannot be, it is done here."""
    cores = os.cpu_count() or 1
    if len(values) < MANY or cores == 1 or not hasattr(os, "fork"):
        yield from map(work, values)
        return
    # Only needed for many values, and as heavy as everything that a check of one cassette does.
    import multiprocessing

    global _work
    _work = work
    with multiprocessing.get_context("fork").Pool(cores) as pool:
        yield from pool.imap(_do, values, chunksize=max(1, min(32, len(values) // (4 * cores))))


def _do(value: Any) -> Any:
    return _work(value)
