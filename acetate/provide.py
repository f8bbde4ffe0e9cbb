"""The provide edge: the responses of the project's own API under contract.

Each response is checked against the app's current document and compared with its snapshot, and the current document
with the approved one. What several of them show at one path is one change, reported as the worst of them: accepting it
settles all. A snapshot belongs to a test; its entries are paired by route, repeated calls in order.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, get_args

from acetate.change import ABSENT, Change, Difference, Evidence, Occurrence
from acetate.comparison import compare
from acetate.context import Head, head_of
from acetate.contract import Contract, Schema
from acetate.decision import Decisions
from acetate.draft import Draft
from acetate.errors import AcetateError
from acetate.evolution import Evolved, evolved, places
from acetate.examine import grouped
from acetate.exchange import Exchange, header
from acetate.finding import Finding, Totals
from acetate.kind import Severity, severity
from acetate.library import Library, Ref
from acetate.mask import mark_at
from acetate.openapi import Called, Document, Promise, Promised, call_of, rules_of
from acetate.pending import Answer, Answers, Pending, snapshot_name
from acetate.project import Project
from acetate.provider import Operation, Provider, Rules
from acetate.snapshot import Entry, Observation, observe, paired
from acetate.verdict import Context, Counts, Problem, Verdict, judged, merged
from acetate.violation import Validator

__all__ = [
    "Endorsement",
    "Left",
    "Provided",
    "answered",
    "examine_provided",
    "leave",
    "path_of",
    "pending",
    "provided_since",
    "with_provided",
]

_STREAM = "text/event-stream"
_WORDS = frozenset({"string", "integer", "number", "boolean", "object", "array", "null", "or", "anything"})
_LEVELS: Sequence[Severity] = get_args(Severity)


@dataclass(frozen=True, slots=True)
class Left:
    """What one test left: how many responses are examined, and the calls of routes that the document does not have."""

    examined: int
    undocumented: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Provided:
    """A verdict, and which entries of which snapshots a response was compared with, by their positions."""

    verdict: Verdict
    compared: Mapping[str, frozenset[int]]


def pending(project: Project) -> Pending:
    """What the last run of the tests left of this project's own API."""
    return Pending(project.root, project.config.service)


# --- what a test is answered ------------------------------------------------------------------------------------------


def leave(project: Project, test: str, document: Document, exchanges: Iterable[Exchange]) -> Left:
    """Keep what a test was answered by an app that has this document, instead of what was kept of it before. Raises
    AcetateError for a document that cannot be used and for a response that is nested too deeply."""
    answers, unknown = [], []
    for exchange in exchanges:
        method, path = exchange.request.method, path_of(exchange)
        called = document.find(method, path)
        if called is None:
            unknown.append(f"{method} {path}")
        else:
            answers.append(answered(project, document, called, exchange))
    name = snapshot_name(project.config.service, test)
    pending(project).leave(Answers(name, test, tuple(answers)), document)
    pending(project).mark(*_head(project.root))
    return Left(len(answers), tuple(unknown))


def path_of(exchange: Exchange) -> str:
    """The path of a request, without host and query."""
    return "/" + exchange.request.uri.partition("://")[2].partition("?")[0].partition("/")[2]


def answered(project: Project, document: Document, called: Called, exchange: Exchange) -> Answer:
    """One response, masked and checked by the app's own document."""
    promise = document.promise(called, exchange.response.status)
    service = project.config.service
    rules = rules_of(promise.schema if promise else None, called.name, project.config.values)
    kept = ("content-type", *sorted(promise.headers if promise else ()))
    key = hashlib.sha256(f"{service}\0{called.call}".encode()).hexdigest()
    seen = observe(
        exchange,
        Provider(service, keep_headers=tuple(dict.fromkeys(kept))),
        Operation(service, called.name),
        rules,
        key,
    )
    # A `model` in a response of ours is a field like any other.
    entry = replace(seen.entry, label=called.name, model=None, recorded=None)
    broken = tuple(_violations(seen, entry, promise, document.where, exchange)) if promise else ()
    return Answer(entry, broken)


