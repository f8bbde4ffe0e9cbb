"""Reckoning: whether the contracts count what is approved.

Two branches that approve further exchanges of one operation each raise its counts by one, and git takes both for the
same edit: after the merge there is one exchange more than the contract counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from acetate.contract import Contract, Schema, pinned_in
from acetate.derivation import Sample, derive
from acetate.finding import Finding, Totals
from acetate.library import Ref
from acetate.project import Project
from acetate.verdict import Problem

__all__ = ["reckoned"]

_REBUILD = "acetate accept --rebuild"


def reckoned(project: Project, findings: Iterable[Finding], totals: Totals) -> tuple[list[Problem], list[str]]:
    """Of a complete run: contracts that ask for something else than what is approved shows, as problems; those that are
    right and count wrong, as notes. Nothing is read but the contracts, unless a count differs from what was seen."""
    seen: Counter[Ref] = Counter()
    for (ref, _), count in totals.items():
        seen[ref] += count
    seen.subtract(each.ref for each in findings if each.difference.kind == "exchange-unapproved")
    doubtful = [
        each for each in project.library.derived() if each.evidence.get("exchanges", 0) != seen[Ref.of_contract(each)]
    ]
    approved = _approved(project, {Ref.of_contract(each) for each in doubtful})
    wrong = [each for each in doubtful if _counts_wrong(each, len(approved[Ref.of_contract(each)]))]
    problems = [_problem(each) for each in wrong if _asks(each.document) != _asks(_derived(project, each, approved))]
    broken = {each.where for each in problems}
    return problems, [_note(each, len(approved[Ref.of_contract(each)])) for each in wrong if each.where not in broken]


def _approved(project: Project, refs: set[Ref]) -> dict[Ref, list[Sample]]:
    found: dict[Ref, list[Sample]] = {ref: [] for ref in refs}
    if refs:
        for _, entry in project.library.all_entries():
            if Ref.of(entry) in found:
                found[Ref.of(entry)].append(Sample.of(entry))
    return found


def _counts_wrong(contract: Contract, approved: int) -> bool:
    """False also for a contract that stands without any exchange: a person wrote it, or everything was pruned."""
    return approved > 0 and contract.evidence.get("exchanges", 0) != approved


def _derived(project: Project, contract: Contract, approved: dict[Ref, list[Sample]]) -> Schema:
    ref = Ref.of_contract(contract)
    return derive(*ref, approved[ref], project.rules(ref.operation), pinned_in(contract.document))


def _asks(schema: object) -> object:
    """What a schema asks for, without the evidence beside it."""
    if isinstance(schema, dict):
        return {key: _asks(each) for key, each in schema.items() if key != "x-acetate"}
    return list(map(_asks, schema)) if isinstance(schema, list) else schema


def _problem(contract: Contract) -> Problem:
    return Problem(contract.where, "does not ask for what is approved, as after a merge of two branches", _REBUILD)


def _note(contract: Contract, approved: int) -> str:
    counted = contract.evidence.get("exchanges", 0)
    return f"{contract.where} counts {counted} exchanges, and {approved} are approved, as after a merge: {_REBUILD}"
