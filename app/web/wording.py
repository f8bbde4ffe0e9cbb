"""Wording: what pages say of changes, times and counts, in the words of the command line."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final

from acetate.change import Absent, Change, Severity
from acetate.kind import KINDS, UNCLASSIFIED, Kind
from acetate.report.wording import counted, printable, side

__all__ = [
    "EDGES",
    "LABELS",
    "OUTCOMES",
    "ago",
    "commands",
    "counted_now",
    "kind_of",
    "label",
    "lines",
    "meaning",
    "moment",
    "owned_by",
    "safe_link",
    "shown",
    "shown_sides",
    "since",
    "tally",
]

LABELS: Final[dict[Severity, str]] = {
    "error": "Breaking",
    "warn": "To review",
    "info": "Harmless",
    "none": "Harmless",
}
MEANINGS: Final[dict[Severity, str]] = {
    "error": "Code that follows the approved contract can stop working.",
    "warn": "What was seen cannot decide whether something breaks.",
    "info": "Nothing that worked can stop working; the contract grows.",
    "none": "Nothing that worked can stop working; the contract grows.",
}
OUTCOMES: Final = {
    "passed": "Passed",
    "needs-review": "Needs review",
    "failed": "Failed",
    "unknown": "Could not look",
}
EDGES: Final = {"consume": "what a provider returns to us", "provide": "what our API returns to its clients"}

LONGEST: Final = 2000
MINUTE, HOUR, DAY, WEEK = 60, 3600, 86400, 7 * 86400


def label(change: Change) -> tuple[str, str]:
    """The class of a badge and the word in it: how a change was decided, or how bad it is."""
    if change.decision:
        return change.decision, change.decision.capitalize()
    return change.severity, LABELS[change.severity]


def kind_of(change: Change) -> Kind:
    """What the catalogue says; a kind that this version does not know is an unclassified one."""
    return KINDS.get(change.kind, KINDS[UNCLASSIFIED])


def meaning(change: Change) -> str:
    return MEANINGS[change.severity]


def shown(text: object) -> str:
    """Text from outside, with all that could end a line or turn its direction spelled out."""
    return printable(str(text)[:LONGEST])


def lines(text: str) -> str:
    """The same for what somebody wrote, in the lines that they wrote."""
    return "\n".join(printable(line) for line in text[:LONGEST].replace("\r\n", "\n").split("\n"))


def shown_sides(change: Change) -> tuple[str, str] | None:
    """Before and after in few words; None where the kind has none."""
    if isinstance(change.before, Absent) and isinstance(change.after, Absent):
        return None
    return side(change, change.before), side(change, change.after)


def since(change: Change) -> str | None:
    """`between 2026-10-11 and 2026-11-22`: the last recording without it and the first one with it; `on` the day where
    both are of one."""
    last, first = change.evidence.last_approved, change.evidence.first_recorded
    if last and first and last[:10] == first[:10]:
        return f"on {printable(first)[:10]}"
    if last and first:
        return f"between {printable(last)[:10]} and {printable(first)[:10]}"
    return f"first recorded {printable(first)[:10]}" if first else None


def counted_now(change: Change) -> str | None:
    """`1 of 2 exchanges`, for our own API `1 of 2 responses`: how many show it now."""
    now = change.evidence.now
    if not now or tally(now) is None:
        return now
    return f"{now} {'response' if change.edge == 'provide' else 'exchange'}{'' if now.endswith(' of 1') else 's'}"


def tally(text: str | None) -> tuple[int, int] | None:
    """`18 of 20` as numbers."""
    words = (text or "").split(" of ")
    if len(words) == 2 and all(word.isascii() and word.isdigit() and len(word) < 10 for word in words):
        return int(words[0]), int(words[1])
    return None


def commands(change: Change) -> list[str]:
    """What to type where the page is not at hand."""
    short = change.fingerprint[:8]
    return [f"acetate show {short}", f'acetate accept {short} --reason "..."', f'acetate reject {short} --reason "..."']


def owned_by(owners: frozenset[str], handles: frozenset[str]) -> bool:
    """Whether one of the names that CODEOWNERS gives is one of these."""
    return any(owner.casefold() in handles or owner.casefold().removeprefix("@") in handles for owner in owners)


def moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def ago(at: datetime, now: datetime) -> str:
    """`3 hours ago`, and beyond a week the day."""
    seconds = int((now - at).total_seconds())
    if seconds < MINUTE:
        return "just now"
    if seconds < HOUR:
        return f"{counted(seconds // MINUTE, 'minute')} ago"
    if seconds < DAY:
        return f"{counted(seconds // HOUR, 'hour')} ago"
    if seconds < WEEK:
        return f"{counted(seconds // DAY, 'day')} ago"
    return date.isoformat(at.astimezone(UTC).date())


def safe_link(url: str | None) -> str | None:
    """An address that a page may link to: a report can say anything."""
    return url if url and url.startswith(("https://", "http://")) and len(url) <= LONGEST else None
