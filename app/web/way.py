"""Way: how a reviewer came to a change, so that the next one is the one they expect. It rides in the address."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Depends, Query

from app.auth.person import Person
from app.reviews.reviewed import Reviewed
from app.web.wording import owned_by

__all__ = ["Spot", "Way", "WayHere", "choices", "narrowed", "spot"]

Word = Annotated[str, Query(max_length=300)]


@dataclass(frozen=True)
class Way:
    """Filters (empty: all), whose list it is that one goes through, and how differences are shown."""

    project: Word = ""
    edge: Word = ""
    provider: Word = ""
    operation: Word = ""
    severity: Word = ""
    mine: bool = False
    through: Literal["run", "inbox"] = "run"
    view: Literal["split", "inline"] = "split"

    def query(self, **other: object) -> str:
        """For an address: `?edge=consume&view=inline`, without what says nothing; `other` counts, also to take away."""
        said = asdict(self) | other
        told = {key: value for key, value in said.items() if value not in ("", 0, None, DEFAULTS.get(key))}
        return f"?{urlencode({key: _written(value) for key, value in told.items()})}" if told else ""


def _written(value: object) -> str:
    return "1" if value is True else str(value)


DEFAULTS: Final = {"through": "run", "view": "split"}
WayHere = Annotated[Way, Depends()]

_FILTERS: Final[dict[str, Callable[[Reviewed], str]]] = {
    "project": lambda each: each.run.project,
    "edge": lambda each: each.change.edge,
    "provider": lambda each: each.change.provider,
    "operation": lambda each: each.change.operation,
    "severity": lambda each: each.change.severity,
}


def narrowed(found: Iterable[Reviewed], way: Way, person: Person) -> list[Reviewed]:
    """What passes the filters."""
    wanted = [(read, value) for name, read in _FILTERS.items() if (value := getattr(way, name))]
    return [
        each
        for each in found
        if all(read(each) == value for read, value in wanted)
        and (not way.mine or owned_by(each.owners, person.handles))
    ]


def choices(found: Iterable[Reviewed], way: Way, person: Person, name: str) -> list[tuple[str, int]]:
    """What a filter can be set to, and how many changes that leaves while the other filters stay. What it is set to is
    among them, also where that leaves nothing."""
    unset: dict[str, Any] = {name: ""}
    others = narrowed(found, replace(way, **unset), person)
    counted = Counter(_FILTERS[name](each) for each in others)
    chosen = getattr(way, name)
    return sorted({**dict.fromkeys([chosen] if chosen else [], 0), **counted}.items())


@dataclass(frozen=True, slots=True)
class Spot:
    """Where one is in a list. `number` is 0 for a change that is not, or no longer, in it; `left` wait."""

    number: int
    total: int
    left: int
    previous: Reviewed | None
    next: Reviewed | None
    next_open: Reviewed | None
    """The next one that waits for a decision, from the top again after the last; None if no other does."""


def spot(listed: Sequence[Reviewed], run: UUID, fingerprint: str) -> Spot:
    """Where a change is in a list."""
    names = [(each.run.id, each.change.fingerprint) for each in listed]
    here = names.index((run, fingerprint)) if (run, fingerprint) in names else -1
    others = [*listed[here + 1 :], *listed[: max(here, 0)]]
    return Spot(
        number=here + 1,
        total=len(listed),
        left=sum(each.needs_decision for each in listed),
        previous=listed[here - 1] if here > 0 else None,
        next=listed[here + 1] if here + 1 < len(listed) else None,
        next_open=next((each for each in others if each.needs_decision), None),
    )