def _violations(
    seen: Observation, entry: Entry, promise: Promise, where: str, exchange: Exchange
) -> Iterator[Difference]:
    for name, required in promise.headers.items():
        if required and name not in entry.headers:
            yield Difference("header-removed", f"$headers.{name}", f"$headers.{name}", "string", ABSENT)
    media_type = entry.headers.get("content-type") or (_STREAM if entry.stream else None)
    if media_type and not promise.allows(media_type):
        path = "$headers.content-type"
        yield Difference("content-type-changed", path, path, ", ".join(promise.media_types), media_type)
    elif promise.schema and not entry.stream and header(exchange.response.headers, "content-type"):
        for each in Validator(Contract(promise.schema, where)).check(seen.bodies[0]):
            yield replace(each, kind="undocumented-field") if each.kind == "field-added" else each


# --- examining --------------------------------------------------------------------------------------------------------


def examine_provided(project: Project, context: Context, *, tests: Collection[str] | None = None) -> Provided:
    """Examine what the last run left, of all tests or of these."""
    left = pending(project)
    examination = _Examination(project, project.library, left.document())
    for answers in left.all():
        if tests is None or answers.test in tests:
            examination.look(answers)
    return examination.concluded(context, project.decisions)


def with_provided(verdict: Verdict, project: Project) -> Verdict:
    """A verdict on recordings, with that on the project's own API where a run of its tests left something. What was
    left on another branch speaks of other code: it is not looked at, and a note says so."""
    if not project.config.app:
        return verdict
    stale = _stale(project)
    if stale:
        return replace(verdict, notes=(*verdict.notes, stale))
    provided = examine_provided(project, verdict.context).verdict
    return merged([verdict, provided]) if provided.counts.examined else verdict


def _stale(project: Project) -> str | None:
    """Why what was left is of no use here. A branch that was begun at the same commit has the same code."""
    commit, branch = pending(project).marked()
    now = head_of(project.root) if commit else None
    if now is None or now.commit in (None, commit) or now.branch == branch:
        return None
    where = f"branch {branch}" if branch else "no branch"
    return (
        f"what the tests of {project.config.service} were answered is not looked at: it was left on {where}, at commit "
        f"{str(commit)[:7]}; next: run the tests"
    )


@cache
def _head(root: Path) -> Head:
    """Once for all tests of a run: nobody checks out something else meanwhile."""
    return head_of(root)


def provided_since(
    project: Project, before: Library, differing: Collection[str], decisions: Decisions, context: Context
) -> Verdict:
    """What is approved of the project's own API now, against what an older tree approves. `differing` are the files
    that are not the same in both."""
    after = project.library
    examination = _Examination(project, before, after.document())
    for name in sorted(filter(after.is_own, {*after.snapshot_names(), *before.snapshot_names()})):
        answers = Answers(name, "", tuple(map(Answer, after.entries(name))))
        if after.snapshot_file(name) in differing:
            examination.look(answers)
            examination.miss(name)
        else:
            examination.count(answers)
    return examination.concluded(context, decisions).verdict


def _bare(change: Change) -> Change:
    """What only the document shows was seen in no response, so there is nothing to count."""
    shown = any(not each.cassette.endswith("/openapi.json") for each in change.occurrences)
    return change if shown else replace(change, evidence=Evidence())


class _Sight(NamedTuple):
    """A difference, and who showed it: lower sources are asked first. `moved` is its index among those of the
    documents."""

    source: int
    difference: Difference
    moved: int = -1


_CHECKED, _DOCUMENTS, _COMPARED = range(3)


