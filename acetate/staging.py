"""Staging: where a recording goes when its test is over.

A first recording goes into its cassette if the test passed. One that replaces a recording with an approved snapshot,
and everything that a failed test recorded, is staged: it lies under `.acetate/staged/` until somebody takes or drops
it. What is not whole lies under `.acetate/incomplete/`. Nothing is deleted first, and a new recording replaces what the
same test recorded before: it never stacks on that, and leaves alone what other tests have in the same cassette.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from acetate.cassette import Cassette, rendered
from acetate.errors import AcetateError, CassetteError
from acetate.exchange import Exchange, RedactedExchange
from acetate.files import WORKSPACE, locked, workspace, write_atomic
from acetate.journal import recover
from acetate.missed import again
from acetate.project import CassetteFile, Project
from acetate.recorder import Recorder
from acetate.redaction import redact
from acetate.secret import check_clean
from acetate.snapshot import paired
from acetate.succession import staying
from acetate.verdict import Problem

__all__ = [
    "Filed",
    "Staged",
    "StagedProject",
    "all_staged",
    "file",
    "file_recovered",
    "recorded_in",
    "set_aside",
    "staged",
    "staged_again",
    "staged_file",
    "staged_path",
]

How = Literal["append", "replace"]
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Staged:
    """A recording that waits: its cassette's name, whether it comes behind what the cassette holds or in its place,
    why it waits, the tests that made it, and the run they belong to."""

    name: str
    how: How
    why: str
    tests: tuple[str, ...]
    run: str

    @property
    def file(self) -> CassetteFile:
        return CassetteFile(self.name, staged_file(self.name))


@dataclass(frozen=True, slots=True)
class Filed:
    """What became of a recording: how many exchanges lie where (a path from the root), and why not in the cassette."""

    cassette: str
    path: str
    exchanges: int
    staged: str | None = None


def staged_file(name: str) -> str:
    """Where a recording waits for a cassette's place, from the root."""
    return f"{WORKSPACE}/staged/{name}.yaml"


def staged_path(root: Path, name: str) -> Path:
    return root / staged_file(name)


