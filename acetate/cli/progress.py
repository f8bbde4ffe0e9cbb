"""Progress: a counter on a terminal while long work goes on, and nothing in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Final, TypeVar

__all__ = ["LONG", "counting"]

T = TypeVar("T")

LONG: Final = 200
"""How many cassettes take long enough that one wants to see something move."""
_STEP: Final = 10


def counting(results: Iterator[T], total: int) -> Iterator[T]:
    """The results as they come, one for each cassette, counted on stderr."""
    if total <= LONG or not sys.stderr.isatty():
        yield from results
        return
    line = ""
    try:
        for number, each in enumerate(results, 1):
            if number % _STEP == 0:
                line = f"{number} of {total} cassettes"
                print(f"\r{line}", end="", file=sys.stderr, flush=True)
            yield each
    finally:
        # Blanks and no escape sequence: a dumb terminal has neither.
        print(f"\r{' ' * len(line)}\r", end="", file=sys.stderr, flush=True)
