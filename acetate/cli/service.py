"""Verbs of the service: push and pull; and its decisions for `check`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from acetate.change import Change
from acetate.cli.check import examined, read_report
from acetate.cli.decide import writable
from acetate.context import context_of, in_ci, uncommitted
from acetate.packing import packed, sides_of
from acetate.project import Project
from acetate.report.text import aside
from acetate.report.wording import counted, place, printable
from acetate.review import accept, reject
from acetate.ruling import ruled
from acetate.service import Rulings, Service, ServiceError
from acetate.transport import Unreachable
from acetate.verdict import Context, Verdict
from acetate.whole import NEW

__all__ = ["decided_there", "job_of", "pull", "push"]


def push(arguments: argparse.Namespace) -> int:
    """Send a run to the service."""
    project = Project.open(arguments.root, os.environ)
    service = Service.of(arguments.service, project.config.service_url, os.environ)
    if arguments.report is not None:
        verdict = read_report(Path(arguments.report))
    else:
        context = _context(project)
        verdict = examined(project, context, against=arguments.against)
    parcel = packed(project, verdict, job=arguments.job or job_of(os.environ), against=arguments.against)
    pushed = service.push(*parcel)
    waiting = f", {counted(pushed.waiting, 'change')} to decide" if pushed.waiting else ""
    print(f"pushed   {counted(len(verdict.changes), 'change')}, {counted(pushed.sent, 'new file')}")
    print(f"now      {printable(pushed.outcome)}{waiting}")
    print(f"look     {printable(pushed.url)}")
    for line in aside(verdict.problems, verdict.notes):
        print(line)
    return 0


def _context(project: Project) -> Context:
    """Where this run takes place. What is not committed yet is of no commit, and says nothing of the one below it."""
    context = context_of(project.config.project, project.root, os.environ)
    if in_ci(os.environ) or context.commit is None:
        return context
    config = project.config
    changed = uncommitted(project.root, [*config.cassettes, f"{config.contracts}/**", f"{config.snapshots}/**"])
    if changed is None:
        return context
    print(f"note: {printable(changed)} is not committed, so this run is pushed without its commit")
    return replace(context, commit=None)


def pull(arguments: argparse.Namespace) -> int:
    """Accept what was approved at the service, and note what was rejected there."""
    project = Project.open(arguments.root, os.environ) if arguments.in_ci else writable(arguments, "pull")
    service = Service.of(arguments.service, project.config.service_url, os.environ)
    verdict = examined(project, context_of(project.config.project, project.root, os.environ, quick=True))
    rulings = service.rulings(project.config.project, [each.fingerprint for each in verdict.changes])
    there = ruled(verdict, rulings.rulings, sides_of(project, verdict))
    taken = _taken(verdict, there, rulings)
    for (_, decision, by, why), changes in sorted(taken.items(), key=lambda item: item[0][0]):
        decide = accept if decision == "approved" else reject
        # Each writes files that the next one reads.
        decide(Project(project.config, os.environ), changes, by=by, why=why, via="service")
        for each in changes:
            print(f"{decision:8} {each.fingerprint[:8]}  {each.kind}  {place(each)}  {printable(each.path)}")
    _print_rest(there, sum(map(len, taken.values())), service)
    for line in aside(verdict.problems, verdict.notes):
        print(line)
    return 2 if verdict.problems else 0


def decided_there(project: Project, verdict: Verdict, said: str, against: str | None) -> Verdict:
    """The verdict with the decisions of the service. Who cannot be asked changes nothing: the files have the word, and
    a line says so."""
    service = Service.of(said or None, project.config.service_url, os.environ)
    try:
        there = service.rulings(project.config.project, [each.fingerprint for each in verdict.changes])
    except (ServiceError, Unreachable) as error:
        print(f"{service.url} {error.problem}: this verdict is from the files alone", file=sys.stderr)
        return verdict
    sides = sides_of(project, verdict, against=against)
    return ruled(verdict, there.rulings, sides, second_person=there.second_person and against is not None)


def job_of(environ: Mapping[str, str]) -> str:
    """What tells this job from the others of its commit. GitHub does not say which part of a matrix it is."""
    if environ.get("GITHUB_ACTIONS"):
        return f"{environ.get('GITHUB_WORKFLOW', '')}/{environ.get('GITHUB_JOB', '')}"
    return environ.get("CI_JOB_NAME") or "local"


_Said = tuple[bool, str, str, str]
"""Whether it is on new exchanges (what else is in one has to be decided before), the decision, by whom, why."""


def _taken(here: Verdict, there: Verdict, rulings: Rulings) -> dict[_Said, list[Change]]:
    """What was decided at the service and not here, by decision."""
    said = {each.fingerprint: (each.decision, each.by, each.why) for each in rulings.rulings}
    taken: dict[_Said, list[Change]] = {}
    for before, after in zip(here.changes, there.changes, strict=True):
        if before.decision != after.decision:
            taken.setdefault((before.kind == NEW, *said[after.fingerprint]), []).append(before)
    return taken


def _print_rest(there: Verdict, taken: int, service: Service) -> None:
    if taken:
        print(f"\n{counted(taken, 'decision')} taken from {service.url}; look: git diff, take back: acetate undo")
    else:
        print("nothing to take: no change here was decided at the service")
    waiting = sum(each.decision is None and each.severity in ("error", "warn") for each in there.changes)
    if waiting:
        print(f"{counted(waiting, 'change')} here {'waits' if waiting == 1 else 'wait'} for a decision: acetate check")