@dataclass(slots=True)
class _Examination:
    """Responses beside what a library has approved, and the document `now` beside the approved one. `moved` are the
    differences of the documents, `told` the indexes of those that a response showed."""

    project: Project
    library: Library
    now: Document | None
    findings: list[Finding] = field(default_factory=list)
    totals: Totals = field(default_factory=Totals)
    compared: dict[str, set[int]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    before: Document | None = None
    moved: list[Evolved] = field(default_factory=list)
    told: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        try:
            self.before = self.library.document()
            if self.before and self.now:
                self.moved = evolved(self.before, self.now)
        except AcetateError as error:
            self.problems.append(Problem(error.where, error.problem, error.next))

    def look(self, answers: Answers) -> None:
        """At the responses of one test."""
        try:
            entries = self.library.entries(answers.name)
        except AcetateError as error:
            self.problems.append(Problem(error.where, error.problem, error.next))
            return
        partners = paired(entries, [each.entry for each in answers.answers])
        self.compared[answers.name] = {partner for partner in partners if partner is not None}
        for index, (answer, partner) in enumerate(zip(answers.answers, partners, strict=True)):
            entry = entries[partner] if partner is not None else None
            ref = Ref.of(entry or answer.entry)
            self.totals[ref, None] += 1
            for each in self.differences(answer, entry, ref):
                place = Occurrence(answers.name, index, each.at, answers.test or None)
                self.findings.append(Finding(ref, each, place))

    def count(self, answers: Answers) -> None:
        """Responses that are known to be as they were."""
        self.totals.update((Ref.of(each.entry), None) for each in answers.answers)

    def miss(self, name: str) -> None:
        """The entries of a snapshot that nothing was compared with."""
        for index, entry in enumerate(self.library.entries(name)):
            if index not in self.compared[name]:
                lost = Difference("observation-lost", "$", "$")
                self.findings.append(Finding(Ref.of(entry), lost, Occurrence(name, index, "$")))

    def concluded(self, context: Context, decisions: Decisions) -> Provided:
        examined = self.totals.total()
        self.tell_the_rest()
        changes = tuple(map(_bare, grouped(self.findings, self.totals, self.project, decisions, edge="provide")))
        problems = tuple(dict.fromkeys(self.problems))
        counts = Counts(exchanges=examined, examined=examined)
        verdict = Verdict(judged(changes, problems, examined), context, counts, changes, problems)
        return Provided(verdict, {name: frozenset(found) for name, found in self.compared.items() if found})

    def differences(self, answer: Answer, entry: Entry | None, ref: Ref) -> Iterator[Difference]:
        """What one response shows, each fact once."""
        found: list[Difference] = []
        if entry is None:
            self.open(ref)
            yield Difference("exchange-unapproved", "$", "$")
        else:
            found = _compared(entry, answer.entry, self.rules(answer.entry), self.known(entry))
        sights = [_Sight(_COMPARED, each) for each in found]
        sights += [_Sight(_DOCUMENTS, each.difference, at) for at, each in enumerate(self.moved) if _is_of(each, ref)]
        if not _is_another(found):
            sights += [_Sight(_CHECKED, each) for each in self.unknown(answer)]
        for cluster in _clusters(sights):
            if any(each.source != _DOCUMENTS for each in cluster):
                self.told.update(each.moved for each in cluster)
                worst = min(cluster, key=lambda each: (self.level(each.difference), each.source))
                yield from (each.difference for each in cluster if each.source == worst.source)

    def open(self, ref: Ref) -> None:
        """A response with nothing approved beside it tells that its operation and its status are new, too."""
        for at, each in enumerate(self.moved):
            is_same = each.operation.call == call_of(ref.operation.name)
            if is_same and (each.difference.kind == "endpoint-added" or _opens(each, ref)):
                self.told.add(at)

    def tell_the_rest(self) -> None:
        """What only the documents show."""
        for at, each in enumerate(self.moved):
            if at not in self.told:
                ref = Ref(Operation(self.project.config.service, each.operation.name), each.status, False)
                place = Occurrence(self.project.library.document_file, 0, each.difference.at)
                self.findings.append(Finding(ref, each.difference, place))

    def level(self, difference: Difference) -> int:
        return _LEVELS.index(severity(difference.kind, "provide", self.project.config.severity))

    def rules(self, entry: Entry) -> Rules:
        schema = _schema(self.now, entry)
        return rules_of(schema, entry.operation.name, self.project.config.values)

    def known(self, entry: Entry) -> Promised:
        """What is approved for all responses of the operation; where no document was, what is promised now."""
        return Promised(_schema(self.before, entry) or _schema(self.now, entry) or {})

    def unknown(self, answer: Answer) -> list[Difference]:
        """What breaks the app's own document and nobody has approved as known."""
        entry = answer.entry
        known = _notes(self.before, entry.operation.name, entry.status) if self.before else ()
        return [each for each in answer.violations if _note(each) not in known]


def _clusters(sights: Iterable[_Sight]) -> list[list[_Sight]]:
    """Those that share a path, directly or by one that was renamed."""
    clusters: list[tuple[set[str], list[_Sight]]] = []
    for sight in sights:
        paths, members = set(places(sight.difference)), [sight]
        apart = []
        for others in clusters:
            if paths.isdisjoint(others[0]):
                apart.append(others)
            else:
                paths, members = paths | others[0], others[1] + members
        clusters = [*apart, (paths, members)]
    return [members for _, members in clusters]


def _is_of(each: Evolved, ref: Ref) -> bool:
    return each.operation.call == call_of(ref.operation.name) and each.status == ref.status


def _opens(each: Evolved, ref: Ref) -> bool:
    return each.status == ref.status and each.difference.kind in ("status-added", "error-status-added")


def _schema(document: Document | None, entry: Entry) -> Schema | None:
    called = document.operations.get(call_of(entry.operation.name)) if document else None
    promise = document.promise(called, entry.status) if document and called else None
    return promise.schema if promise else None


def _is_another(found: Iterable[Difference]) -> bool:
    """True if status or media type changed, so that the bodies have nothing to do with each other."""
    return any(each.path in ("$status", "$headers.content-type") for each in found)


def _compared(entry: Entry, seen: Entry, rules: Rules, known: Promised) -> list[Difference]:
    """What differs from the approved entry of the same call of the same test. That it has another status, or another
    media type, is all that can be said of another body."""
    if entry.status != seen.status:
        kind = "status-removed" if entry.status < 400 else "error-status-removed"
        return [Difference(kind, "$status", "$status", entry.status, seen.status)]
    was, now = (
        each.headers.get("content-type") or ("a stream" if each.stream else "no type") for each in (entry, seen)
    )
    if was != now:
        path = "$headers.content-type"
        return [Difference("content-type-changed", path, path, was, now)]
    found = [
        Difference("header-removed", f"$headers.{name}", f"$headers.{name}", "string", ABSENT)
        for name in entry.headers
        if name not in seen.headers
    ]
    for each in compare(entry.masked, seen.masked, rules, known, model=entry.operation.name):
        if each.kind == "array-may-be-empty" and known.names_array(each.path):
            found.append(replace(each, kind="length-changed"))  # The document never said that there is an item.
        elif each.kind != "value-changed" or mark_at(rules, each.path) == "keep" or _is_of_types_or_items(each):
            found.append(each)
    return found


def _is_of_types_or_items(difference: Difference) -> bool:
    """True where a value has another of its approved types: that is shape, and no matter of values. Items are told
    only where their values were asked for."""
    sides = (difference.before, difference.after)
    return all(isinstance(side, list) for side in sides) or all(
        isinstance(side, str) and set(side.split()) <= _WORDS for side in sides
    )


# --- the approved document --------------------------------------------------------------------------------------------


class Endorsement:
    """The approved document while changes are taken over, one after the other: of each as much of the current document
    as it is about, and what breaks that noted as known. The first document that is approved is approved whole."""

    def __init__(self, project: Project) -> None:
        """Raises AcetateError for an approved document that cannot be read."""
        self._project = project
        self._before = project.library.document()
        self._now = pending(project).document()
        self._draft = Draft(self._before or self._now, self._now) if self._now else None
        self._notes = {key: set(notes) for key, notes in _all_notes(self._before)} if self._before else {}
        self._written: dict[str, str] = {}
        self._rest: dict[str, str] = {}

    def take(self, change: Change) -> bytes | None:
        """The document with this change, too; None where no run has left one."""
        if self._draft is None:
            return None
        taken = self._draft.take(lambda each: _concerns(each, change))
        for each in taken:
            self._written.pop(each.operation.template, None)
        if taken and not self._draft.waiting:
            self._written.clear()
            self._rest.clear()
        if self._breaks(change):
            self._notes.setdefault((call_of(change.operation), change.status), set()).add(_note(change))
        for (call, status), notes in self._notes.items():
            self._annotate(self._draft.content, call, status, sorted(notes))
        return self._text({**self._draft.content, "x-acetate": {"version": 1}}).encode("utf-8", "surrogatepass")

    def _text(self, content: dict[str, Any]) -> str:
        """As `json.dumps` writes it, every part kept until it changes: a command can take over hundreds of changes."""
        paths = content.get("paths", {})
        for template in paths.keys() - self._written.keys():
            self._written[template] = f"    {_line(template)}: {_indented(paths[template], 4)}"
        listed = ",\n".join(self._written[template] for template in sorted(paths))
        for key in content.keys() - self._rest.keys() - {"paths"}:
            self._rest[key] = f"  {_line(key)}: {_indented(content[key], 2)}"
        rest = {key: self._rest[key] for key in content.keys() - {"paths"}}
        rest["paths"] = f'  "paths": {{\n{listed}\n  }}' if paths else '  "paths": {}'
        return "{\n" + ",\n".join(rest[key] for key in sorted(rest)) + "\n}\n"

    def _breaks(self, change: Change) -> bool:
        """True for a change that is what the app's own document does not allow."""
        for name in dict.fromkeys(each.cassette for each in change.occurrences):
            left = pending(self._project).of(name)
            if left and any(_note(each) == _note(change) for answer in left.answers for each in answer.violations):
                return True
        return False

    def _annotate(self, content: dict[str, Any], call: str, status: int, notes: list[str]) -> None:
        for document in (self._now, self._before):
            called = document.operations.get(call) if document else None
            if document is None or called is None:
                continue
            responses = content.get("paths", {}).get(called.template, {}).get(called.method, {}).get("responses", {})
            response = responses.get(document.response_key(called, status))
            if response is not None:
                if response.get("x-acetate") != {"known": notes}:
                    response["x-acetate"] = {"known": notes}
                    self._written.pop(called.template, None)
                return


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _indented(value: Any, by: int) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False).replace("\n", "\n" + " " * by)


def _concerns(each: Evolved, change: Change) -> bool:
    ref = Ref(Operation(change.provider, change.operation), change.status, change.stream)
    if each.operation.call != call_of(change.operation):
        return False
    if change.kind == "exchange-unapproved":
        return each.difference.kind == "endpoint-added" or _opens(each, ref)
    same = Difference(change.kind, change.path, change.path, change.before, change.after)
    return _is_of(each, ref) and not places(each.difference).isdisjoint(places(same))


def _note(broken: Difference | Change) -> str:
    return f"{broken.kind} {broken.path}"


def _notes(document: Document, operation: str, status: int) -> Sequence[str]:
    """What is known to break the document in a response, and approved."""
    called = document.operations.get(call_of(operation))
    response = document.response(called, status) if called else None
    known = response.get("x-acetate", {}).get("known", ()) if response else ()
    return known if isinstance(known, list) else ()


def _all_notes(document: Document) -> Iterator[tuple[tuple[str, int], Sequence[str]]]:
    for called in document.operations.values():
        for status in document.statuses(called):
            if notes := _notes(document, called.name, status):
                yield (called.call, status), notes
