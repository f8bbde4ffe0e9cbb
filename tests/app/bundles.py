"""Bundles as `acetate push` sends them: of changes that are made up, with snapshots that belong to them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from acetate.bundle import Bundle, bundle_json
from acetate.change import ABSENT, Change, Difference, Evidence, Occurrence, fingerprint
from acetate.provider import Operation
from acetate.ruling import Sides
from acetate.snapshot import Entry, snapshot_bytes
from acetate.verdict import Context, Counts, Problem, Verdict, judged

COMMIT = "1f0c2d3e4b5a69788796a5b4c3d2e1f00f1e2d3c"


def change(
    path: str = "$.usage",
    kind: str = "field-removed",
    *,
    severity: Any = "error",
    places: Sequence[str] = ("cassettes/chat",),
    before: Any = "object",
    after: Any = ABSENT,
    decision: Any = None,
    edge: Any = "consume",
) -> Change:
    """A change of chat completions, seen in the first exchange of each place."""
    called = ("together", "chat.completions", 200, False)
    made = fingerprint(edge, *called, Difference(kind, path, path, before, after))
    return Change(
        made,
        kind,
        severity,
        edge,
        *called,
        path,
        before,
        after,
        Evidence("1 of 1", "1 of 1", "2026-11-22", "2026-10-11", (("llama", "1 of 1"),)),
        decision,
        None,
        tuple(Occurrence(place, 0, path, "tests/test_chat.py::test_hello", "llama", None) for place in places),
    )


def snapshot(text: str) -> bytes:
    """A snapshot of one exchange, whose masked body is this text."""
    called = Operation("together", "chat.completions")
    return snapshot_bytes([Entry("chat.completions", "k", called, 200, False, {}, {"note": text})])


def bundle(
    *changes: Change,
    project: str = "chat",
    commit: str | None = COMMIT,
    branch: str | None = "main",
    author: str | None = "ada",
    pull_request: str | None = None,
    job: str = "test",
    at: str = "2026-11-22T18:00:00Z",
    against: str | None = None,
    approved: str | Mapping[str, str] = "approved",
    now: str = "now",
    problems: Sequence[Problem] = (),
    owners: Mapping[str, tuple[str, ...]] | None = None,
    examined: int = 20,
) -> dict[str, Any]:
    """What is posted: bundle and files. `approved` is the text of every approved snapshot, or of some by name."""
    names = sorted({each.cassette for one in changes for each in one.occurrences} | {"cassettes/other"})
    files: dict[str, str] = {}

    def put(text: str) -> str:
        content = snapshot(text)
        digest = sha256(content).hexdigest()
        files[digest] = content.decode("utf-8", "surrogatepass")
        return digest

    texts = {name: approved if isinstance(approved, str) else approved.get(name, "approved") for name in names}
    verdict = Verdict(
        judged(changes, tuple(problems), examined),
        Context(project, "0.1.0", commit, branch, "main", pull_request, author, "https://ci.example/77"),
        Counts(len(names), examined, examined),
        changes,
        tuple(problems),
    )
    made = Bundle(
        project,
        job,
        at,
        verdict,
        against,
        {},
        {name: Sides(put(texts[name]), put(now)) for name in names},
        owners or {},
    )
    return {**bundle_json(made), "files": files}


def zipped(body: Any) -> bytes:
    return gzip.compress(json.dumps(body).encode(), mtime=0)
