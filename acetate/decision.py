"""Decision: what a person said of a change, one committed file each: `contracts/.reviews/<fingerprint>-<utc>.json`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from shlex import quote
from typing import Literal

from acetate.body import Json
from acetate.change import Decision
from acetate.errors import ApprovedFileError, amiss
from acetate.library import Tree

__all__ = ["VERSION", "Decided", "Decisions", "FileChange", "decided_bytes", "digest"]

VERSION = 1


def digest(content: bytes | None) -> str | None:
    """SHA-256 of a file's bytes; None where there is no file."""
    return None if content is None else hashlib.sha256(content).hexdigest()


@dataclass(frozen=True, slots=True)
class FileChange:
    """What a decision did to one approved file: its path from the root, and its digests before and after."""

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision. `at` is RFC 3339 in UTC with microseconds; `change` says in words what was decided upon; `batch`
    is shared by all decisions of one command."""

    fingerprint: str
    decision: Literal["approved", "rejected", "undone"]
    by: str
    at: str
    why: str
    via: Literal["terminal", "service"]
    change: Mapping[str, Json]
    files: tuple[FileChange, ...] = ()
    batch: str = ""

    @property
    def name(self) -> str:
        """Its file's name."""
        return f"{self.fingerprint}-{''.join(c for c in self.at if c.isalnum())}.json"


@dataclass(slots=True)
class Decisions:
    """The decisions of a project. An approval is spent when its approved files have moved on since: the same change a
    year later is asked again."""

    tree: Tree
    folder: str
    _read: list[Decided] | None = None
    _spendable: bool = True

    def all(self) -> list[Decided]:
        """Every decision ever made here, oldest first."""
        if self._read is None:
            files = self.tree.files(self.folder, ".json")
            self._read = sorted((_decided(self.tree.read(path) or b"", path) for path in files), key=lambda d: d.at)
        return self._read

    def since(self, older: Tree) -> Decisions:
        """Those that an older tree does not hold: what a pull request decides. They stand whatever it merged since."""
        known = {path.rpartition("/")[2] for path in older.files(self.folder, ".json")}
        return Decisions(self.tree, self.folder, [each for each in self.all() if each.name not in known], False)

    def standing(self) -> list[Decided]:
        """The decision that stands on each change, oldest first: the last one that was not undone."""
        by_change: dict[str, list[Decided]] = {}
        for each in self.all():
            made = by_change.setdefault(each.fingerprint, [])
            if each.decision != "undone":
                made.append(each)
            elif made:
                made.pop()
        return sorted((made[-1] for made in by_change.values() if made), key=lambda each: each.at)

    def on(self, fingerprint: str) -> tuple[Decision | None, str | None]:
        """The decision that stands on a change, and its reason."""
        last = next((each for each in self.standing() if each.fingerprint == fingerprint), None)
        if last is None or last.decision == "undone":
            return None, None
        if last.decision == "approved" and self._spendable and not self._stands(last):
            return None, None
        return last.decision, last.why or None

    def _stands(self, decided: Decided) -> bool:
        """A new exchange is approved by its snapshot alone: what was said of one says nothing of the next."""
        if decided.change.get("kind") == "exchange-unapproved":
            return False
        return all(digest(self.tree.read(file.path)) == file.after for file in decided.files)


def decided_bytes(decided: Decided) -> bytes:
    """The file of a decision."""
    document = {
        "version": VERSION,
        "fingerprint": decided.fingerprint,
        "decision": decided.decision,
        "by": decided.by,
        "at": decided.at,
        "why": decided.why,
        "via": decided.via,
        "change": dict(decided.change),
        "batch": decided.batch,
        "files": [{"path": each.path, "before": each.before, "after": each.after} for each in decided.files],
    }
    return (json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _decided(text: bytes, where: str) -> Decided:
    try:
        document = json.loads(text)
        version = document["version"]
        if version <= VERSION:
            return Decided(
                fingerprint=document["fingerprint"],
                decision=document["decision"],
                by=document["by"],
                at=document["at"],
                why=document["why"],
                via=document["via"],
                change=document["change"],
                batch=document["batch"],
                files=tuple(_files(document["files"])),
            )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ApprovedFileError(
            f"is not a decision: {amiss(error)}", where=where, next=f"git checkout -- {quote(where)}"
        ) from None
    raise ApprovedFileError(
        f"was written by a newer Acetate (version {version})", where=where, next="pip install --upgrade acetate"
    )


def _files(listed: Iterable[Mapping[str, str | None]]) -> Iterable[FileChange]:
    for each in listed:
        yield FileChange(str(each["path"]), each["before"], each["after"])
