"""Results: what examining a cassette gave, kept under `.acetate/cache/` so that an unchanged one is not examined again.

The key is a digest of everything that the result depends on: name and bytes of the cassette, its snapshot, all
contracts, the configuration and this version of Acetate. Times and sizes of files play no part, so a kept result is
never wrong; a file that cannot be read is as good as none.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acetate.errors import AcetateError
from acetate.files import WORKSPACE, workspace, write_atomic
from acetate.finding import Examined, examined_from, examined_json

__all__ = ["Results"]


@dataclass(slots=True)
class Results:
    """The kept results of one project."""

    root: Path
    _kept: dict[str, Any] | None = None
    _used: dict[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return self.root / WORKSPACE / "cache" / "check"

    def get(self, key: str) -> Examined | None:
        """The result under a key, or None."""
        if self._kept is None:
            self._kept = self._read()
        found = self._kept.get(key)
        if found is None:
            return None
        self._used[key] = found
        return examined_from(found)

    def put(self, key: str, examined: Examined) -> None:
        """Keep a result, unless something stood in the way: that is looked at again."""
        if not examined.problems:
            self._used[key] = examined_json(examined)

    def save(self, *, complete: bool) -> None:
        """Write what this run used. After a complete run that is all, so that the file never grows beyond one."""
        wanted = self._used if complete else {**(self._kept or {}), **self._used}
        if wanted != (self._kept or {}):
            content = json.dumps(wanted, separators=(",", ":")).encode()
            # What cannot be kept costs time, and never the answer.
            with suppress(AcetateError, OSError):
                workspace(self.root)
                write_atomic(self.path, hashlib.sha256(content).hexdigest().encode() + b"\n" + content)

    def _read(self) -> dict[str, Any]:
        try:
            checksum, _, content = self.path.read_bytes().partition(b"\n")
        except OSError:
            return {}
        if hashlib.sha256(content).hexdigest().encode() != checksum:
            return {}
        kept: dict[str, Any] = json.loads(content)
        return kept
