"""Verdict: the changes and problems of one examination, and an outcome; also as a report (`acetate.report/1`)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, Literal, get_args

from acetate.body import Json
from acetate.change import ABSENT, Absent, Change, Decision, Edge, Evidence, Occurrence, Severity
from acetate.errors import AcetateError

__all__ = [
    "Context",
    "Counts",
    "Fault",
    "Mock",
    "Outcome",
    "Problem",
    "ReportError",
    "Verdict",
    "as_json",
    "each_once",
    "from_json",
    "judged",
    "merged",
    "mocks_from_json",
    "mocks_json",
    "ordered",
    "short_fingerprints",
]

Outcome = Literal["passed", "needs-review", "failed", "unknown"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be looked at: where, what is wrong, what to do next."""

    where: str
    problem: str
    next: str


@dataclass(frozen=True, slots=True)
class Context:
    """Where a run took place. Everything but `project` and `acetate` may be unknown."""

    project: str
    acetate: str
    commit: str | None = None
    branch: str | None = None
    base: str | None = None
    pull_request: str | None = None
    author: str | None = None
    ci_url: str | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """How much was looked at."""

    cassettes: int = 0
    exchanges: int = 0
    examined: int = 0
    replayed: int = 0
    live: int = 0
    missed: int = 0


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which a mock is not like the provider: a kind of change, from the contract to the mock, and where."""

    kind: str
    severity: Severity
    path: str
    before: Json | Absent = ABSENT
    after: Json | Absent = ABSENT


@dataclass(frozen=True, slots=True)
class Mock:
    """One answer of a mock in one test, in a provider's place. `contract` is the file that it was held against, None
    where nothing is approved of such an answer."""

    test: str
    provider: str
    operation: str
    status: int
    stream: bool
    contract: str | None
    faults: tuple[Fault, ...] = ()

    @property
    def is_like(self) -> bool:
        """True if code that works with this mock works with the provider, as far as the contract tells."""
        return not any(each.severity in ("error", "warn") for each in self.faults)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run saw. Changes are ordered as people should read them: worst first. `notes` are worth knowing. `mocks`
    are there to be corrected, and nobody can approve of one. Neither plays a part in the outcome."""

    outcome: Outcome
    context: Context
    counts: Counts = field(default_factory=Counts)
    changes: tuple[Change, ...] = ()
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    mocks: tuple[Mock, ...] = ()


def judged(changes: tuple[Change, ...], problems: tuple[Problem, ...], examined: int) -> Outcome:
    """Failed on an undecided error or a rejected change that is still there, needs-review on an undecided warn;
    unknown above all others, when there are problems or nothing was examined."""
    if problems or not examined:
        return "unknown"
    if any(c.decision == "rejected" or (c.severity == "error" and c.decision is None) for c in changes):
        return "failed"
    if any(c.severity == "warn" and c.decision is None for c in changes):
        return "needs-review"
    return "passed"


_SCHEMA = re.compile(r"acetate\.report/([1-9][0-9]{0,5})\Z")
_VERSION: Final = 1
_SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warn", "info", "none")
_COUNTED = re.compile(r"(\d+) of (\d+)\Z")


class ReportError(AcetateError):
    """A report cannot be read."""


def ordered(changes: Iterable[Change]) -> tuple[Change, ...]:
    """The changes as people should read them: worst first, then by place."""
    return tuple(sorted(changes, key=_reading_order))


def _reading_order(change: Change) -> tuple[object, ...]:
    where = (change.edge, change.provider, change.operation, change.status, change.stream, change.path)
    return (_SEVERITIES.index(change.severity), *where, change.kind, change.fingerprint)


def short_fingerprints(changes: Iterable[Change]) -> dict[str, str]:
    """The shortest prefix, of 8 digits or more, that names each fingerprint among these changes."""
    names = sorted({change.fingerprint for change in changes})
    short = {}
    for before, name, after in zip(["", *names], names, [*names[1:], ""], strict=False):
        length = 8
        while name[:length] in (before[:length], after[:length]):
            length += 1
        short[name] = name[:length]
    return short


def as_json(verdict: Verdict) -> dict[str, Json]:
    """The report: `acetate.report/1`, as docs/reference/report.schema.json describes it."""
    return {
        "schema": f"acetate.report/{_VERSION}",
        "outcome": verdict.outcome,
        "context": _written(verdict.context),
        "counts": _written(verdict.counts),
        "changes": [_change_written(change) for change in verdict.changes],
        "problems": [_written(problem) for problem in verdict.problems],
        "notes": list(verdict.notes),
        "mocks": mocks_json(verdict.mocks),
    }


def mocks_json(mocks: Iterable[Mock]) -> list[Json]:
    """Mocks as a report has them."""
    return [_written(each) | {"faults": [_written(one) for one in each.faults]} for each in mocks]


