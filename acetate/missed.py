"""Missed: a request that found no recording, and the recording that comes nearest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import islice
from shlex import quote

from acetate.exchange import Request
from acetate.matching import Mismatch, nearest
from acetate.project import Project
from acetate.provider import operation
from acetate.redaction import redact_request

__all__ = ["Missed", "again", "missed"]

_COMPARED = 20_000
_SPECIAL = frozenset('"$`\\!')
"""What means something to a shell in double quotes, too."""


@dataclass(frozen=True, slots=True)
class Missed:
    """One request of a test that was stopped, however often its client tried. `call` is `POST
    together:chat.completions`; `number` counts the test's requests from 1; `nearest` is `cassette#n`, None where
    nothing was recorded. Without mismatches it was recorded, and has been played. `cassette` is where it was looked
    for, None where the test has none open; `record` is the mode that records it; `waits` says that a
    staged recording may hold it."""

    test: str
    call: str
    number: int
    cassette: str | None
    nearest: str | None = None
    mismatches: tuple[Mismatch, ...] = ()
    mask: str | None = None
    record: str = "rewrite"
    waits: bool = False


def again(test: str, mode: str = "rewrite") -> str:
    """The command that records a test, its id as every shell takes it."""
    quoted = quote(test) if _SPECIAL.intersection(test) else f'"{test}"'
    return f"pytest --record-mode={mode} {quoted}"


def missed(
    request: Request, project: Project, recorded: Iterable[tuple[str, Request]], *, known: bool, found: Missed
) -> Missed:
    """`found` with the call and what comes nearest among the recorded requests; `known` says that it is one of them."""
    address = project.providers.identify(request.uri)
    method, called = request.method.upper(), operation(address.provider, request.method, address.path)
    call = str(called) if called.name.startswith(f"{method} ") else f"{method} {called}"
    sent = redact_request(replace(request, uri=address.uri), project.redaction)
    match = project.config.match
    near = nearest(sent, list(islice(recorded, _COMPARED)), headers=match.headers, ignore=match.ignore, mask=match.mask)
    found = replace(found, call=call)
    if near is None:
        return found
    mismatches = () if known else near.mismatches
    return replace(found, nearest=near.reference, mismatches=mismatches, mask=None if known else near.mask)
