"""Packing: the bundle of a run, from the working tree; of each file what is approved and what was seen, both masked."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import NamedTuple

from acetate.amendment import CommitTree
from acetate.bundle import Bundle
from acetate.errors import AcetateError
from acetate.library import Library
from acetate.owners import owners_of
from acetate.project import CassetteFile, Project
from acetate.provide import pending
from acetate.ruling import Sides, places
from acetate.secret import check_clean
from acetate.snapshot import snapshot_bytes
from acetate.spread import spread
from acetate.verdict import Verdict

__all__ = ["Packed", "packed", "sides_of"]


_MATCH_KEY = re.compile(r'"match_key": "[0-9a-f]{64}"')
"""A digest that we made looks as random as a secret."""


class Packed(NamedTuple):
    """A bundle, and the contents of all files that it names, by digest."""

    bundle: Bundle
    contents: Mapping[str, bytes]


def packed(project: Project, verdict: Verdict, *, job: str, against: str | None = None) -> Packed:
    """The bundle of a verdict: of `check`, or of `check --against` a commit. Raises SecretFound for what was seen and
    looks like a secret."""
    packer = _Packer(project, against)
    contracts, snapshots = packer.contracts(), packer.snapshots(packer.names())
    bundle = Bundle(
        project=project.config.project,
        job=job,
        at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        report=verdict,
        against=packer.base.commit if packer.base else None,
        contracts=contracts,
        snapshots=snapshots,
        owners=packer.owners(verdict),
    )
    _check_clean(project, bundle, packer.contents)
    return Packed(bundle, packer.contents)


def _check_clean(project: Project, bundle: Bundle, contents: Mapping[str, bytes]) -> None:
    """What nobody has approved yet is looked at before it leaves."""
    sides = (*bundle.contracts.values(), *bundle.snapshots.values())
    for digest in set(contents) - {each.approved for each in sides}:
        text = contents[digest].decode("utf-8", "surrogatepass")
        check_clean(_MATCH_KEY.sub('"match_key": ""', text), project.redaction)


def sides_of(project: Project, verdict: Verdict, *, against: str | None = None) -> dict[str, Sides]:
    """Both sides of the files in which the changes of a verdict occur."""
    packer = _Packer(project, against)
    wanted = sorted({name for change in verdict.changes for name in places(change)})
    contracts = packer.contracts()
    known = {name: contracts[name] for name in wanted if name in contracts}
    return known | packer.snapshots(name for name in wanted if name not in known)


@dataclass
class _Packer:
    """One walk over the working tree; `contents` fills with what was met."""

    project: Project
    against: str | None
    contents: dict[str, bytes] = field(default_factory=dict)

    @cached_property
    def base(self) -> CommitTree | None:
        return CommitTree.at(self.project.root, self.against) if self.against is not None else None

    @cached_property
    def approved(self) -> Library:
        """What a reader of the report takes for approved."""
        return self.project.library_of(self.base) if self.base else self.project.library

    @cached_property
    def cassettes(self) -> dict[str, CassetteFile]:
        return {file.name: file for file in self.project.cassettes()}

    def names(self) -> list[str]:
        """Every snapshot that is approved, and every one that would be."""
        found = {*self.project.library.snapshot_names(), *self.approved.snapshot_names()}
        if self.base is None:
            found.update(self.cassettes, self._left)
        return sorted(found)

    def contracts(self) -> dict[str, Sides]:
        """Both sides of all contracts. What was seen changes none of them but the document of the project's own API:
        contracts are derived from what is approved."""
        before, after = self.approved, self.project.library
        document = after.document_file
        found = {
            path: Sides(self._file(before, path), self._file(after, path))
            for path in sorted({*before.contract_files(), *after.contract_files()})
        }
        if self.project.config.app:
            seen = None if self.base else pending(self.project).document()
            now = self._put(seen.text.encode("utf-8", "surrogatepass")) if seen else self._file(after, document)
            sides = Sides(self._file(before, document), now)
            found |= {document: sides} if any(sides) else {}
        return found

    def snapshots(self, names: Iterable[str]) -> dict[str, Sides]:
        """Both sides of these snapshots."""
        listed = list(names)
        approved = {name: self._file(self.approved, self.approved.snapshot_file(name)) for name in listed}
        now: dict[str, str | None] = dict(self._committed(listed) if self.base else self._seen(listed))
        return {name: Sides(approved[name], now.get(name)) for name in listed}

    def _committed(self, names: Iterable[str]) -> Iterator[tuple[str, str | None]]:
        library = self.project.library
        return ((name, self._file(library, library.snapshot_file(name))) for name in names)

    def _seen(self, names: Sequence[str]) -> Iterator[tuple[str, str]]:
        """What each recording, or each test of the project's own API, shows now; nothing where that cannot be read,
        which the report says."""
        own = [name for name in names if self.project.library.is_own(name)]
        files = [self.cassettes[name] for name in names if name in self.cassettes]
        for file, content in zip(files, spread(partial(_observed, self.project), files), strict=True):
            if content is not None:
                yield file.name, self._put(content)
        for name in own:
            left = pending(self.project).of(name)
            if left is not None:
                yield name, self._put(snapshot_bytes([each.entry for each in left.answers]))

    def owners(self, verdict: Verdict) -> dict[str, tuple[str, ...]]:
        """Who owns the files in which something changes: the snapshot, or if nobody does the cassette itself."""
        library, cassettes = self.project.library, self.cassettes
        files: dict[str, list[str]] = {}
        for name in {name for change in verdict.changes for name in places(change)}:
            is_contract = name.startswith(f"{library.contracts}/")
            files[name] = [name if is_contract else library.snapshot_file(name)]
            files[name] += [cassettes[name].path] if name in cassettes else []
        known = owners_of(self.project.root, {path for paths in files.values() for path in paths})
        found = {name: next((known[path] for path in paths if path in known), ()) for name, paths in files.items()}
        return {name: owners for name, owners in sorted(found.items()) if owners}

    @cached_property
    def _left(self) -> list[str]:
        return [each.name for each in pending(self.project).all()] if self.project.config.app else []

    def _file(self, library: Library, path: str) -> str | None:
        content = library.tree.read(path)
        return None if content is None else self._put(content)

    def _put(self, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        self.contents[digest] = content
        return digest


def _observed(project: Project, file: CassetteFile) -> bytes | None:
    """The snapshot that a cassette would have if all of it were approved."""
    try:
        return snapshot_bytes([each.entry for each in project.observations(file)])
    except AcetateError:
        return None
