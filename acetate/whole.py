"""Whole: a new exchange is taken with all that is in it, so what else is in it has to be decided with it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from acetate.change import Change

__all__ = ["NEW", "is_open", "taken_with"]

NEW: Final = "exchange-unapproved"


def is_open(change: Change) -> bool:
    """True for a change that needs somebody's yes and has none: nobody has decided, or somebody has said no."""
    return change.severity in ("error", "warn") and change.decision != "approved"


def taken_with(changes: Sequence[Change], seen: Iterable[Change], apart: Collection[str] = ()) -> dict[str, Change]:
    """What would be approved unasked with these changes: what is open in the exchanges that they bring, among all that
    was `seen`, and beside each the change that brings it. By fingerprint; nothing of the cassettes `apart`."""
    chosen = {each.fingerprint for each in changes}
    brought = {
        (one.cassette, one.exchange): each
        for each in changes
        if each.kind == NEW and each.edge == "consume"
        for one in each.occurrences
        if one.cassette not in apart
    }
    found: dict[str, Change] = {}
    for each in seen:
        bringing = [brought[place] for one in each.occurrences if (place := (one.cassette, one.exchange)) in brought]
        if bringing and is_open(each) and each.fingerprint not in chosen:
            found |= {one.fingerprint: one for one in (*bringing, each)}
    return found