def staged(root: Path, name: str) -> Staged | None:
    """The recording that waits for a cassette's place."""
    try:
        said = json.loads(_note_path(root, name).read_bytes())
        return Staged(name, said["how"], said["why"], tuple(said["tests"]), said["run"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def all_staged(root: Path) -> list[Staged]:
    """Everything that waits, by name."""
    folder = _waiting(root)
    names = sorted(path.relative_to(folder).as_posix().removesuffix(".json") for path in folder.rglob("*.json"))
    return [found for name in names if (found := staged(root, name)) is not None]


def set_aside(root: Path, name: str, batch: str | None) -> None:
    """It waits no longer: it is in its place, or is not wanted. Kept for an undo of the decisions of a `batch`."""
    for path in (staged_path(root, name), _note_path(root, name)):
        if batch is None:
            path.unlink(missing_ok=True)
        elif path.exists():
            kept = _aside(root, batch) / path.relative_to(_waiting(root))
            kept.parent.mkdir(parents=True, exist_ok=True)
            path.replace(kept)


def staged_again(root: Path, batch: str) -> list[str]:
    """What the decisions of a `batch` had set aside waits again, unless a newer recording does; by name."""
    folder = _aside(root, batch)
    back = []
    for note in sorted(folder.rglob("*.json")):
        name = note.relative_to(folder).as_posix().removesuffix(".json")
        if staged(root, name) is None:
            staged_path(root, name).parent.mkdir(parents=True, exist_ok=True)
            note.with_name(f"{note.name.removesuffix('.json')}.yaml").replace(staged_path(root, name))
            note.replace(_note_path(root, name))
            back.append(name)
    return back


class StagedProject(Project):
    """The project as it would be if what is staged were in place."""

    def cassette_file(self, name: str) -> CassetteFile:
        waiting = staged(self.root, name)
        return waiting.file if waiting else super().cassette_file(name)

    def exchanges(self, file: CassetteFile) -> list[Exchange]:
        waiting = staged(self.root, file.name)
        if waiting is None or file != waiting.file:
            return super().exchanges(file)
        old = self._in_place(file.name)
        return [*(old[at] for at in self.stays(file.name)), *super().exchanges(file)]

    def result_key(self, file: CassetteFile) -> str:
        waiting = staged(self.root, file.name)
        target = CassetteFile(file.name, self.target(file.name))
        is_apart = waiting is None or file != waiting.file or not (self.root / target.path).is_file()
        behind = "" if is_apart or waiting is None else f" {waiting.how} {super().result_key(target)}"
        return super().result_key(file) + behind

    def stays(self, name: str) -> Sequence[int]:
        """The positions of what a cassette keeps when what waits for it is in place."""
        waiting = staged(self.root, name)
        if waiting is None:
            return ()
        if name not in self._stays:
            old = self._in_place(name)
            is_new = waiting.how == "replace"
            self._stays[name] = staying(old, super().exchanges(waiting.file), self) if is_new else range(len(old))
        return self._stays[name]

    def place(self, file: CassetteFile, position: int, looked: Collection[CassetteFile]) -> int | None:
        """Where an exchange of a file stands among those of its cassette, if these files are looked at; None where
        something staged takes its place there."""
        stays = self.stays(file.name)
        if file not in looked:
            return stays.index(position) if position in stays else None
        waiting = staged(self.root, file.name)
        return position + (len(stays) if waiting is not None and file == waiting.file else 0)

    def covers(self, file: CassetteFile) -> bool:
        """True for a cassette of which something stays: who looks at what is staged for it sees that, too."""
        waiting = staged(self.root, file.name)
        return waiting is not None and file != waiting.file and bool(self.stays(file.name))

    @cached_property
    def _stays(self) -> dict[str, Sequence[int]]:
        return {}

    def _in_place(self, name: str) -> list[Exchange]:
        target = CassetteFile(name, self.target(name))
        return super().exchanges(target) if (self.root / target.path).is_file() else []


def file(recorder: Recorder, *, passed: bool, run: str) -> Iterator[Filed]:
    """Put away what a test recorded; `run` is shared by all tests of one run, in whatever process. What stands in the
    way is added to the problems of the recorder, and its journal stays."""
    project = recorder.project
    for number, (exchange, why) in enumerate(recorder.incomplete):
        path = f"{WORKSPACE}/incomplete/{recorder.name}-{_short(recorder.test)}-{number}.yaml"
        workspace(project.root)
        write_atomic(project.root / path, rendered([redact(exchange, project.redaction)]).encode())
        recorder.problems.append(
            Problem(recorder.test, f"a response is not whole: {why}; it lies in {path}", "read it to its end")
        )
    if not recorder.new:
        return
    try:
        yield _put_away(recorder, passed, run)
        recorder.filed()
    except AcetateError as error:
        recorder.problems.append(Problem(error.where or recorder.name, error.problem, error.next))


def _put_away(recorder: Recorder, passed: bool, run: str) -> Filed:
    project, name = recorder.project, recorder.name
    how: How = "replace" if recorder.mode == "record" else "append"
    if how == "replace" and (broken := _error_in_place_of_success(recorder)):
        path = f"{WORKSPACE}/incomplete/{name}-{_short(recorder.test)}.yaml"
        workspace(project.root)
        write_atomic(project.root / path, rendered(recorder.new).encode())
        recorder.filed()
        raise CassetteError(
            f"{broken}: the old recording stays, the new one lies in {path}",
            where=recorder.test,
            next=again(recorder.test),
        )
    why = None
    if how == "replace" and project.library.entries(name):
        why = "it replaces an approved recording"
    elif not passed:
        why = "its test failed"
    if why is not None:
        return _stage(recorder, how, why, run)
    workspace(project.root)
    with locked(project.root, f"recording {name}"):
        fresh = recorded_in(project.root, name, run)
        _write(recorder, how, fresh)
        note = {"run": run, "tests": sorted({*fresh, recorder.test})}
        write_atomic(_marker(project.root, name), json.dumps(note).encode())
        _drop_part(recorder)
    return Filed(name, _from_root(project, recorder.path), len(recorder.new))


def _write(recorder: Recorder, how: How, fresh: Collection[str]) -> None:
    """Into the cassette: behind what it holds, or behind what stays of that."""
    project = recorder.project
    if recorder.read and recorder.write:
        old = recorder.read(recorder.path)
        stays = range(len(old)) if how == "append" else staying(old, recorder.new, project, fresh=fresh)
        recorder.write(recorder.path, [*(old[at] for at in stays), *recorder.new])
        return
    cassette = Cassette(recorder.path, project.root)
    if how == "replace" and recorder.path.is_file():
        old = Cassette.load(recorder.path, project.root).exchanges
        for at in staying(old, recorder.new, project, fresh=fresh):
            cassette.append(_clean(old[at], project))
    for exchange in recorder.new:
        cassette.append(exchange)
    if how == "replace":
        cassette.replace()
    else:
        cassette.save()


def _stage(recorder: Recorder, how: How, why: str, run: str) -> Filed:
    project, name = recorder.project, recorder.name
    path = staged_path(project.root, name)
    workspace(project.root)
    with locked(project.root, f"recording {name}"):
        before = staged(project.root, name)
        cassette, tests = Cassette(path, project.root), [recorder.test]
        if before is not None and (before.run == run or before.how == how) and path.exists():
            old = Cassette.load(path, project.root).exchanges
            for at in staying(old, recorder.new, project, fresh=before.tests):
                cassette.append(_clean(old[at], project))
            tests = [*before.tests, recorder.test]
        for exchange in recorder.new:
            cassette.append(exchange)
        cassette.replace()
        _write_note(project.root, Staged(name, how, why, tuple(dict.fromkeys(tests)), run))
    return Filed(name, _from_root(project, path), len(recorder.new), staged=why)


def _drop_part(recorder: Recorder) -> None:
    """What waits of an earlier time that the test was cut short waits no longer: by now it has been recorded whole."""
    project, name = recorder.project, recorder.name
    waiting = staged(project.root, name)
    if waiting is None or waiting.how != "append" or recorder.test not in waiting.tests:
        return
    path = staged_path(project.root, name)
    cassette = Cassette(path, project.root)
    for each in Cassette.load(path, project.root).exchanges:
        if each.recording.test != recorder.test:
            cassette.append(_clean(each, project))
    if not cassette.exchanges:
        set_aside(project.root, name, None)
        return
    cassette.replace()
    tests = tuple(each for each in waiting.tests if each != recorder.test)
    _write_note(project.root, replace(waiting, tests=tests))


def _clean(exchange: Exchange, project: Project) -> RedactedExchange:
    """What lies there already, by the rules of today."""
    clean = redact(exchange, project.redaction)
    check_clean(clean, project.redaction)
    return clean


def recorded_in(root: Path, name: str, run: str) -> frozenset[str]:
    """The tests of this run that have recorded the cassette already: others that share it come behind."""
    try:
        said = json.loads(_marker(root, name).read_bytes())
        return frozenset(said["tests"]) if said["run"] == run else frozenset()
    except (OSError, ValueError, KeyError, TypeError):
        return frozenset()


def _marker(root: Path, name: str) -> Path:
    return root / WORKSPACE / "recorded" / hashlib.sha256(name.encode()).hexdigest()[:32]


def _error_in_place_of_success(recorder: Recorder) -> str | None:
    """`429 in place of a recorded 200`, for the first exchange whose recorded counterpart was none."""
    project = recorder.project
    old = [project.observed(each.exchange).entry for each in recorder.deck]
    new = [project.observed(each).entry for each in recorder.new]
    for entry, partner in zip(new, paired(old, new), strict=True):
        if partner is not None and entry.status >= 400 > old[partner].status:
            return f"{entry.operation} answered {entry.status} in place of a recorded {old[partner].status}"
    return None


def file_recovered(project: Project, run: str) -> Iterator[Filed | Problem]:
    """Stage what the journals of killed processes still hold."""
    for found in recover(project.root):
        if found.cassette is not None and found.exchanges:
            try:
                clean = [_clean(each, project) for each in found.exchanges]
                if found.anew:
                    yield _leave_apart(project, found.cassette, clean)
                else:
                    yield _stage_recovered(project, found.cassette, clean, run)
            except AcetateError as error:
                yield Problem(error.where or str(found.path), error.problem, error.next)
                continue
        if found.damage:
            yield Problem(found.cassette or found.path.name, f"its journal was cut: {found.damage}", "record it again")
        found.remove()


def _leave_apart(project: Project, name: str, exchanges: Sequence[RedactedExchange]) -> Problem:
    """A part of what was to replace a recording replaces nothing, and does not belong behind it either."""
    test = exchanges[0].recording.test or name
    path = f"{WORKSPACE}/incomplete/{name}-{_short(test)}.yaml"
    workspace(project.root)
    write_atomic(project.root / path, rendered(exchanges).encode())
    problem = f"it was not recorded to its end: the old recording stays, what is there of the new one lies in {path}"
    return Problem(test, problem, again(test))


def _stage_recovered(project: Project, name: str, exchanges: Sequence[RedactedExchange], run: str) -> Filed:
    path = staged_path(project.root, name)
    with locked(project.root, f"recording {name}"):
        cassette = Cassette(path, project.root)
        for exchange in exchanges:
            cassette.append(exchange)
        before = staged(project.root, name)
        if before is not None:
            cassette.save()
        else:
            cassette.replace()
        tests = {each.recording.test for each in exchanges if each.recording.test}
        why = "its test was killed"
        known = before or Staged(name, "append", why, (), run)
        if known.how == "append":  # a test whose recording is to be replaced has made a whole one
            known = replace(known, tests=tuple(dict.fromkeys((*known.tests, *sorted(tests)))))
        _write_note(project.root, known)
    return Filed(name, _from_root(project, path), len(exchanges), staged=why)


def _write_note(root: Path, one: Staged) -> None:
    said: dict[str, Any] = {"version": _VERSION, **asdict(one)}
    write_atomic(_note_path(root, one.name), (json.dumps(said, indent=2, sort_keys=True) + "\n").encode())


def _note_path(root: Path, name: str) -> Path:
    return _waiting(root) / f"{name}.json"


def _waiting(root: Path) -> Path:
    return root / WORKSPACE / "staged"


def _aside(root: Path, batch: str) -> Path:
    return root / WORKSPACE / "undo" / "staged" / batch


def _from_root(project: Project, path: Path) -> str:
    resolved, root = path.resolve(), project.root.resolve()
    return resolved.relative_to(root).as_posix() if resolved.is_relative_to(root) else str(path)


def _short(test: str) -> str:
    return hashlib.sha256(test.encode()).hexdigest()[:8]
