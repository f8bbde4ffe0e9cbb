"""Decisions as committed files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from acetate.decision import Decided, Decisions, FileChange, decided_bytes, digest
from acetate.errors import ApprovedFileError
from acetate.library import WorkingTree

ACCEPTED = Decided(
    fingerprint="4be1d9f200000000",
    decision="approved",
    by="Ada <ada@example.org>",
    at="2026-11-22T15:30:00.000001Z",
    why="handled in #88",
    via="terminal",
    change={"kind": "field-removed", "path": "$.usage"},
    files=(FileChange("snapshots/a.json", None, digest(b"new")),),
    batch="1",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "contracts/.reviews").mkdir(parents=True)
    (tmp_path / "snapshots").mkdir()
    (tmp_path / "snapshots/a.json").write_bytes(b"new")
    return tmp_path


def _decisions(root: Path, *decided: Decided) -> Decisions:
    for each in decided:
        (root / "contracts/.reviews" / each.name).write_bytes(decided_bytes(each))
    return Decisions(WorkingTree(root), "contracts/.reviews")


def test_a_decision_survives_its_file(folder: Path) -> None:
    assert _decisions(folder, ACCEPTED).all() == [ACCEPTED]


def test_the_name_of_the_file_is_fingerprint_and_time() -> None:
    assert ACCEPTED.name == "4be1d9f200000000-20261122T153000000001Z.json"


def test_an_approval_stands_while_its_files_are_as_it_left_them(folder: Path) -> None:
    decisions = _decisions(folder, ACCEPTED)
    assert decisions.on(ACCEPTED.fingerprint) == ("approved", "handled in #88")
    (folder / "snapshots/a.json").write_bytes(b"newer")
    assert decisions.on(ACCEPTED.fingerprint) == (None, None)


def test_an_approval_of_a_new_exchange_says_nothing_of_the_next_one(folder: Path) -> None:
    decided = replace(ACCEPTED, change={"kind": "exchange-unapproved", "path": "$"})
    assert _decisions(folder, decided).on(decided.fingerprint) == (None, None)


def test_the_last_decision_counts(folder: Path) -> None:
    rejected = replace(ACCEPTED, decision="rejected", why="", at="2026-11-23T00:00:00.000000Z")
    undone = replace(ACCEPTED, decision="undone", at="2026-11-24T00:00:00.000000Z")
    assert _decisions(folder, ACCEPTED, rejected).on(ACCEPTED.fingerprint) == ("rejected", None)
    assert _decisions(folder, ACCEPTED, rejected, undone).on(ACCEPTED.fingerprint) == ("approved", "handled in #88")


def test_undo_brings_back_the_decision_before(folder: Path) -> None:
    undone = replace(ACCEPTED, decision="undone", at="2026-11-24T00:00:00.000000Z")
    rejected = replace(ACCEPTED, decision="rejected", why="no", at="2026-11-20T00:00:00.000000Z")
    decisions = _decisions(folder, rejected, ACCEPTED, undone)
    assert decisions.on(ACCEPTED.fingerprint) == ("rejected", "no")
    assert decisions.standing() == [rejected]
    assert _decisions(folder, ACCEPTED, undone).all()[-1] == undone


def test_undo_of_the_only_decision_leaves_none(folder: Path) -> None:
    undone = replace(ACCEPTED, decision="undone", at="2026-11-24T00:00:00.000000Z")
    assert _decisions(folder, ACCEPTED, undone).on(ACCEPTED.fingerprint) == (None, None)


def test_nobody_decided_on_a_change_that_nobody_saw(folder: Path) -> None:
    assert _decisions(folder).on("0" * 16) == (None, None)


def test_what_a_pull_request_decides_is_what_its_base_does_not_hold(folder: Path, tmp_path_factory: Any) -> None:
    base = tmp_path_factory.mktemp("base")
    (base / "contracts/.reviews").mkdir(parents=True)
    older = replace(ACCEPTED, at="2026-11-01T00:00:00.000000Z", fingerprint="0" * 16)
    _decisions(base, older)
    (folder / "snapshots/a.json").write_bytes(b"merged with something else")
    since = _decisions(folder, older, ACCEPTED).since(WorkingTree(base))
    assert since.on(ACCEPTED.fingerprint) == ("approved", "handled in #88")
    assert since.on(older.fingerprint) == (None, None)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": "x"}', "<<<<<<< ours"])
def test_a_damaged_decision_is_named(folder: Path, text: str) -> None:
    (folder / "contracts/.reviews/x.json").write_text(text)
    with pytest.raises(ApprovedFileError, match="is not a decision") as error:
        _decisions(folder).all()
    assert error.value.where == "contracts/.reviews/x.json"
    assert "git checkout" in error.value.next


def test_a_newer_decision_asks_for_an_upgrade(folder: Path) -> None:
    document = {**json.loads(decided_bytes(ACCEPTED)), "version": 2}
    (folder / "contracts/.reviews/x.json").write_text(json.dumps(document))
    with pytest.raises(ApprovedFileError, match="newer Acetate"):
        _decisions(folder).all()


def test_no_file_has_no_digest() -> None:
    assert digest(None) is None
    assert digest(b"") != digest(b"x")
