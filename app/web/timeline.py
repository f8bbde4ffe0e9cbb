"""Timeline: the history of a field as a picture, in coordinates; the template draws them.

The line is how often the field was there in what was approved; below it stand the changes that were seen and what was
decided on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from app.library.service import FieldHistory

__all__ = ["HEIGHT", "WIDTH", "Mark", "Timeline", "timeline"]

WIDTH: Final = 900
HEIGHT: Final = 200
LEFT, RIGHT, TOP, BASE, MARKS = 48.0, 880.0, 16.0, 130.0, 158.0


@dataclass(frozen=True, slots=True)
class Mark:
    """Something at one moment. `look` is `point`, `change`, or a decision; `text` is for a tooltip and for those who do
    not see the picture."""

    x: float
    y: float
    look: str
    text: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """`line` is the presence as the points of a polyline, `area` what is under it; `days` are the ends of the axis."""

    line: str
    area: str
    marks: tuple[Mark, ...]
    days: tuple[str, str]


def timeline(history: FieldHistory, now: datetime) -> Timeline | None:
    """None where there is nothing to draw."""
    moments = [each.at for each in history.points]
    moments += [each.change.first_seen_at for each in history.changes]
    moments += [one.at for each in history.changes for one in each.decisions]
    if not moments:
        return None
    start, end = min(moments), max([*moments, now])
    span = (end - start).total_seconds() or 1.0

    def across(at: datetime) -> float:
        return round(LEFT + (RIGHT - LEFT) * (at - start).total_seconds() / span, 1)

    def up(number: int, of: int) -> float:
        return round(BASE - (BASE - TOP) * (min(number / of, 1) if of else 0), 1)

    steps: list[tuple[float, float]] = []
    for each in history.points:
        if steps:
            steps.append((across(each.at), steps[-1][1]))
        steps.append((across(each.at), up(each.number, each.of)))
    if steps:
        steps.append((RIGHT, steps[-1][1]))
    marks = [
        Mark(across(each.at), up(each.number, each.of), "point", f"{_day(each.at)}: in {each.number} of {each.of}")
        for each in history.points
    ]
    for known in history.changes:
        first = known.change.first_seen_at
        marks.append(Mark(across(first), MARKS, "change", f"{_day(first)}: {known.change.kind} was seen"))
        marks += [
            Mark(across(one.at), MARKS, one.decision, f"{_day(one.at)}: {known.change.kind} {one.decision} by {one.by}")
            for one in known.decisions
        ]
    line = " ".join(f"{x},{y}" for x, y in steps)
    area = f"{steps[0][0]},{BASE} {line} {RIGHT},{BASE}" if steps else ""
    return Timeline(line, area, tuple(marks), (_day(start), _day(end)))


def _day(at: datetime) -> str:
    return at.astimezone(UTC).date().isoformat()
