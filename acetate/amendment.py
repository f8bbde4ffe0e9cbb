"""Amendment: what a commit changed in the approved files, for the pull request that brings it.

Nothing is recorded or replayed: the approved snapshots and contracts of another commit are compared with those of the
working tree, by the same rules that compare a response with its snapshot. Only here can two documents be compared, so
only here a field becomes optional or required.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from acetate.change import ABSENT, Difference, Occurrence
from acetate.context import git
from acetate.contract import REPLY, Contract, Fact
from acetate.errors import AcetateError, UsageError
from acetate.examine import entry_differences, grouped, is_reported, repeats
from acetate.finding import Finding, Totals
from acetate.library import Library, Ref
from acetate.path import covers
from acetate.project import Project
from acetate.provide import provided_since
from acetate.retyping import type_kind, types_text
from acetate.snapshot import Entry, paired
from acetate.verdict import Context, Counts, Problem, Verdict, judged, merged

__all__ = ["CommitTree", "amended", "examine_amendment"]


@dataclass(frozen=True, slots=True)
class CommitTree:
    """The files of a commit, below the project's folder."""

    root: Path
    commit: str

    @classmethod
    def at(cls, root: Path, ref: str) -> CommitTree:
        """The commit that a name stands for. Raises UsageError where git does not know it here."""
        commit = git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
        if commit:
            return cls(root, commit)
        if git(root, "rev-parse", "--git-dir") is None:
            raise UsageError(
                "git finds no repository here, or may not look into it",
                where=str(root),
                next=f"git -C '{root}' status   (says why), or acetate check without --against",
            )
        branch = ref.removeprefix("origin/")
        if ref == branch and git(root, "rev-parse", "--verify", "--quiet", f"origin/{branch}^{{commit}}"):
            raise UsageError(f"git knows `{ref}` only as `origin/{ref}`", next=f"--against origin/{ref}")
        if git(root, "rev-parse", "--is-shallow-repository") == "true":
            raise UsageError(
                f"`{ref}` is not in this shallow clone",
                next=f"git fetch --depth=1 origin {branch}:refs/remotes/origin/{branch}, "
                f"then acetate check --against origin/{branch}",
            )
        raise UsageError(f"git knows no commit `{ref}`", next="git branch --all   (lists what can be named)")

    def read(self, path: str) -> bytes | None:
        done = _run(self.root, "show", f"{self.commit}:./{path}")
        return done.stdout if done.returncode == 0 else None

    def files(self, folder: str, suffix: str) -> Iterable[str]:
        listed = self._listed("ls-tree", "-r", "-z", "--name-only", self.commit, "--", f"{folder}/")
        return sorted(path for path in listed if path.endswith(suffix))

    def differing(self, folder: str) -> set[str]:
        """The files below a folder that are not the same in the working tree, new ones included."""
        changed = self._listed(
            "diff", "--name-only", "--no-renames", "--relative", "-z", self.commit, "--", f"{folder}/"
        )
        return changed | self._listed("ls-files", "--others", "-z", "--", f"{folder}/")

    def _listed(self, *words: str) -> set[str]:
        """The paths that git lists. Where it fails, an empty list would pass for "nothing has changed"."""
        done = _run(self.root, *words)
        if done.returncode != 0:
            said = done.stderr.decode("utf-8", "replace").strip()
            raise AcetateError(f"`git {words[0]}` failed: {said}", where=str(self.root), next="git fsck")
        return {path for path in done.stdout.decode("utf-8", "surrogateescape").split("\0") if path}


