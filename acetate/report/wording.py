"""What all formats say alike, and how text from outside is made harmless: recorded values are never trusted."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from shlex import quote
from typing import Final, NamedTuple

from acetate.body import Json
from acetate.change import Absent, Change
from acetate.kind import KINDS
from acetate.verdict import Fault, Mock, Verdict
from acetate.whole import taken_with

__all__ = [
    "CUT",
    "GROUPS",
    "Group",
    "Scope",
    "columns",
    "counted",
    "cut",
    "grouped",
    "mocks_title",
    "named",
    "place",
    "printable",
    "seen",
    "side",
    "summary",
]

CUT: Final = 80
"""How many columns of a recorded value are shown."""


@dataclass(frozen=True, slots=True)
class Group:
    """Changes that ask the same of a reader. `noun` is for counting them."""

    name: str
    noun: str
    meaning: str


GROUPS: Final = (
    Group("breaking", "breaking", "code that follows the approved contract can stop working"),
    Group("rejected", "rejected", "a reviewer said no, and it is still there"),
    Group("review", "to review", "what was seen cannot decide whether something breaks"),
    Group("harmless", "harmless", "nothing that worked can stop working; the contract grows"),
    Group("approved", "approved", "a reviewer said yes"),
)
_UNDECIDED = {"error": "breaking", "warn": "review", "info": "harmless", "none": "harmless"}


class Scope(NamedTuple):
    """What was asked for, so that commands speak of the same changes: a commit, what is staged, some paths."""

    against: str | None = None
    staged: bool = False
    paths: tuple[str, ...] = ()

    @property
    def looking(self) -> str:
        """For commands that name a change and find it also where it is staged."""
        return f" --against {quote(self.against)}" if self.against is not None else ""

    @property
    def deciding(self) -> str:
        return f"{self.looking}{' --staged' * self.staged}"

    @property
    def every(self) -> str:
        """The same, for a command on all that was asked for."""
        return " ".join([self.deciding, *map(quote, self.paths)]) if self.paths else self.deciding


def named(change: Change, changes: Sequence[Change], short: Mapping[str, str]) -> str:
    """The fingerprints that accept a change: its own, and what is taken with it."""
    return " ".join(short[each] for each in {change.fingerprint: change, **taken_with([change], changes)})


def grouped(verdict: Verdict) -> list[tuple[Group, list[Change]]]:
    """The changes by group, in the order in which people should read them; empty groups too."""
    return [(group, [change for change in verdict.changes if _group(change) == group.name]) for group in GROUPS]


def _group(change: Change) -> str:
    return change.decision or _UNDECIDED[change.severity]


def summary(verdict: Verdict) -> str:
    """`failed: 1 breaking, 0 to review, 1 harmless, 0 approved, 0 problems`."""
    if not verdict.counts.examined and not verdict.problems:
        return f"{verdict.outcome}: nothing was examined"
    problems = counted(len(verdict.problems), "problem")
    if not verdict.changes:
        return f"{verdict.outcome}: no change, {problems}"
    counts = [
        f"{len(changes)} {group.noun}" for group, changes in grouped(verdict) if changes or group.name != "rejected"
    ]
    return f"{verdict.outcome}: {', '.join([*counts, problems])}"


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def place(change: Change | Mock) -> str:
    """`together:chat.completions 200 stream`."""
    return f"{printable(change.provider)}:{printable(change.operation)} {change.status}{' stream' * change.stream}"


def seen(change: Change) -> str:
    """`20 of 20 exchanges, in 20 cassettes`, of our own API `3 of 3 responses, in 2 tests`; empty where nobody
    counted."""
    thing, holder = ("response", "test") if change.edge == "provide" else ("exchange", "cassette")
    places = [each for each in change.occurrences if not each.cassette.endswith("/openapi.json")]
    if change.occurrences and not places:
        return "the OpenAPI document alone"
    holders = len({each.cassette for each in places})
    things = len({(each.cassette, each.exchange) for each in places})
    now = change.evidence.now
    number = f"{cut(now)} {thing}s" if now else counted(things, thing) if things else ""
    return f"{number}, in {counted(holders, holder)}" if holders else number


def side(change: Change | Fault, value: Json | Absent) -> str:
    """Before or after, cut: a value as JSON, words and paths as they are."""
    if isinstance(value, Absent):
        return "absent"
    kind = KINDS.get(change.kind)
    if isinstance(value, str) and kind is not None and kind.sides != "values":
        return cut(value)
    return cut(json.dumps(value, ensure_ascii=False))


def printable(text: str) -> str:
    """The text with all that could move a cursor, end a line or turn its direction written as an escape."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escaped(each) for each in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def cut(text: str, limit: int = CUT) -> str:
    """The printable text in at most `limit` columns, with `...` for what is left out."""
    shown = printable(text[: 2 * limit])
    if len(text) <= 2 * limit and columns(shown) <= limit:
        return shown
    kept: list[str] = []
    used = len("...")
    for character in shown:
        used += columns(character)
        if used > limit:
            break
        kept.append(character)
    return "".join(kept) + "..."


def mocks_title(mocks: Sequence[Mock], named: Callable[[str], str] = cut) -> str:
    """`1 of 2 mocks no longer looks like together`, of those that could be held against something; `named` writes the
    name of a provider."""
    held = [each for each in mocks if each.contract is not None]
    unlike = [each for each in held if not each.is_like]
    if not held:
        return "no mock could be looked at"
    names = " and ".join(dict.fromkeys(named(each.provider) for each in unlike or held))
    several, number = len(unlike or held) > 1, counted(len(held), "mock")
    look = "look" if several else "looks"
    return f"{len(unlike)} of {number} no longer {look} like {names}" if unlike else f"{number} {look} like {names}"


def columns(text: str) -> int:
    """How many columns a terminal needs: two for a wide character, none for one that combines."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(each) else 1 + (unicodedata.east_asian_width(each) in "WF") for each in text)
