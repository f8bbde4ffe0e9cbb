"""Journal: what a recording run has heard so far, safe on the disk before its test has ended.

One file per run and cassette under `.acetate/journal/`; one line per exchange, `<checksum> <JSON>`. It is written and
synced line by line, removed once the cassette is saved, and found again by `recover` when its process was killed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from acetate.errors import AcetateError
from acetate.exchange import Exchange, Recording, RedactedExchange, Request, Response
from acetate.files import WORKSPACE, forget, held, sync_folder, workspace

__all__ = ["Journal", "Recovered", "recover"]

_VERSION = 1


class Journal:
    """The journal of one cassette in this process; what it holds is to take the place of a recording where it is made
    `anew`. Its file, and the lock that says its process is alive, come with the first exchange."""

    def __init__(self, root: Path, cassette: str, *, anew: bool = False) -> None:
        name = hashlib.sha256(cassette.encode()).hexdigest()[:16]
        self.path = _folder(root) / f"{name}.{os.getpid()}-{secrets.token_hex(4)}.jsonl"
        self._root = root
        self._cassette = cassette
        self._anew = anew
        self._count = 0
        self._file: BinaryIO | None = None
        self._alive = contextlib.ExitStack()

    def append(self, exchange: RedactedExchange) -> None:
        """On return the exchange survives a kill and a power cut. Raises AcetateError if the disk refuses it."""
        try:
            self._write(self._file or self._open(), _line(self._cassette, self._anew, self._count, exchange))
        except OSError as error:
            raise AcetateError(
                f"the journal of this recording cannot be written: {error.strerror or error}",
                where=str(self.path),
                next="make room there or check who may write, then record again",
            ) from error
        self._count += 1

    def close(self) -> None:
        """Nothing more is written here. What it holds is left to `recover`."""
        if self._file is not None:
            self._file.close()
            self._alive.close()
            self._file = None

    def remove(self) -> None:
        """What it holds is in the cassette now, or is not wanted."""
        if self._file is not None:
            self._file.close()
            self.path.unlink(missing_ok=True)
            forget(self._root, self.path.name)
            self._alive.close()
            self._file, self._count = None, 0

    def _write(self, file: BinaryIO, line: bytes) -> None:
        """The whole line, or none of it: what comes next has to stand behind a whole one."""
        end = file.tell()
        try:
            written = 0
            while written < len(line):
                written += file.write(line[written:])
            os.fsync(file.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                file.seek(end)
                file.truncate()
            raise

    def _open(self) -> BinaryIO:
        workspace(self._root)
        self.path.parent.mkdir(exist_ok=True)
        self._alive.enter_context(held(self._root, self.path.name))
        self._file = self.path.open("xb", buffering=0)
        sync_folder(self.path.parent)
        return self._file


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a journal still holds after its process was gone: the exchanges before the first damaged byte.

    `cassette` is None where no line is whole. `damage` says what follows the exchanges and could not be read, None if
    nothing does. What was recorded `anew` is a part of what should have taken a recording's place. The exchanges were
    redacted when they were written, by the rules of that day: redact them again.
    """

    path: Path
    cassette: str | None
    exchanges: tuple[Exchange, ...]
    damage: str | None
    anew: bool = False

    @classmethod
    def read(cls, path: Path) -> Recovered:
        """What the file holds, whoever has it open."""
        *lines, torn = path.read_bytes().split(b"\n")
        records = [_record(line) for line in lines]
        exchanges: list[Exchange] = []
        for number, record in enumerate(records):
            if record is None or record["exchange"] != number:
                break
            exchanges.append(_exchange(record))
        cassette = next((record["cassette"] for record in records if record), None)
        anew = any(record.get("anew", False) for record in records if record)
        return cls(path, cassette, tuple(exchanges), _damage(len(exchanges), len(lines), torn), anew)

    def remove(self) -> None:
        """It has been dealt with."""
        self.path.unlink(missing_ok=True)
        forget(self.path.parents[2], self.path.name)


def recover(root: Path) -> Iterator[Recovered]:
    """The journals of processes that are gone, in order of file names. One whose process lives is left alone.

    Deal with each, and `remove` it, before asking for the next: until then nobody else recovers it, too.
    """
    for path in sorted(_folder(root).glob("*.jsonl")):
        with held(root, path.name) as gone:
            if gone and path.exists():
                yield Recovered.read(path)


def _damage(whole: int, lines: int, torn: bytes) -> str | None:
    if whole < lines:
        return (
            f"exchange {whole} is damaged, or a newer Acetate wrote it; {lines - whole - 1} behind it cannot be placed"
        )
    return f"exchange {whole} was cut off while it was written" if torn else None


def _line(cassette: str, anew: bool, number: int, exchange: Exchange) -> bytes:
    request, response, recording = exchange.request, exchange.response, exchange.recording
    record = {
        "journal": _VERSION,
        "cassette": cassette,
        "anew": anew,
        "exchange": number,
        "request": [request.method, request.uri, request.headers, _text(request.body)],
        "response": [response.status, response.reason, response.headers, _text(response.body)],
        "recording": [
            recording.recorded_at,
            recording.source,
            recording.elapsed_ms,
            recording.test,
            recording.chunks,
        ],
    }
    payload = json.dumps(record, separators=(",", ":")).encode()
    return _checksum(payload) + b" " + payload + b"\n"


def _checksum(payload: bytes) -> bytes:
    return hashlib.sha256(payload).hexdigest()[:16].encode()


def _record(line: bytes) -> dict[str, Any] | None:
    """The record, or None for a line that is not what was written, or that a newer Acetate wrote."""
    checksum, _, payload = line.partition(b" ")
    if checksum != _checksum(payload):
        return None
    record: dict[str, Any] = json.loads(payload)
    return record if record["journal"] == _VERSION else None


def _exchange(record: dict[str, Any]) -> Exchange:
    method, uri, asked, question = record["request"]
    status, reason, answered, answer = record["response"]
    recorded_at, source, elapsed_ms, test, chunks = record["recording"]
    return Exchange(
        Request(method, uri, _pairs(asked), b64decode(question)),
        Response(status, reason, _pairs(answered), b64decode(answer)),
        Recording(recorded_at, source, elapsed_ms, test, _pairs(chunks)),
    )


def _pairs(items: list[list[Any]]) -> tuple[tuple[Any, Any], ...]:
    return tuple((first, second) for first, second in items)


def _text(body: bytes) -> str:
    return b64encode(body).decode()


def _folder(root: Path) -> Path:
    return root / WORKSPACE / "journal"
