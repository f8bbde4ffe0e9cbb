"""Drift: how a request differs from the recorded one that answered it, where matching looks away (`match.ignore`,
`match.mask`, a project's own matchers). Nothing breaks by it; but the answer belongs to another question."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from acetate.change import Difference, Occurrence
from acetate.exchange import Exchange, Request
from acetate.finding import Finding
from acetate.library import Ref
from acetate.matching import drifted
from acetate.path import ITEM, child, parts
from acetate.project import Project
from acetate.provider import Operation
from acetate.redaction import redact_request

__all__ = ["Drift", "drifts", "found"]


@dataclass(frozen=True, slots=True)
class Drift:
    """One place in one request. `cassette` and `exchange` say what answered it; `path` is normalised, `at` concrete,
    both below `$request`; `recorded` and `sent` are as people read them, redacted and cut."""

    cassette: str
    exchange: int
    test: str
    provider: str
    operation: str
    status: int
    stream: bool
    path: str
    at: str
    recorded: str
    sent: str


def drifts(
    project: Project, cassette: str, position: int, recorded: Exchange, sent: Request, test: str
) -> Iterator[Drift]:
    """Where a request differs from the recorded one that answered it."""
    sides = [redact_request(each, project.redaction) for each in (recorded.request, sent)]
    differing = drifted(*sides)
    if not differing:
        return
    entry = project.observed(recorded).entry
    for each in differing:
        yield Drift(
            cassette,
            position,
            test,
            entry.operation.provider,
            entry.operation.name,
            entry.status,
            entry.stream,
            _everywhere(each.path),
            f"$request{each.path.removeprefix('$')}" if each.path.startswith("$") else "$request",
            each.recorded,
            each.sent,
        )


def found(every: Iterable[Drift]) -> Iterator[Finding]:
    """Drifts as they are grouped: by place, whatever was said there."""
    for each in every:
        ref = Ref(Operation(each.provider, each.operation), each.status, each.stream)
        occurrence = Occurrence(each.cassette, each.exchange, each.at, each.test)
        yield Finding(ref, Difference("request-drift", each.path, each.at), occurrence)


def _everywhere(path: str) -> str:
    """The normalised path below `$request`."""
    found = "$request"
    for step in parts(path) if path.startswith("$") else ():
        found = f"{found}{ITEM}" if isinstance(step, int) else child(found, str(step))
    return found