def _change_written(change: Change) -> dict[str, Json]:
    written = _written(change)
    written["evidence"] = _written(change.evidence) | {"models": dict(change.evidence.models)}
    written["occurrences"] = [_written(occurrence) for occurrence in change.occurrences]
    return written


def _written(record: Any) -> dict[str, Json]:
    """The fields of a value; a side that is absent has none."""
    named = ((each.name, getattr(record, each.name)) for each in fields(record))
    return {name: value for name, value in named if not isinstance(value, Absent)}


def from_json(report: Json, *, where: str = "") -> Verdict:
    """The verdict of a report of this version or an older one. Raises ReportError for a newer one, and for what is no
    report; `where` names the file it came from."""
    schema = _SCHEMA.match(str(report.get("schema"))) if isinstance(report, dict) else None
    if schema is None:
        raise ReportError("is not a report of Acetate", where=where, next="acetate check --report json=PATH")
    if int(schema[1]) > _VERSION:
        problem = f"was written by a newer Acetate: it is `{schema[0]}`, this one reads up to {_VERSION}"
        raise ReportError(problem, where=where, next="pip install --upgrade acetate")
    try:
        return _verdict(_Record("$", report))
    except _UnreadableError as error:
        again = "acetate check --report json=PATH"
        raise ReportError(f"is not a whole report: {error}", where=where, next=again) from None


def _verdict(report: _Record) -> Verdict:
    context, counts = report.record("context"), report.record("counts")
    told: dict[str, Any] = {each.name: context.maybe_text(each.name) for each in fields(Context)}
    return Verdict(
        outcome=report.choice("outcome", Outcome),
        context=Context(**told | {"project": context.text("project"), "acetate": context.text("acetate")}),
        counts=Counts(**{each.name: counts.number(each.name) for each in fields(Counts)}),
        changes=tuple(_change(each) for each in report.records("changes")),
        problems=tuple(
            Problem(each.text("where"), each.text("problem"), each.text("next")) for each in report.records("problems")
        ),
        notes=report.maybe_texts("notes"),
        mocks=_mocks(report) if report.has("mocks") else (),
    )


def mocks_from_json(mocks: Json) -> tuple[Mock, ...]:
    """What `mocks_json` wrote."""
    return _mocks(_Record("$", {"mocks": mocks}))


def _mocks(report: _Record) -> tuple[Mock, ...]:
    return tuple(_mock(each) for each in report.records("mocks"))


def _mock(record: _Record) -> Mock:
    return Mock(
        test=record.text("test"),
        provider=record.text("provider"),
        operation=record.text("operation"),
        status=record.number("status"),
        stream=record.flag("stream"),
        contract=record.maybe_text("contract"),
        faults=tuple(_fault(each) for each in record.records("faults")),
    )


def _fault(record: _Record) -> Fault:
    return Fault(
        kind=record.text("kind"),
        severity=record.choice("severity", Severity),
        path=record.text("path"),
        before=record.side("before"),
        after=record.side("after"),
    )


def _change(record: _Record) -> Change:
    return Change(
        fingerprint=record.text("fingerprint"),
        kind=record.text("kind"),
        severity=record.choice("severity", Severity),
        edge=record.choice("edge", Edge),
        provider=record.text("provider"),
        operation=record.text("operation"),
        status=record.number("status"),
        stream=record.flag("stream"),
        path=record.text("path"),
        before=record.side("before"),
        after=record.side("after"),
        evidence=_evidence(record.record("evidence")),
        decision=record.choice("decision", Decision) if record.has("decision") else None,
        reason=record.maybe_text("reason"),
        occurrences=tuple(_occurrence(each) for each in record.records("occurrences")),
    )


def _evidence(record: _Record) -> Evidence:
    models = record.record("models") if record.has("models") else _Record("models", {})
    return Evidence(
        now=record.maybe_text("now"),
        approved=record.maybe_text("approved"),
        first_recorded=record.maybe_text("first_recorded"),
        last_approved=record.maybe_text("last_approved"),
        models=tuple((name, models.text(name)) for name in models.value),
    )


def _occurrence(record: _Record) -> Occurrence:
    return Occurrence(
        cassette=record.text("cassette"),
        exchange=record.number("exchange"),
        at=record.text("at"),
        test=record.maybe_text("test"),
        model=record.maybe_text("model"),
        recorded_at=record.maybe_text("recorded_at"),
    )


class _UnreadableError(Exception):
    """A field of a report is not what it must be."""


