"""Verbs that decide: accept, reject, undo."""

from __future__ import annotations

import argparse
import getpass
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from acetate.change import Change
from acetate.context import context_of, git, in_ci
from acetate.decision import Decided
from acetate.errors import Refused, UsageError
from acetate.examine import examine
from acetate.project import Project
from acetate.review import accept as accept_changes
from acetate.review import rebuild
from acetate.review import reject as reject_changes
from acetate.review import undo as undo_decisions
from acetate.verdict import Verdict

__all__ = ["accept", "reject", "undo", "writable"]

T = TypeVar("T")


def accept(arguments: argparse.Namespace) -> int:
    """Approve changes, or derive all contracts again."""
    project = writable(arguments, "accept")
    if arguments.rebuild:
        changed = rebuild(project)
        print("\n".join([f"derived again: {path}" for path in changed] or ["every contract is as its snapshots say"]))
        return 0
    return _decide(project, arguments, accept_changes, "accepted")


def reject(arguments: argparse.Namespace) -> int:
    """Refuse changes."""
    return _decide(writable(arguments, "reject"), arguments, reject_changes, "rejected")


def undo(arguments: argparse.Namespace) -> int:
    """Take decisions back."""
    project = writable(arguments, "undo")
    standing = _standing(project)
    if not standing:
        raise UsageError("there is no decision to undo", next="acetate log")
    if arguments.what:
        chosen = [_one(prefix, standing, lambda each: each.fingerprint, "acetate log") for prefix in arguments.what]
    else:
        chosen = [each for each in standing if each.batch == standing[-1].batch]
    undone = undo_decisions(project, chosen, by=_person(project), why=arguments.reason)
    for each in undone:
        print(
            f"undone  {each.fingerprint[:8]}  {each.change['kind']}  {each.change['operation']}  {each.change['path']}"
        )
    print(f"\n{len(undone)} undone; look again: acetate check")
    return 0


def writable(arguments: argparse.Namespace, verb: str) -> Project:
    """The project, where something approved may be written: never in CI."""
    if in_ci(os.environ):
        raise Refused(
            f"`acetate {verb}` writes approved files, and CI never does (`CI` is set)",
            next=f"run `acetate {verb}` on your machine and commit what it writes",
        )
    return Project.open(arguments.root, os.environ)


def _decide(project: Project, arguments: argparse.Namespace, decide: Callable[..., list[Decided]], done: str) -> int:
    verdict = examine(
        project, project.cassettes(), context_of(project.config.project, project.root, os.environ, quick=True)
    )
    chosen = _chosen(project, verdict, arguments)
    if not chosen:
        print(
            "nothing to decide: no change is waiting"
            if not verdict.changes
            else "nothing to decide: no waiting change fits"
        )
    decided = decide(project, chosen, by=_person(project), why=arguments.reason)
    for change in chosen:
        print(
            f"{done}  {change.fingerprint[:8]}  {change.kind}  {change.provider}:{change.operation} {change.status}  {change.path}"
        )
    if decided:
        files = sorted({file.path for each in decided for file in each.files if file.before != file.after})
        print(f"\n{len(decided)} {done}, {len(files)} approved files written; take it back: acetate undo")
    for problem in verdict.problems:
        print(f"not looked at: {problem.where}: {problem.problem}\n  next: {problem.next}")
    return 2 if verdict.problems else 0


def _chosen(project: Project, verdict: Verdict, arguments: argparse.Namespace) -> Sequence[Change]:
    waiting = [each for each in verdict.changes if each.decision is None]
    if not (arguments.what or arguments.all or arguments.kind or arguments.severity):
        raise UsageError("which changes?", next="name a fingerprint or a path, or use --all, --kind or --severity")
    chosen: dict[str, Change] = {}
    for what in arguments.what:
        for each in _named(project, what, list(verdict.changes)):
            chosen[each.fingerprint] = each
    if arguments.all or arguments.kind or arguments.severity:
        for each in waiting:
            if (not arguments.kind or each.kind in arguments.kind) and (
                not arguments.severity or each.severity in arguments.severity
            ):
                chosen[each.fingerprint] = each
    return list(chosen.values())


def _named(project: Project, what: str, changes: list[Change]) -> list[Change]:
    """A change by the start of its fingerprint, or all changes of a cassette or folder."""
    if all(character in "0123456789abcdef" for character in what.lower()) and not Path(what).exists():
        return [_one(what.lower(), changes, lambda each: each.fingerprint, "acetate check")]
    names = {file.name for file in project.cassettes([what])}
    return [each for each in changes if any(where.cassette in names for where in each.occurrences)]


def _one(prefix: str, things: Sequence[T], name: Callable[[T], str], look: str) -> T:
    found = {name(each): each for each in things if name(each).startswith(prefix)}
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        raise UsageError(
            f"`{prefix}` is the start of {len(found)} fingerprints", next=f"write more of one: {', '.join(found)}"
        )
    raise UsageError(f"no fingerprint here starts with `{prefix}`", next=look)


def _standing(project: Project) -> list[Decided]:
    """The last decision on each change, unless it was undone; oldest first."""
    last = {each.fingerprint: each for each in project.decisions.all()}
    return sorted((each for each in last.values() if each.decision != "undone"), key=lambda each: each.at)


def _person(project: Project) -> str:
    """Who decides, as git knows them."""
    name, email = git(project.root, "config", "user.name"), git(project.root, "config", "user.email")
    if name and email:
        return f"{name} <{email}>"
    return name or email or getpass.getuser()
