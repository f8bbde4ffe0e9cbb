"""Library: what is approved, read from the working tree or from a commit: contracts, snapshots and decisions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from acetate.contract import Contract, read_contract
from acetate.errors import AcetateError, ApprovedFileError
from acetate.openapi import Document, read_document
from acetate.provider import Operation
from acetate.snapshot import Entry, read_snapshot
from acetate.violation import Validator

__all__ = ["Library", "Ref", "Tree", "WorkingTree"]


class Ref(NamedTuple):
    """What one contract speaks for."""

    operation: Operation
    status: int
    stream: bool

    @classmethod
    def of(cls, entry: Entry) -> Ref:
        """The contract that an entry is evidence for."""
        return cls(entry.operation, entry.status, entry.stream)

    @classmethod
    def of_contract(cls, contract: Contract) -> Ref:
        """What a derived contract says that it speaks for."""
        said = contract.evidence
        return cls(Operation(said["provider"], said["operation"]), said["status"], said["stream"])

    def file(self, folder: str) -> str:
        """Where its contract lies, from the root."""
        stream = ".stream" if self.stream else ""
        return f"{folder}/{self.operation.provider}/{self.operation.slug}/{self.status}{stream}.json"


class Tree(Protocol):
    """Where approved files are read from. Paths are relative to the root, with `/`."""

    def read(self, path: str) -> bytes | None:
        """The bytes of a file; None where there is none."""

    def files(self, folder: str, suffix: str) -> Iterable[str]:
        """The paths of all files below a folder that end so, sorted."""


@dataclass(frozen=True, slots=True)
class WorkingTree:
    """The files as they lie in the project's folder."""

    root: Path

    def read(self, path: str) -> bytes | None:
        # No Path: a check reads thousands of files.
        try:
            with open(f"{self.root}/{path}", "rb") as file:
                return file.read()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def files(self, folder: str, suffix: str) -> Iterable[str]:
        found = (self.root / folder).rglob(f"*{suffix}")
        return sorted(path.relative_to(self.root).as_posix() for path in found if path.is_file())


@dataclass(slots=True)
class Library:
    """The approved files of one tree; each contract is read and compiled once. `service` is what the project's own API
    is called, where it is under contract, too."""

    tree: Tree
    contracts: str = "contracts"
    snapshots: str = "snapshots"
    service: str | None = None
    _validators: dict[Ref, Validator | None] = field(default_factory=dict)

    @property
    def document_file(self) -> str:
        """Where the approved OpenAPI document of the project's own API lies, from the root."""
        return f"{self.contracts}/{self.service}/openapi.json"

    def is_own(self, name: str) -> bool:
        """True for a snapshot of the project's own API: it belongs to a test, and there is no cassette of its name."""
        return self.service is not None and name.startswith(f"{self.service}/")

    def document(self) -> Document | None:
        """The approved OpenAPI document of the project's own API; None where nothing is approved yet."""
        text = self.tree.read(self.document_file)
        return read_document(text, self.document_file) if text is not None else None

    def snapshot_file(self, cassette: str) -> str:
        return f"{self.snapshots}/{cassette}.json"

    def entries(self, cassette: str) -> list[Entry]:
        """The approved entries of a cassette; none where it has no snapshot."""
        path = self.snapshot_file(cassette)
        text = self.tree.read(path)
        return read_snapshot(text, path) if text is not None else []

    def all_entries(self) -> Iterator[tuple[str, Entry]]:
        """Every approved entry with its cassette's name."""
        for name in self.snapshot_names():
            for entry in self.entries(name):
                yield name, entry

    def validator(self, ref: Ref) -> Validator | None:
        """The contract of an operation × status × plain/stream, ready to check; None where there is none."""
        if ref not in self._validators:
            path = ref.file(self.contracts)
            text = self.tree.read(path)
            self._validators[ref] = Validator(read_contract(text, path)) if text is not None else None
        return self._validators[ref]

    def contract(self, ref: Ref) -> Contract | None:
        validator = self.validator(ref)
        return validator.contract if validator else None

    def missing(self, ref: Ref) -> AcetateError:
        """What to say where snapshots are approved and their contract is not there."""
        return ApprovedFileError(
            f"the contract of {ref.operation} {ref.status} is missing, though snapshots of it are approved",
            where=ref.file(self.contracts),
            next="acetate accept --rebuild   (derives all contracts again)",
        )

    def derived(self) -> Iterator[Contract]:
        """Every derived contract."""
        for path in self.contract_files():
            contract = read_contract(self.tree.read(path) or b"{}", path)
            if "operation" in contract.evidence:
                yield contract

    def refs(self) -> Iterator[Ref]:
        """What the derived contracts speak for."""
        return map(Ref.of_contract, self.derived())

    def contract_files(self) -> list[str]:
        """Every derived contract's file."""
        files = self.tree.files(self.contracts, ".json")
        return [path for path in files if "/.reviews/" not in f"/{path}" and path != self.document_file]

    def contracts_digest(self) -> str:
        """SHA-256 over all contracts: what a cached result depends on."""
        digest = hashlib.sha256()
        for path in self.contract_files():
            digest.update(f"{path}\0".encode() + hashlib.sha256(self.tree.read(path) or b"").digest())
        return digest.hexdigest()

    def snapshot_names(self) -> list[str]:
        """The cassettes that have a snapshot."""
        start, end = len(self.snapshots) + 1, -len(".json")
        return [path[start:end] for path in self.tree.files(self.snapshots, ".json")]
