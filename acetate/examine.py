"""The straight path: recorded exchanges in, a verdict out. Read this first.

Each exchange of a cassette is matched to its operation and to what was approved of it; it is compared with its
snapshot, then checked against its contract; the differences of all exchanges are grouped into changes, judged, and
end as a Verdict. Cassettes are held one at a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from acetate.body import Json
from acetate.census import census
from acetate.change import ABSENT, Absent, Change, Difference, Edge, Evidence, Occurrence, fingerprint
from acetate.comparison import compare
from acetate.contract import REPLY, Contract
from acetate.course import END, NAME, against_contract, with_course
from acetate.decision import Decisions
from acetate.errors import AcetateError
from acetate.finding import Examined, Finding, Totals
from acetate.kind import KINDS, severity
from acetate.library import Library, Ref
from acetate.path import covers, expand, last, parts
from acetate.project import CassetteFile, Project
from acetate.provider import Rules
from acetate.reckoning import reckoned
from acetate.reply import is_keep_alive
from acetate.retyping import JSON_TYPES
from acetate.snapshot import Entry, Observation, paired
from acetate.spread import spread
from acetate.verdict import Context, Counts, Problem, Verdict, judged, ordered

__all__ = [
    "compared",
    "echoes",
    "entry_differences",
    "examine",
    "examine_cassette",
    "grouped",
    "is_reported",
    "repeats",
    "violations",
]


_SAYS_NOTHING_OF_CONTENT = frozenset(
    {"exchange-unapproved", "length-changed", "observation-lost", "order-changed", "stream-field-phase-moved"}
)

Counting = Callable[[Iterator[Examined], int], Iterator[Examined]]
"""Passes results on as they come, and is told how many will; so that somebody can be shown how far it is."""


def examine(
    project: Project,
    cassettes: Iterable[CassetteFile],
    context: Context,
    *,
    complete: bool = False,
    counting: Counting | None = None,
) -> Verdict:
    """Examine cassettes against what is approved. A `complete` run covers all of the project's cassettes, so that it
    can also tell what is no longer seen at all."""
    shown = _examined(project, list(cassettes), counting)
    project.results.save(complete=complete)
    totals = Totals()
    for each in shown:
        totals.update(each.totals)
    findings = [finding for each in shown for finding in each.findings]
    problems = [problem for each in shown for problem in each.problems]
    notes: list[str] = []
    if complete and not problems:
        problems, notes = reckoned(project, findings, totals)
        findings = census(findings, project.library, totals)
    changes = grouped(findings, totals, project, project.decisions, edge="consume")
    examined = sum(totals.values())
    counts = Counts(cassettes=len(shown), exchanges=sum(each.exchanges for each in shown), examined=examined)
    found = tuple(dict.fromkeys(problems))
    return Verdict(judged(changes, found, examined), context, counts, changes, found, tuple(notes))


def _examined(project: Project, files: Sequence[CassetteFile], counting: Counting | None) -> list[Examined]:
    """What each cassette showed: kept from an earlier run where nothing has changed since."""
    keys = {file: project.result_key(file) for file in files}
    known = {file: project.results.get(key) for file, key in keys.items()}
    new = [file for file, kept in known.items() if kept is None]
    results = spread(partial(examine_cassette, project), new)
    if counting:
        results = counting(results, len(new))
    for file, examined in zip(new, results, strict=True):
        known[file] = examined
        project.results.put(keys[file], examined)
    return [examined for examined in known.values() if examined is not None]


def examine_cassette(project: Project, file: CassetteFile) -> Examined:
    """Examine the exchanges of one cassette against its snapshot and their contracts."""
    result = Examined(file.name)
    try:
        observations = project.observations(file)
        entries = project.library.entries(file.name)
        result.exchanges = len(observations)
        partners = paired(entries, [each.entry for each in observations])
        for index, (observation, partner) in enumerate(zip(observations, partners, strict=True)):
            entry = entries[partner] if partner is not None else None
            ref = Ref.of(entry or observation.entry)
            result.totals[ref, observation.entry.model] += 1
            for difference in compared(observation, entry, project):
                result.findings.append(Finding(ref, difference, _occurrence(file.name, index, observation, difference)))
    except AcetateError as error:
        result.problems.append(Problem(error.where or file.path, error.problem, error.next))
    return result


def compared(observation: Observation, entry: Entry | None, project: Project) -> list[Difference]:
    """The differences of one exchange: from its approved entry first; from the contract only at paths that the
    comparison did not report."""
    seen = observation.entry
    if entry is None:
        return [Difference("exchange-unapproved", "$", "$"), *_unheard(observation, project)]
    ref = Ref.of(entry)
    contract = project.library.contract(ref)
    if contract is None:
        raise project.library.missing(ref)
    found = entry_differences(entry, seen, project.rules(entry.operation), contract)
    if _is_another(found):
        return found
    return found + [each for each in violations(observation, project.library, ref) if not is_reported(each, found)]


def _unheard(observation: Observation, project: Project) -> list[Difference]:
    """What the contract says of an exchange that has no approved entry."""
    seen, ref = observation.entry, Ref.of(observation.entry)
    found = violations(observation, project.library, ref)
    contract = project.library.contract(ref)
    if contract is None or not seen.stream:
        return found
    return against_contract(found, seen, project.rules(seen.operation), contract)


def entry_differences(entry: Entry, seen: Entry, rules: Rules, contract: Contract | None) -> list[Difference]:
    """What differs between two entries of one exchange. A body under another status or of another media type is
    another body: only that is reported then."""
    outer = [*_protocol(entry, seen)]
    if _is_another(outer):
        return outer
    model = entry.model if entry.model == seen.model else None
    inner = compare(entry.masked, seen.masked, rules, contract, model=model)
    if entry.stream:
        inner = with_course(inner, entry, seen, rules, contract)
        inner += [each for each in _replied(entry, seen, rules, contract) if not repeats(each, inner)]
    return outer + inner


def echoes(entry: Entry, seen: Entry, path: str, project: Project) -> list[str]:
    """The paths at which the assembled reply only repeats a difference at `path` in the events."""
    contract = project.library.contract(Ref.of(entry))
    replied = _replied(entry, seen, project.rules(entry.operation), contract)
    found = [each for each in replied if last(path) in parts(each.path)]
    renamed = [str(each.after) for each in found if each.kind in ("field-renamed", "field-moved")]
    return [each.path for each in found] + renamed


def grouped(
    findings: Iterable[Finding],
    totals: Totals,
    project: Project,
    decisions: Decisions,
    *,
    edge: Edge,
    approved: Library | None = None,
) -> tuple[Change, ...]:
    """One change for all occurrences of one fact, worst first, each with its evidence and the decision on it."""
    together: dict[str, list[Finding]] = {}
    for finding in findings:
        operation, status, stream = finding.ref
        key = fingerprint(edge, operation.provider, operation.name, status, stream, finding.difference)
        together.setdefault(key, []).append(finding)
    changes = (
        _change(key, group, project, decisions, edge, _evidence(group, totals, approved or project.library))
        for key, group in together.items()
    )
    return ordered(each for each in changes if each.severity != "none")


def _change(
    key: str, group: Sequence[Finding], project: Project, decisions: Decisions, edge: Edge, evidence: Evidence
) -> Change:
    ref, difference = group[0].ref, group[0].difference
    decision, reason = decisions.on(key)
    return Change(
        fingerprint=key,
        kind=difference.kind,
        severity=severity(difference.kind, edge, project.config.severity),
        edge=edge,
        provider=ref.operation.provider,
        operation=ref.operation.name,
        status=ref.status,
        stream=ref.stream,
        path=difference.path,
        before=difference.before,
        after=difference.after,
        evidence=evidence,
        decision=decision,
        reason=reason,
        occurrences=tuple(each.occurrence for each in group),
    )


def _evidence(group: Sequence[Finding], totals: Totals, library: Library) -> Evidence:
    ref, difference = group[0].ref, group[0].difference
    occurrences = [each.occurrence for each in group]
    by_model = Counter(each.model for each in {(each.cassette, each.exchange): each for each in occurrences}.values())
    if {each.cassette for each in occurrences} == {ref.file(library.contracts)}:
        totals = Totals()  # What a contract says by itself, no exchange shows, and none was spared.
    examined = sum(count for (each, _), count in totals.items() if each == ref)
    contract = library.contract(ref)
    counted = contract and KINDS[difference.kind].sides == "words"
    recorded = sorted(each.recorded_at for each in occurrences if each.recorded_at)
    return Evidence(
        now=f"{by_model.total()} of {examined}" if examined else None,
        approved=contract.presence(difference.path) if contract and counted else None,
        first_recorded=recorded[0][:10] if recorded else None,
        last_approved=contract.evidence.get("recorded", {}).get("last") if contract else None,
        models=tuple(
            (model or "(no model)", f"{by_model[model]} of {count}")
            for (each, model), count in sorted(totals.items(), key=lambda item: str(item[0][1]))
            if each == ref
        ),
    )


def _is_another(found: Iterable[Difference]) -> bool:
    """True if status or media type changed, so that the bodies have nothing to do with each other."""
    return any(each.path in ("$status", "$headers.content-type") for each in found)


def _replied(entry: Entry, seen: Entry, rules: Rules, contract: Contract | None) -> list[Difference]:
    model = entry.model if entry.model == seen.model else None
    return compare([entry.reply], [seen.reply], rules, contract, root=REPLY, model=model)


def _protocol(entry: Entry, seen: Entry) -> Iterator[Difference]:
    """Status, media type and kept headers."""
    if entry.status != seen.status:
        kind = "status-added" if seen.status < 400 else "error-status-added"
        yield Difference(kind, "$status", "$status", entry.status, seen.status)
        return
    was, now = entry.headers.get("content-type"), seen.headers.get("content-type")
    if (was and now and was != now) or entry.stream != seen.stream:
        before, after = was or _form(entry), now or _form(seen)
        yield Difference("content-type-changed", "$headers.content-type", "$headers.content-type", before, after)
        return
    if not seen.headers:
        return  # The recorder kept no headers: that says nothing of the provider.
    for name in entry.headers:
        if name not in seen.headers:
            yield Difference("header-removed", f"$headers.{name}", f"$headers.{name}", "string", ABSENT)


def _form(entry: Entry) -> str:
    return "a stream" if entry.stream else "no stream"


def violations(observation: Observation, library: Library, ref: Ref) -> list[Difference]:
    """Where an exchange breaks a contract; nothing where there is none."""
    validator = library.validator(ref)
    if validator is None:
        return []
    first: dict[tuple[str, str], Difference] = {}
    for body in observation.bodies:
        for each in validator.check(body) if not is_keep_alive(body) else ():
            first.setdefault((each.kind, each.path), each)
    if observation.reply is not None:
        for each in validator.check_reply(observation.reply):
            if not repeats(each, first.values()):
                first.setdefault((each.kind, each.path), each)
    return list(first.values())


def is_reported(difference: Difference, reported: Sequence[Difference]) -> bool:
    """True if a path was named by the comparison already, itself, by a parent or by a child, also as a new name. What
    is said of the order or the length of an array says nothing of what is in it, nor does it of a field in which part
    of a stream it comes, or of an exchange that it is new or gone."""
    return any(
        covers(path, difference.path) or covers(difference.path, path)
        for each in reported
        if each.kind not in _SAYS_NOTHING_OF_CONTENT
        for path in (each.path, each.after)
        if isinstance(path, str) and path.startswith("$")
    )


def repeats(reply: Difference, events: Iterable[Difference]) -> bool:
    """True if a difference in an assembled reply only repeats one in its events, under the reply's names. The course of
    a stream is its own alone."""
    steps = set(parts(reply.path))
    return any(last(each.path) in steps for each in events if not each.kind.startswith("stream-"))


def _occurrence(cassette: str, index: int, observation: Observation, difference: Difference) -> Occurrence:
    return Occurrence(
        cassette=cassette,
        exchange=index,
        at=_place(observation, difference),
        test=observation.test,
        model=observation.entry.model,
        recorded_at=observation.recorded_at,
    )


def _place(observation: Observation, difference: Difference) -> str:
    """The first concrete place at which the difference can be seen in the response."""
    where = difference.at
    if where.startswith(("$status", "$headers", END, NAME)):
        return where
    if where.startswith(REPLY):
        values: list[tuple[str, Json]] = [(REPLY, observation.reply)]
    elif observation.entry.stream:
        values = [(f"$events[{index}]", body) for index, body in enumerate(observation.bodies)]
    else:
        values = [("$", body) for body in observation.bodies]
    fallback = where
    for root, value in values:
        for place, present, found in expand(value, where, root):
            if _shows(difference, present, found):
                return place
            fallback = place if fallback == where else fallback
    return where if isinstance(difference.after, Absent) else fallback


def _shows(difference: Difference, present: bool, found: Json) -> bool:
    if isinstance(difference.after, Absent):
        return not present
    if not present:
        return False
    if difference.after in (found, difference.at):
        return True
    new = set(str(difference.after).split(" or ")) - set(str(difference.before).split(" or "))
    return JSON_TYPES[type(found)] in new
