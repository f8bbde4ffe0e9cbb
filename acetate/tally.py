"""Tally: what the tests of one process saw, as plain values that travel from the workers of pytest-xdist and add up."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from acetate.drift import Drift
from acetate.matching import Mismatch
from acetate.missed import Missed, again
from acetate.staging import Filed
from acetate.verdict import Mock, Problem, mocks_from_json, mocks_json

__all__ = ["Tally", "unrecorded"]


@dataclass(slots=True)
class Tally:
    """What tests saw. `opened` has the sizes of all cassettes that were opened, by name; `played`, by file of a
    cassette, who played which exchange; `kept` the names of settings that the project has of its own; `refused` and
    `passed` places as `host:port`. `mocks` are the answers of hand-written mocks, `drifts` the places where requests
    were not what was recorded. `answered` are the tests that called the project's own API, `undocumented` calls of it
    that its document does not have. `collected` and `succeeded` are tests, `gaps` say why not all have run.
    `ruled` are the project's own redaction rules that found something in what was recorded. `unfound` is the place of
    the project's own API where nothing is there.
    """

    played: dict[str, dict[int, list[str]]] = field(default_factory=dict)
    replayed: int = 0
    live: int = 0
    missed: list[Missed] = field(default_factory=list)
    filed: list[Filed] = field(default_factory=list)
    mocked: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    passed: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)
    opened: dict[str, int] = field(default_factory=dict)
    mocks: list[Mock] = field(default_factory=list)
    drifts: list[Drift] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    undocumented: list[str] = field(default_factory=list)
    collected: list[str] = field(default_factory=list)
    succeeded: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    ruled: list[str] = field(default_factory=list)
    unfound: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """What another process saw, too."""
        for path, exchanges in other.played.items():
            for position, tests in exchanges.items():
                self.played.setdefault(path, {}).setdefault(position, []).extend(tests)
        self.replayed += other.replayed
        self.live += other.live
        self.opened |= other.opened
        self.missed += other.missed
        self.filed += other.filed
        self.mocked += other.mocked
        self.mocks += other.mocks
        self.drifts += other.drifts
        for name in ("kept", "answered", "undocumented", "collected", "succeeded", "gaps", "ruled", "unfound"):
            setattr(self, name, list(dict.fromkeys([*getattr(self, name), *getattr(other, name)])))
        self.refused += other.refused
        self.passed += other.passed
        self.problems += other.problems

    def as_text(self) -> str:
        """To be sent to another process of the same Acetate."""
        played = [[path, list(each.items())] for path, each in self.played.items()]
        own = {"played": played, "passed": dict(self.passed), "mocks": mocks_json(self.mocks)}
        return json.dumps(asdict(self) | own)

    @classmethod
    def from_text(cls, text: str) -> Tally:
        """What `as_text` wrote."""
        values: dict[str, Any] = json.loads(text)
        values["played"] = {path: dict(each) for path, each in values["played"]}
        values["missed"] = [
            Missed(**each | {"mismatches": tuple(Mismatch(**one) for one in each["mismatches"])})
            for each in values["missed"]
        ]
        values["mocks"] = list(mocks_from_json(values["mocks"]))
        values["drifts"] = [Drift(**each) for each in values["drifts"]]
        values["filed"] = [Filed(**each) for each in values["filed"]]
        values["refused"] = [(test, place) for test, place in values["refused"]]
        values["passed"] = Counter(values["passed"])
        values["problems"] = [Problem(**each) for each in values["problems"]]
        return cls(**values)


def unrecorded(each: Missed) -> Problem:
    """A miss as a problem of the report."""
    return Problem(each.test, f"{each.call} has no recording", again(each.test, each.record))
