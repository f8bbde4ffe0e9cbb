"""Contracts that git has merged without a conflict, and that count wrong since."""

from __future__ import annotations

import json
from typing import Any

import pytest

from acetate.cli.main import main
from acetate.review import rebuild
from tests.toolkit.conftest import Sandbox

CONTRACT = "contracts/together/chat.completions/200.json"


@pytest.fixture
def merged(sandbox: Sandbox) -> Sandbox:
    """Two branches each approve one more exchange: both edit the contract alike, and git merges that cleanly."""
    sandbox.record("base", sandbox.reply())
    sandbox.accept()
    contract = sandbox.root / CONTRACT
    before = contract.read_bytes()
    sandbox.record("ours", sandbox.reply())
    sandbox.accept()
    ours = contract.read_bytes()
    contract.write_bytes(before)
    (sandbox.root / "cassettes" / "ours.yaml").rename(sandbox.root / "ours.yaml")
    (sandbox.root / "snapshots/cassettes/ours.json").rename(sandbox.root / "ours.json")
    sandbox.record("theirs", sandbox.reply())
    sandbox.accept()
    assert contract.read_bytes() == ours
    (sandbox.root / "ours.yaml").rename(sandbox.root / "cassettes" / "ours.yaml")
    (sandbox.root / "ours.json").rename(sandbox.root / "snapshots/cassettes/ours.json")
    return sandbox


def edit(sandbox: Sandbox, change: Any) -> None:
    path = sandbox.root / CONTRACT
    document = json.loads(path.read_bytes())
    change(document)
    path.write_text(json.dumps(document))


def test_a_merge_that_counts_wrong_is_noted_and_breaks_nothing(merged: Sandbox) -> None:
    verdict = merged.check()
    assert (verdict.outcome, verdict.problems) == ("passed", ())
    assert verdict.notes == (
        f"{CONTRACT} counts 2 exchanges, and 3 are approved, as after a merge: acetate accept --rebuild",
    )


def test_deriving_again_settles_it(merged: Sandbox) -> None:
    assert rebuild(merged.project()) == [CONTRACT]
    assert merged.check().notes == ()


def test_check_says_so_also_when_nothing_has_changed(merged: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        assert main(["--root", str(merged.root), "check"]) == 0
        assert f"note: {CONTRACT} counts 2 exchanges" in capsys.readouterr().out


def test_deciding_says_so_unless_it_has_settled_it(merged: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    merged.record("other", merged.reply(), status=404)
    command = ["--root", str(merged.root)]
    assert main([*command, "reject", "--all"]) == 0
    assert capsys.readouterr().out.endswith(
        f"note: {CONTRACT} counts 2 exchanges, and 3 are approved, as after a merge: acetate accept --rebuild\n"
    )
    main([*command, "undo"])
    assert main([*command, "accept", "--all"]) == 0
    assert f"note: {CONTRACT} counts 2 exchanges" in capsys.readouterr().out
    merged.record("more", merged.reply())
    assert main([*command, "accept", "--all"]) == 0
    assert "note: " not in capsys.readouterr().out
    assert merged.check().notes == ()


def test_a_merged_contract_that_asks_for_something_else_is_a_problem(merged: Sandbox) -> None:
    edit(merged, lambda document: document["required"].remove("usage"))
    verdict = merged.check()
    assert (verdict.outcome, verdict.notes) == ("unknown", ())
    (problem,) = verdict.problems
    assert (problem.where, problem.next) == (CONTRACT, "acetate accept --rebuild")


def test_a_run_over_a_part_counts_nothing(merged: Sandbox) -> None:
    assert merged.check("cassettes/base.yaml").notes == ()


@pytest.mark.parametrize("count", [0, 2], ids=["new ones are not counted yet", "gone ones are still counted"])
def test_a_count_that_differs_for_another_reason_is_right(sandbox: Sandbox, count: int) -> None:
    for number in range(3):
        sandbox.record(f"c{number}", sandbox.reply())
    sandbox.accept()
    if count:
        (sandbox.root / "cassettes/c0.yaml").unlink()
    else:
        sandbox.record("new", sandbox.reply())
    verdict = sandbox.check()
    assert (verdict.notes, verdict.problems) == ((), ())


def test_a_contract_of_which_nothing_is_approved_is_let_be(sandbox: Sandbox) -> None:
    sandbox.record("a", sandbox.reply())
    sandbox.accept()
    (sandbox.root / "snapshots/cassettes/a.json").unlink()
    assert sandbox.check().notes == ()
