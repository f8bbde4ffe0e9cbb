"""The two sides of one exchange, or of one document, part by part: status, headers, body or events, the whole reply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from acetate.body import Json
from acetate.change import ABSENT, Absent, Change
from acetate.contract import REPLY
from acetate.snapshot import Entry
from app.web.diff import Diff, diff
from app.web.json_lines import Place
from app.web.wording import kind_of

__all__ = ["Part", "document_parts", "entry_parts", "focus_of", "sides_of"]


@dataclass(frozen=True, slots=True)
class Part:
    title: str
    diff: Diff

    @property
    def opened(self) -> bool:
        """Whether there is something to see in it."""
        return not self.diff.is_equal


def focus_of(change: Change) -> tuple[str, ...]:
    """The paths that a change is about: for what was renamed or moved, both."""
    if kind_of(change).sides == "paths":
        return (change.path, *(each for each in (change.before, change.after) if isinstance(each, str)))
    return (change.path,)


def entry_parts(approved: Entry | None, now: Entry | None, focus: Sequence[str] = ()) -> list[Part]:
    """What there is to compare, in the order in which it is read. Where only one side is there, all of it is new or
    gone."""
    old, new = sides_of(approved), sides_of(now)
    places = {title: place for title, place, _ in [*old, *new]}
    olds, news = ({title: value for title, _, value in each} for each in (old, new))
    parts = [
        Part(title, diff(olds.get(title, ABSENT), news.get(title, ABSENT), place=place, focus=focus))
        for title, place in places.items()
    ]
    return _opened_first(parts)


def document_parts(approved: Json | None, now: Json | None, focus: Sequence[str] = ()) -> list[Part]:
    """The same for a contract or an OpenAPI document."""
    old: Json | Absent = ABSENT if approved is None else approved
    new: Json | Absent = ABSENT if now is None else now
    return [Part("Document", diff(old, new, place=Place("$"), focus=focus))]


def _opened_first(parts: list[Part]) -> list[Part]:
    return sorted(parts, key=lambda part: not part.diff.has_focus)


def sides_of(entry: Entry | None) -> list[tuple[str, Place, Json]]:
    """What an entry shows, by title, each with the place that its paths begin at."""
    if entry is None:
        return []
    found: list[tuple[str, Place, Json]] = [("Status", Place("$status"), entry.status)]
    if entry.stream:
        body: dict[str, Any] = entry.body if isinstance(entry.body, dict) else {}
        if entry.reply is not None:
            found.append(("Reply, assembled from the stream", Place(REPLY), entry.reply))
        found.append(("Events", Place("$", list_of_forms=True), body.get("events", [])))
        found.append(("Last event", Place("$terminator"), entry.terminator))
    else:
        found.append(("Body", Place("$"), entry.body))
    found.append(("Headers", Place("$headers"), dict(entry.headers)))
    return found
