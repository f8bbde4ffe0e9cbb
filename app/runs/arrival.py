"""Arrival: a pushed bundle, looked through and packed before any transaction begins."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any, Final

from acetate.change import Change, Difference, fingerprint
from acetate.kind import KINDS
from acetate.mask import is_deep
from acetate.ruling import Sides, places
from acetate.verdict import ReportError, Verdict, as_json, from_json
from app.errors import Unprocessable
from app.runs.judgement import sides_json
from app.runs.schemas import BundleIn, SidesIn
from app.runs.store import Packed, packed, packed_json

__all__ = ["Arrival", "Seen"]

MOST_CHANGES: Final = 20_000
LONGEST: Final = 4000


@dataclass(frozen=True)
class Seen:
    """A change of the report; `sides` is the stored file of both sides of each file that it occurs in."""

    change: Change
    written: Mapping[str, Any]
    sides: Packed


class Arrival:
    """One bundle. Raises Unprocessable for what says something that cannot be."""

    def __init__(self, bundle: BundleIn) -> None:
        self.bundle = bundle
        self.verdict = _verdict(bundle.report)
        self.files = [_file(digest, text) for digest, text in bundle.files.items()]

    @cached_property
    def digest(self) -> str:
        """Of everything but the time and the files: two pushes of it are one."""
        said = self.bundle.model_dump(mode="json", by_alias=True, exclude={"at", "files"})
        return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

    @cached_property
    def digests(self) -> set[str]:
        """All files that it names."""
        sides = (*self.bundle.contracts.values(), *self.bundle.snapshots.values())
        return {digest for each in sides for digest in (each.approved, each.now) if digest is not None}

    @cached_property
    def seen(self) -> list[Seen]:
        written = as_json(self.verdict)["changes"]
        assert isinstance(written, list)
        known = {**self.bundle.contracts, **self.bundle.snapshots}
        return [
            Seen(change, each, packed_json(sides_json(_sides(change, known))))
            for change, each in zip(self.verdict.changes, written, strict=True)
            if isinstance(each, dict)
        ]


def _sides(change: Change, known: Mapping[str, SidesIn]) -> dict[str, Sides]:
    return {name: Sides(known[name].approved, known[name].now) for name in places(change) if name in known}


def _file(digest: str, text: str) -> Packed:
    file = packed(text.encode("utf-8", "surrogatepass"))
    if file.digest != digest:
        raise Unprocessable("digest-wrong", f"The contents sent as {digest} have another digest.")
    return file


def _verdict(report: Mapping[str, Any]) -> Verdict:
    if is_deep(dict(report)):
        raise Unprocessable("report-unreadable", "The report is nested too deeply.")
    try:
        verdict = from_json(dict(report))
    except ReportError as error:
        raise Unprocessable("report-unreadable", f"The report {error.problem}.") from None
    if len(verdict.changes) > MOST_CHANGES:
        raise Unprocessable("report-too-large", f"A report may have {MOST_CHANGES} changes at most.")
    _check(verdict)
    return verdict


def _check(verdict: Verdict) -> None:
    """A fingerprint is recomputed: nobody passes a change off as another one that was approved."""
    fingerprints = [each.fingerprint for each in verdict.changes]
    if len(set(fingerprints)) < len(fingerprints):
        raise Unprocessable("report-unreadable", "The report has a fingerprint twice.")
    for change in verdict.changes:
        if change.kind not in KINDS or change.fingerprint != _fingerprint(change):
            raise Unprocessable(
                "fingerprint-wrong",
                "A change has not the fingerprint that its contents give. Is the toolkit newer than this service?",
            )
        _check_texts([change.path, change.provider, change.operation, *(each.cassette for each in change.occurrences)])
    context = verdict.context
    texts = (context.commit, context.branch, context.base, context.pull_request, context.author, context.ci_url)
    _check_texts((each or "" for each in texts), longest=500)


def _fingerprint(change: Change) -> str:
    difference = Difference(change.kind, change.path, "", change.before, change.after)
    return fingerprint(change.edge, change.provider, change.operation, change.status, change.stream, difference)


def _check_texts(texts: Iterable[str], longest: int = LONGEST) -> None:
    if any(len(text) > longest for text in texts):
        raise Unprocessable("report-too-large", f"A name in the report has more than {longest} characters.")
