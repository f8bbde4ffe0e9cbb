"""Staging: where a recording goes when its test is over.

A first recording goes into its cassette if the test passed. One that replaces a recording with an approved snapshot,
and everything that a failed test recorded, is staged: it lies under `.acetate/staged/` until somebody takes or drops
it. What is not whole lies under `.acetate/incomplete/`. Nothing is deleted first, and a new recording replaces: it
never stacks on the old one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from acetate.cassette import Cassette, rendered
from acetate.errors import AcetateError, CassetteError
from acetate.exchange import Exchange, RedactedExchange
from acetate.files import WORKSPACE, locked, workspace, write_atomic
from acetate.journal import recover
from acetate.project import CassetteFile, Project
from acetate.recorder import Recorder
from acetate.redaction import redact
from acetate.secret import check_clean
from acetate.snapshot import paired
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
        below = self._below_it(file)
        return [*(super().exchanges(below) if below else ()), *super().exchanges(file)]

    def result_key(self, file: CassetteFile) -> str:
        below = self._below_it(file)
        return super().result_key(file) + (f" behind {super().result_key(below)}" if below else "")

    def start(self, file: CassetteFile) -> int:
        """How many exchanges stand before those of the file."""
        below = self._below_it(file)
        return len(super().exchanges(below)) if below else 0

    def covers(self, file: CassetteFile) -> bool:
        """True for a cassette behind which something is staged: who looks at that sees the cassette, too."""
        waiting = staged(self.root, file.name)
        return waiting is not None and waiting.how == "append" and file != waiting.file

    def _below_it(self, file: CassetteFile) -> CassetteFile | None:
        """The cassette behind which a staged file comes."""
        waiting = staged(self.root, file.name)
        if waiting is None or waiting.how != "append" or file != waiting.file:
            return None
        target = self.target(file.name)
        return CassetteFile(file.name, target) if (self.root / target).is_file() else None


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
            next=_again(recorder.test),
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
        _write(recorder, anew=how == "replace" and not recorded_in(project.root, name, run))
        write_atomic(_marker(project.root, name), run.encode())
    return Filed(name, _from_root(project, recorder.path), len(recorder.new))


def _write(recorder: Recorder, *, anew: bool) -> None:
    """Into the cassette: behind what it holds, or `anew` in its place."""
    if recorder.read and recorder.write:
        known = [] if anew else recorder.read(recorder.path)
        recorder.write(recorder.path, [*known, *recorder.new])
        return
    cassette = Cassette(recorder.path, recorder.project.root)
    for exchange in recorder.new:
        cassette.append(exchange)
    if anew:
        cassette.replace()
    else:
        cassette.save()


def _stage(recorder: Recorder, how: How, why: str, run: str) -> Filed:
    project, name = recorder.project, recorder.name
    path = staged_path(project.root, name)
    workspace(project.root)
    with locked(project.root, f"recording {name}"):
        before = staged(project.root, name)
        same_run = before is not None and before.run == run
        tests = (*before.tests, recorder.test) if before is not None and same_run else (recorder.test,)
        cassette = Cassette(path, project.root)
        for exchange in recorder.new:
            cassette.append(exchange)
        if same_run and path.exists():
            cassette.save()
        else:
            cassette.replace()
        _write_note(project.root, Staged(name, how, why, tuple(dict.fromkeys(tests)), run))
    return Filed(name, _from_root(project, path), len(recorder.new), staged=why)


def recorded_in(root: Path, name: str, run: str) -> bool:
    """True if a test of this run has recorded the cassette already: others that share it come behind."""
    try:
        return _marker(root, name).read_text(encoding="utf-8") == run
    except OSError:
        return False


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
                clean = [redact(each, project.redaction) for each in found.exchanges]
                for each in clean:
                    check_clean(each, project.redaction)
                yield _stage_recovered(project, found.cassette, clean, run)
            except AcetateError as error:
                yield Problem(error.where or str(found.path), error.problem, error.next)
                continue
        if found.damage:
            yield Problem(found.cassette or found.path.name, f"its journal was cut: {found.damage}", "record it again")
        found.remove()


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
        kept = replace(before, tests=tuple(dict.fromkeys((*before.tests, *tests)))) if before else None
        _write_note(project.root, kept or Staged(name, "append", why, tuple(sorted(tests)), run))
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


def _again(test: str) -> str:
    return f'pytest --record-mode=rewrite "{test}"'