def _run(root: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", "-C", str(root), *words], capture_output=True, check=False)


def examine_amendment(project: Project, ref: str, context: Context) -> Verdict:
    """Examine what the working tree approves against what another commit approves."""
    tree = CommitTree.at(project.root, ref)
    before = project.library_of(tree)
    after = project.library
    findings: list[Finding] = []
    problems: list[Problem] = []
    every = {*after.snapshot_names(), *before.snapshot_names()}
    totals, exchanges, names = Totals(), 0, sorted(name for name in every if not after.is_own(name))
    differing = tree.differing(after.snapshots) | tree.differing(after.contracts)
    for name in names:
        try:
            now = after.entries(name)
            exchanges += len(now)
            totals.update((Ref.of(entry), entry.model) for entry in now)
            if after.snapshot_file(name) in differing:
                findings += _amended_entries(name, before.entries(name), now, before, project)
        except AcetateError as error:
            problems.append(Problem(error.where or name, error.problem, error.next))
    findings += _amended_contracts(before, after, differing, findings)
    decisions = project.decisions.since(tree)
    changes = grouped(findings, totals, project, decisions, edge="consume")
    counts = Counts(cassettes=len(names), exchanges=exchanges, examined=exchanges)
    verdict = Verdict(judged(changes, tuple(problems), exchanges), context, counts, changes, tuple(problems))
    if not project.config.app:
        return verdict
    return merged([verdict, provided_since(project, before, differing, decisions, context)])


def _amended_entries(
    name: str, before: list[Entry], now: list[Entry], library: Library, project: Project
) -> Iterator[Finding]:
    partners = paired(before, now)
    for index, (entry, partner) in enumerate(zip(now, partners, strict=True)):
        old = before[partner] if partner is not None else None
        if old is None:
            found = [Difference("exchange-unapproved", "$", "$")]
        else:
            rules = project.rules(old.operation)
            found = entry_differences(old, entry, rules, library.contract(Ref.of(old)))
        for each in found:
            where = Occurrence(name, index, each.at, model=entry.model, recorded_at=entry.recorded)
            yield Finding(Ref.of(old or entry), each, where)
    for index, entry in enumerate(before):
        if index not in partners:
            lost = Difference("observation-lost", "$", "$")
            yield Finding(Ref.of(entry), lost, Occurrence(name, index, "$", model=entry.model))


def _amended_contracts(
    before: Library, after: Library, differing: set[str], findings: list[Finding]
) -> Iterator[Finding]:
    known = differing.intersection(before.contract_files())
    for ref in after.refs():
        path = ref.file(after.contracts)
        old, new = (library.contract(ref) for library in (before, after)) if path in known else (None, None)
        if old is None or new is None:
            continue
        reported = [each.difference for each in findings if each.ref == ref]
        for difference in _untold(amended(old, new), reported):
            yield Finding(ref, difference, Occurrence(path, 0, difference.at))


def _untold(found: Iterable[Difference], reported: Sequence[Difference]) -> Iterator[Difference]:
    """What two contracts tell beyond what their snapshots do. As there, an assembled reply says nothing that the events
    said already."""
    news = [each for each in found if not is_reported(each, reported)]
    events = [*reported, *(each for each in news if not covers(REPLY, each.path))]
    return (each for each in news if not (covers(REPLY, each.path) and repeats(each, events)))


def amended(before: Contract, now: Contract) -> list[Difference]:
    """What differs between two contracts of one operation: each path once, parents before children."""
    found: list[Difference] = []
    for path in sorted({*before.facts, *now.facts}):
        if any(each.kind.startswith(("field-", "optional-field-")) and covers(each.path, path) for each in found):
            continue
        old, new = before.facts.get(path), now.facts.get(path)
        if old is None:
            found.append(Difference("field-added", path, path, ABSENT, _types(new)))
        elif new is None:
            kind = "field-removed" if old.required else "optional-field-removed"
            found.append(Difference(kind, path, path, _types(old), ABSENT))
        else:
            found += _amended_fact(path, old, new)
    return found


def _amended_fact(path: str, old: Fact, new: Fact) -> Iterator[Difference]:
    if old.required != new.required:
        yield Difference("became-optional" if old.required else "became-required", path, path)
    if ("null" in old.types) != ("null" in new.types):
        kind = "became-nullable" if "null" in new.types else "became-not-nullable"
        yield Difference(kind, path, path, _types(old), _types(new))
    bare, now = old.types - {"null"}, new.types - {"null"}
    if bare != now and bare and now:
        yield Difference("type-narrowed" if now < bare else type_kind(bare, now), path, path, _types(old), _types(new))
    yield from _amended_values(path, old, new)
    before, after = old.schema.get("format"), new.schema.get("format")
    if before != after:
        kind = "format-gained" if not before else "format-changed" if after else "format-lost"
        yield Difference(kind, path, path, before or "text", after or "text")


def _amended_values(path: str, old: Fact, new: Fact) -> Iterator[Difference]:
    before, after = old.values(None), new.values(None)
    if before and not after:
        yield Difference("became-open-string", path, path)
    elif after and not before:
        yield Difference("const-added" if "const" in new.schema else "became-enum", path, path)
    elif "const" in old.schema and before != after:
        yield Difference(
            "const-changed", path, path, *(sorted(each, key=repr)[-1] for each in (before, after - before))
        )
    else:
        for value in sorted(before - after, key=repr):
            yield Difference("enum-value-removed", path, path, value, ABSENT)
        for value in sorted(after - before, key=repr):
            yield Difference("enum-value-added", path, path, ABSENT, value)


def _types(fact: Fact | None) -> str:
    return types_text(fact.types) if fact and fact.types else "anything"
