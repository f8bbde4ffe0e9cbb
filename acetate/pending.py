"""Pending: what the project's own API answered in the last run of its tests, left under `.acetate/pending/`, so that a
person can decide on it afterwards. One file for each test, and the app's document of that run.

Only masked forms are kept. A file that cannot be read is as good as none: the next run writes it again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from acetate.change import ABSENT, Absent, Difference
from acetate.errors import AcetateError
from acetate.files import workspace, write_unsynced
from acetate.openapi import Document
from acetate.snapshot import Entry, read_snapshot, snapshot_bytes

__all__ = ["Answer", "Answers", "Pending", "snapshot_name"]

_VERSION: Final = 1
_UNSAFE = re.compile(r'[<>:"/\\|?*%\x00-\x1f\x7f]')
_LONGEST = 150
_DOCUMENT: Final = "%openapi.json"  # no test has such a name: there, two hexadecimal digits follow a `%`
_HEAD: Final = "%head.json"


@dataclass(frozen=True, slots=True)
class Answer:
    """One response of the project's own API: its masked form, and what in it breaks the app's own document."""

    entry: Entry
    violations: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class Answers:
    """Those of one test, in the order in which they were asked for. `name` is that of the snapshot."""

    name: str
    test: str
    answers: tuple[Answer, ...]


def snapshot_name(service: str, test: str) -> str:
    """The name of the snapshot of a test: `tests/test_a.py::TestB::test_c[d/e]` of the service `chat` is
    `chat/tests/test_a.py/TestB/test_c[d%2fe]`."""
    path, separator, inside = test.partition("::")
    outer, bracket, parameters = inside.partition("[")
    parts = [*path.split("/"), *(f"{outer}".split("::") if separator else ())]
    parts[-1] += f"{bracket}{parameters}"
    return "/".join([service, *(_segment(each) for each in parts if each)])


def _segment(text: str) -> str:
    """A part of a test id as the name of a file or folder on every system."""
    safe = _UNSAFE.sub(lambda found: f"%{ord(found[0]):02x}", text)
    safe = re.sub(r"\A\.|[. ]\Z", lambda found: f"%{ord(found[0]):02x}", safe)
    if len(safe.encode()) <= _LONGEST:
        return safe
    kept = safe.encode()[: _LONGEST - 18].decode(errors="ignore")
    return f"{kept}~{hashlib.sha256(text.encode()).hexdigest()[:16]}"


@dataclass(frozen=True, slots=True)
class Pending:
    """The files of one service."""

    root: Path
    service: str

    @property
    def folder(self) -> Path:
        return self.root / ".acetate" / "pending"

    def keep_only(self, tests: Collection[str]) -> None:
        """Forget all others, after a run of every test: what is not there afterwards is not answered any more."""
        for answers in list(self.all()):
            if answers.test not in tests:
                (self.folder / f"{answers.name}.json").unlink(missing_ok=True)

    def leave(self, answers: Answers, document: Document) -> None:
        """Keep what one test was answered, instead of what it was answered before."""
        content = {
            "version": _VERSION,
            "test": answers.test,
            "snapshot": json.loads(snapshot_bytes([each.entry for each in answers.answers])),
            "violations": [[_written(each) for each in answer.violations] for answer in answers.answers],
        }
        if answers.answers:
            self._write(f"{answers.name}.json", json.dumps(content, ensure_ascii=False))
        else:
            (self.folder / f"{answers.name}.json").unlink(missing_ok=True)
        self._write(f"{self.service}/{_DOCUMENT}", f'{{"version": {_VERSION}, "document": {document.text}}}')

    def all(self) -> Iterator[Answers]:
        """What was left, by test."""
        for path in sorted((self.folder / self.service).rglob("*.json")):
            name = path.relative_to(self.folder).as_posix().removesuffix(".json")
            found = self.of(name) if path.name not in (_DOCUMENT, _HEAD) else None
            if found is not None:
                yield found

    def of(self, name: str) -> Answers | None:
        """What was left of the test whose snapshot has this name."""
        content = self._read(f"{name}.json")
        try:
            entries = read_snapshot(json.dumps(content["snapshot"]).encode(), name)
            found = [tuple(map(_difference, each)) for each in content["violations"]]
            answers = tuple(Answer(*each) for each in zip(entries, found, strict=True))
            return Answers(name, str(content["test"]), answers)
        except (KeyError, TypeError, ValueError, AcetateError):
            return None

    def document(self) -> Document | None:
        """The document that the app had in the last run."""
        content = self._read(f"{self.service}/{_DOCUMENT}")
        try:
            return Document(content["document"], "the app's OpenAPI document")
        except (KeyError, TypeError, AttributeError, AcetateError):
            return None

    def mark(self, commit: str | None, branch: str | None) -> None:
        """Keep what was checked out when this was left."""
        said = {"version": _VERSION, "commit": commit, "branch": branch}
        self._write(f"{self.service}/{_HEAD}", json.dumps(said))

    def marked(self) -> tuple[str | None, str | None]:
        """The commit and the branch that were checked out then, as far as they are known."""
        content = self._read(f"{self.service}/{_HEAD}") or {}
        return content.get("commit"), content.get("branch")

    def _read(self, path: str) -> Any:
        try:
            content = json.loads((self.folder / path).read_bytes())
            return content if content["version"] == _VERSION else None
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def _write(self, path: str, text: str) -> None:
        """Without waiting for the disk, as there can be thousands: what a crash of the machine takes, the next run
        makes again. Several workers write at once, each file whole."""
        workspace(self.root)
        target = self.folder / path
        written = text.encode("utf-8", "surrogatepass")
        if not target.exists() or target.read_bytes() != written:
            write_unsynced(target, written)


def _written(difference: Difference) -> dict[str, Any]:
    sides = {"before": difference.before, "after": difference.after}
    told = {name: side for name, side in sides.items() if not isinstance(side, Absent)}
    return {"kind": difference.kind, "path": difference.path, "at": difference.at, **told}


def _difference(written: dict[str, Any]) -> Difference:
    return Difference(**{"before": ABSENT, "after": ABSENT, **written})