class _Record:
    """An object of a report, read field by field; what does not fit is named by its path."""

    def __init__(self, path: str, value: Json) -> None:
        if not isinstance(value, dict):
            raise _UnreadableError(f"`{path}` must be an object")
        self.path = path
        self.value = value

    def has(self, name: str) -> bool:
        return self.value.get(name) is not None

    def text(self, name: str) -> str:
        return str(self._typed(name, str))

    def maybe_text(self, name: str) -> str | None:
        return self.text(name) if self.has(name) else None

    def maybe_texts(self, name: str) -> tuple[str, ...]:
        return tuple(map(str, self._typed(name, list))) if self.has(name) else ()

    def number(self, name: str) -> int:
        return int(self._typed(name, int))

    def flag(self, name: str) -> bool:
        return bool(self._typed(name, bool))

    def choice(self, name: str, of: Any) -> Any:
        if self.value.get(name) not in get_args(of):
            raise _UnreadableError(f"`{self.path}.{name}` must be one of {', '.join(get_args(of))}")
        return self.value[name]

    def side(self, name: str) -> Json | Absent:
        return self.value.get(name, ABSENT)

    def record(self, name: str) -> _Record:
        return _Record(f"{self.path}.{name}", self.value.get(name))

    def records(self, name: str) -> list[_Record]:
        return [_Record(f"{self.path}.{name}[{at}]", each) for at, each in enumerate(self._typed(name, list))]

    def _typed(self, name: str, wanted: type) -> Any:
        value = self.value.get(name)
        if type(value) is not wanted:
            raise _UnreadableError(f"`{self.path}.{name}` must be {_NAMES[wanted]}")
        return value


_NAMES: dict[type, str] = {str: "text", int: "a whole number", bool: "true or false", list: "a list"}


def merged(verdicts: Iterable[Verdict]) -> Verdict:
    """One verdict of several runs (shards, services; at least one): counts are added, a change that several saw is
    one change with all its occurrences, and the whole is judged again."""
    every = list(verdicts)
    together: dict[str, list[Change]] = {}
    for verdict in every:
        for change in verdict.changes:
            together.setdefault(change.fingerprint, []).append(change)
    changes = ordered(_merged_change(same) for same in together.values())
    problems = tuple(dict.fromkeys(problem for verdict in every for problem in verdict.problems))
    counts = Counts(
        **{each.name: sum(getattr(verdict.counts, each.name) for verdict in every) for each in fields(Counts)}
    )
    context = _merged_context([verdict.context for verdict in every])
    notes = tuple(dict.fromkeys(note for verdict in every for note in verdict.notes))
    mocks = each_once(mock for verdict in every for mock in verdict.mocks)
    return Verdict(judged(changes, problems, counts.examined), context, counts, changes, problems, notes, mocks)


def each_once(mocks: Iterable[Mock]) -> tuple[Mock, ...]:
    """Those of a test that ran in several jobs once. A side can be a list, so they are compared as they are written."""
    return tuple({repr(each): each for each in mocks}.values())


def _merged_context(contexts: list[Context]) -> Context:
    """What all agree on; projects and versions are listed."""
    agreed: dict[str, Any] = {}
    for each in fields(Context):
        said = dict.fromkeys(getattr(context, each.name) for context in contexts)
        listed = each.name in ("project", "acetate")
        agreed[each.name] = ", ".join(said) if listed else next(iter(said)) if len(said) == 1 else None
    return Context(**agreed)


def _merged_change(same: list[Change]) -> Change:
    """The worst severity, and no approval unless all are approved: what one run is unsure of is not settled."""
    decisions = {change.decision for change in same}
    decided: Decision | None = "rejected" if "rejected" in decisions else None if None in decisions else "approved"
    occurrences = dict.fromkeys(occurrence for change in same for occurrence in change.occurrences)
    return replace(
        same[0],
        severity=min((change.severity for change in same), key=_SEVERITIES.index),
        evidence=_merged_evidence([change.evidence for change in same]),
        decision=decided,
        reason=next((change.reason for change in same if change.reason and change.decision == decided), None),
        occurrences=tuple(sorted(occurrences, key=lambda each: (each.cassette, each.exchange, each.at))),
    )


def _merged_evidence(every: list[Evidence]) -> Evidence:
    """What was seen is added up. What was approved is not: the runs looked at the same contract."""
    models: dict[str, list[str]] = {}
    for evidence in every:
        for model, seen in evidence.models:
            models.setdefault(model, []).append(seen)
    return Evidence(
        now=_summed([each.now for each in every if each.now]),
        approved=next((each.approved for each in every if each.approved), None),
        first_recorded=min((each.first_recorded for each in every if each.first_recorded), default=None),
        last_approved=max((each.last_approved for each in every if each.last_approved), default=None),
        models=tuple((model, _summed(seen) or "") for model, seen in models.items()),
    )


def _summed(counted: list[str]) -> str | None:
    """`25 of 27` for `20 of 20` and `5 of 7`; other texts stand side by side."""
    found = [_COUNTED.match(each) for each in counted]
    pairs = [(int(each[1]), int(each[2])) for each in found if each]
    if len(pairs) < len(counted) or not pairs:
        return "; ".join(dict.fromkeys(counted)) or None
    return f"{sum(k for k, _ in pairs)} of {sum(n for _, n in pairs)}"
