"""Store: files by the SHA-256 of their bytes, each project's apart, so that a digest tells nothing of another's."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from app.models import StoredFile

__all__ = ["Packed", "chunks", "contents", "known", "packed", "packed_json", "put", "read_json"]

AT_ONCE: Final = 500
"""How many values one statement names: a database has a limit."""

T = TypeVar("T")


class Packed(NamedTuple):
    """A file as it is stored. Packing takes time, so it is done before a transaction begins."""

    digest: str
    content: bytes


def packed(content: bytes) -> Packed:
    return Packed(sha256(content).hexdigest(), zlib.compress(content, 6))


def packed_json(value: Any) -> Packed:
    return packed(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())


def put(session: Session, project: str, files: Iterable[Packed]) -> None:
    """Store what is not there yet. Whoever calls holds the project's lock."""
    by_digest = {file.digest: file for file in files}
    new = by_digest.keys() - known(session, project, by_digest)
    rows = [{"project": project, "digest": digest, "packed": by_digest[digest].content} for digest in sorted(new)]
    if rows:
        session.execute(insert(StoredFile), rows)


def known(session: Session, project: str, digests: Iterable[str]) -> set[str]:
    """Those of these digests whose files are there."""
    found: set[str] = set()
    for some in chunks(sorted(set(digests))):
        chosen = select(StoredFile.digest).where(StoredFile.project == project, StoredFile.digest.in_(some))
        found.update(session.scalars(chosen))
    return found


def contents(session: Session, project: str, digests: Iterable[str]) -> Mapping[str, bytes]:
    """The files that are there, by digest."""
    found: dict[str, bytes] = {}
    for some in chunks(sorted(set(digests))):
        chosen = select(StoredFile).where(StoredFile.project == project, StoredFile.digest.in_(some))
        found |= {file.digest: zlib.decompress(file.packed) for file in session.scalars(chosen)}
    return found


def read_json(session: Session, project: str, digests: Iterable[str]) -> Mapping[str, Any]:
    """What `packed_json` packed, by digest."""
    return {digest: json.loads(content) for digest, content in contents(session, project, digests).items()}


def chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), AT_ONCE):
        yield values[start : start + AT_ONCE]
