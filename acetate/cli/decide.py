"""Verbs that decide: accept, reject, undo."""

from __future__ import annotations

import argparse
import getpass
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from acetate.amendment import examine_amendment
from acetate.change import Change
from acetate.cli.progress import counting
from acetate.context import context_of, git, in_ci
from acetate.decision import Decided
from acetate.errors import Refused, UsageError
from acetate.examine import examine
from acetate.kind import KINDS
from acetate.project import Project
from acetate.provide import with_provided
from acetate.report.wording import counted, place, printable
from acetate.review import accept as accept_changes
from acetate.review import confirm, rebuild
from acetate.review import reject as reject_changes
from acetate.review import undo as undo_decisions
from acetate.verdict import Verdict

__all__ = ["accept", "decided_place", "named_one", "reject", "undo", "writable"]

T = TypeVar("T")


def accept(arguments: argparse.Namespace) -> int:
    """Approve changes, or derive all contracts again."""
    project = writable(arguments, "accept")
    if arguments.rebuild:
        if _selects(arguments) or arguments.against is not None:
            raise UsageError("`--rebuild` derives all contracts and takes no changes", next="acetate accept --rebuild")
        changed = rebuild(project)
        print("\n".join([f"derived again  {path}" for path in changed] or ["every contract is as its snapshots say"]))
        return 0
    # What a commit changed is in the approved files already: there is only a decision to write.
    return _decide(project, arguments, confirm if arguments.against is not None else accept_changes, "accepted")


def reject(arguments: argparse.Namespace) -> int:
    """Refuse changes."""
    return _decide(writable(arguments, "reject"), arguments, reject_changes, "rejected")


def undo(arguments: argparse.Namespace) -> int:
    """Take decisions back."""
    project = writable(arguments, "undo")
    standing = project.decisions.standing()
    if not standing:
        raise UsageError("there is no decision to undo", next="acetate log   (lists all decisions)")
    if arguments.what:
        chosen = [named_one(each, standing, lambda each: each.fingerprint, "acetate log") for each in arguments.what]
    else:
        chosen = [each for each in standing if each.batch == standing[-1].batch]
    undone = undo_decisions(project, chosen, by=_person(project), why=arguments.reason)
    _print_rows(["undone", each.fingerprint[:8], str(each.change["kind"]), decided_place(each)] for each in undone)
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


def decided_place(decided: Decided) -> str:
    """`together:chat.completions 200 stream  $.id`, as a decision remembers it."""
    change = decided.change
    return f"{change['operation']} {change['status']}{' stream' if change['stream'] else ''}  {change['path']}"


def named_one(prefix: str, things: Sequence[T], name: Callable[[T], str], look: str) -> T:
    """The one thing whose name starts so. Raises UsageError where none or several do."""
    found = {name(each): each for each in things if prefix and name(each).startswith(prefix.lower())}
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        raise UsageError(
            f"`{prefix}` is the start of {len(found)} fingerprints", next=f"write more of one: {', '.join(found)}"
        )
    raise UsageError(f"no fingerprint here starts with `{prefix}`", next=f"{look}   (lists them)")


def _decide(project: Project, arguments: argparse.Namespace, decide: Callable[..., list[Decided]], done: str) -> int:
    if not _selects(arguments):
        raise UsageError("which changes?", next="name a fingerprint or a path, or use --all, --kind or --severity")
    if arguments.all and arguments.what:
        raise UsageError("`--all` and names do not go together", next="leave one of them out")
    _check_kinds(arguments.kind)
    verdict = _verdict(project, arguments.against)
    chosen = _chosen(project, verdict, arguments)
    if chosen:
        decided = decide(project, chosen, by=_person(project), why=arguments.reason)
        _print_rows([done, each.fingerprint[:8], each.kind, f"{place(each)}  {each.path}"] for each in chosen)
        files = {file.path for each in decided for file in each.files if file.before != file.after}
        written = f", {counted(len(files), 'approved file')} written" if files else ""
        print(f"\n{len(decided)} {done}{written}; take it back: acetate undo")
    else:
        waiting = any(each.decision is None for each in verdict.changes)
        print(f"nothing to decide: no {'waiting change fits' if waiting else 'change is waiting'}")
    for problem in verdict.problems:
        print(f"not looked at  {problem.where}: {problem.problem}\n  next: {problem.next}")
    return 2 if verdict.problems else 0


def _selects(arguments: argparse.Namespace) -> bool:
    return bool(arguments.what or arguments.all or arguments.kind or arguments.severity)


def _check_kinds(kinds: Sequence[str]) -> None:
    for kind in kinds:
        if kind not in KINDS:
            import difflib

            near = difflib.get_close_matches(kind, KINDS, n=1)
            raise UsageError(
                f"there is no kind `{kind}`",
                next=f"--kind {near[0]}" if near else "acetate explain   (lists all kinds)",
            )


def _verdict(project: Project, against: str | None) -> Verdict:
    context = context_of(project.config.project, project.root, os.environ, quick=True)
    if against is not None:
        return examine_amendment(project, against, context)
    return with_provided(examine(project, project.cassettes(), context, complete=True, counting=counting), project)


def _chosen(project: Project, verdict: Verdict, arguments: argparse.Namespace) -> Sequence[Change]:
    """The changes that all words of the command fit; each narrows the choice."""
    named: dict[str, Change] = {}
    for what in arguments.what:
        named |= {each.fingerprint: each for each in _named(project, what, verdict.changes)}
    chosen = named.values() if arguments.what else _waiting(verdict.changes)
    return [
        each
        for each in chosen
        if (not arguments.kind or each.kind in arguments.kind)
        and (not arguments.severity or each.severity in arguments.severity)
    ]


def _named(project: Project, what: str, changes: Sequence[Change]) -> Sequence[Change]:
    """A change by the start of its fingerprint, decided or not; or those of a cassette or folder that wait."""
    if _is_prefix(project, what):
        return [named_one(what, changes, lambda each: each.fingerprint, "acetate check")]
    names = {file.name for file in project.cassettes([what])}
    return [each for each in _waiting(changes) if any(where.cassette in names for where in each.occurrences)]


def _is_prefix(project: Project, what: str) -> bool:
    """True for hexadecimal digits, unless a file or folder is called so."""
    hexadecimal = all(character in "0123456789abcdef" for character in what.lower())
    return hexadecimal and not (what and any((base / what).exists() for base in (Path.cwd(), project.root)))


def _waiting(changes: Sequence[Change]) -> list[Change]:
    return [each for each in changes if each.decision is None]


def _person(project: Project) -> str:
    """Who decides, as git knows them."""
    name, email = git(project.root, "config", "user.name"), git(project.root, "config", "user.email")
    if name and email:
        return f"{name} <{email}>"
    try:
        return name or email or getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        return f"user {os.getuid()}"


def _print_rows(rows: Iterable[list[str]]) -> None:
    """What was decided, in columns."""
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        print("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
