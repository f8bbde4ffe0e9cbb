"""Kept results: never wrong, and worth it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from acetate import examine as examine_room
from acetate.results import Results


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The cassettes that were really examined."""
    names: list[str] = []
    real = examine_room.examine_cassette

    def spy(project: Any, file: Any) -> Any:
        names.append(file.name)
        return real(project, file)

    monkeypatch.setattr(examine_room, "examine_cassette", spy)
    return names


@pytest.fixture
def baseline(sandbox: Any, looked_at: list[str]) -> Any:
    """Two approved cassettes, checked once."""
    sandbox.record("a", sandbox.reply())
    sandbox.record("b", sandbox.reply())
    sandbox.accept()
    sandbox.check()
    looked_at.clear()
    return sandbox


def test_an_unchanged_cassette_is_not_examined_again(baseline: Any, looked_at: list[str]) -> None:
    first = baseline.check()
    assert looked_at == []
    assert (first.outcome, first.counts.examined) == ("passed", 2)


def test_the_same_bytes_under_another_time_are_not_examined_again(baseline: Any, looked_at: list[str]) -> None:
    os.utime(baseline.root / "cassettes/a.yaml", (1, 1))
    baseline.check()
    assert looked_at == []


def test_other_bytes_under_the_same_size_and_time_are_examined(baseline: Any, looked_at: list[str]) -> None:
    path: Path = baseline.root / "cassettes/a.yaml"
    before = path.stat()
    text = path.read_text().replace('\\"stop\\"', '\\"eoos\\"')
    assert text != path.read_text()
    path.write_text(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert baseline.kinds() == [("enum-value-replaced", "$.choices[].finish_reason")]
    assert looked_at == ["cassettes/a"]


def test_a_cassette_that_another_replaced_is_examined(baseline: Any, looked_at: list[str]) -> None:
    other = baseline.record("c", baseline.reply(usage=None))
    shutil.move(other, baseline.root / "cassettes/a.yaml")
    assert baseline.kinds() == [("became-nullable", "$.usage")]
    assert looked_at == ["cassettes/a"]


def test_a_renamed_cassette_is_examined_under_its_new_name(baseline: Any, looked_at: list[str]) -> None:
    (baseline.root / "cassettes/a.yaml").rename(baseline.root / "cassettes/z.yaml")
    (change,) = baseline.check().changes
    assert (change.kind, change.occurrences[0].cassette) == ("exchange-unapproved", "cassettes/z")
    assert looked_at == ["cassettes/z"]


def test_two_cassettes_that_swapped_names_are_examined(baseline: Any, looked_at: list[str]) -> None:
    baseline.record("b", baseline.reply(metadata={}))
    baseline.accept()
    baseline.check()
    looked_at.clear()
    one, other = baseline.root / "cassettes/a.yaml", baseline.root / "cassettes/b.yaml"
    one.rename(one.with_suffix(".tmp"))
    other.rename(one)
    one.with_suffix(".tmp").rename(other)
    assert sorted(baseline.kinds()) == [("field-added", "$.metadata"), ("optional-field-removed", "$.metadata")]
    assert looked_at == ["cassettes/a", "cassettes/b"]


@pytest.mark.parametrize(
    "file", ["snapshots/cassettes/a.json", "contracts/together/chat.completions/200.json", "acetate.toml"]
)
def test_a_change_of_what_it_was_compared_with_is_seen(baseline: Any, looked_at: list[str], file: str) -> None:
    path: Path = baseline.root / file
    path.write_bytes(path.read_bytes() + b"\n")
    if file.endswith(".toml"):
        path.write_text('project = "sandbox"\n[severity]\nfield-added = "warn"\n')
    baseline.check()
    assert "cassettes/a" in looked_at


def test_a_deleted_snapshot_is_seen(baseline: Any, looked_at: list[str]) -> None:
    (baseline.root / "snapshots/cassettes/a.json").unlink()
    assert baseline.kinds() == [("exchange-unapproved", "$")]


def test_what_a_kept_result_says_is_what_was_found(baseline: Any, looked_at: list[str]) -> None:
    baseline.record("a", baseline.reply(usage=None, object="other"), baseline.reply())
    first = baseline.check()
    looked_at.clear()
    assert baseline.check() == first
    assert looked_at == []


def test_a_result_with_a_problem_is_not_kept(baseline: Any, looked_at: list[str]) -> None:
    (baseline.root / "cassettes/a.yaml").write_text("nothing")
    for _ in range(2):
        assert baseline.check().outcome == "unknown"
    assert looked_at == ["cassettes/a", "cassettes/a"]


@pytest.mark.parametrize("damage", [b"", b"x", b"0" * 64 + b"\n{}"])
def test_a_damaged_file_is_as_good_as_none(baseline: Any, looked_at: list[str], damage: bytes) -> None:
    (baseline.root / ".acetate/cache/check").write_bytes(damage)
    assert baseline.check().outcome == "passed"
    assert looked_at == ["cassettes/a", "cassettes/b"]


def test_the_file_does_not_outgrow_a_run(baseline: Any) -> None:
    for number in range(5):
        baseline.record("a", baseline.reply(metadata={f"field{number}": 1}))
        baseline.check()
    content = (baseline.root / ".acetate/cache/check").read_bytes().partition(b"\n")[2]
    assert len(json.loads(content)) == 2


def test_a_run_over_one_cassette_keeps_the_results_of_the_others(baseline: Any, looked_at: list[str]) -> None:
    baseline.record("a", baseline.reply(metadata={}))
    baseline.check("cassettes/a.yaml")
    looked_at.clear()
    baseline.check()
    assert looked_at == []


def test_nothing_is_read_before_it_is_asked_for(tmp_path: Path) -> None:
    results = Results(tmp_path)
    assert results.get("key") is None
    results.save(complete=True)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_kept_costs_no_answer(baseline: Any, looked_at: list[str]) -> None:
    shutil.rmtree(baseline.root / ".acetate")
    (baseline.root / ".acetate").write_text("a file where a folder belongs")
    assert baseline.check().outcome == "passed"
    assert looked_at == ["cassettes/a", "cassettes/b"]


def test_what_is_kept_is_out_of_sight_of_git(baseline: Any) -> None:
    shutil.rmtree(baseline.root / ".acetate")
    baseline.check()
    assert (baseline.root / ".acetate/.gitignore").read_text() == "*\n"
