"""Accept, reject, undo: each decision a file, each accept taken back byte for byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from acetate.errors import AcetateError, Refused, SecretFound
from acetate.review import rebuild, undo


def _undo(sandbox: Any, decided: Any) -> None:
    undo(sandbox.project(), decided, by="Ada", why="")


def test_the_first_accept_makes_snapshots_and_a_contract(sandbox: Any) -> None:
    sandbox.record("a", sandbox.reply())
    (decided,) = sandbox.accept(why="baseline")
    assert sorted(sandbox.approved()) == ["contracts/together/chat.completions/200.json", "snapshots/cassettes/a.json"]
    assert (decided.decision, decided.why, decided.via) == ("approved", "baseline", "terminal")
    assert {file.path for file in decided.files} == set(sandbox.approved())
    assert (sandbox.root / "contracts/.reviews" / decided.name).is_file()


def test_undo_of_the_first_accept_leaves_nothing_approved(sandbox: Any) -> None:
    sandbox.record("a", sandbox.reply())
    decided = sandbox.accept()
    _undo(sandbox, decided)
    assert sandbox.approved() == {}
    assert [each.decision for each in sandbox.project().decisions.all()] == ["approved", "undone"]


def test_undo_puts_every_byte_back(sandbox: Any) -> None:
    for name in "abc":
        sandbox.record(name, sandbox.reply())
    sandbox.accept()
    before = sandbox.approved()
    for name in "abc":
        changed = sandbox.reply(metadata={"weight_version": "default"}, usage=None)
        del changed["choices"][0]["message"]["role"]
        sandbox.record(name, changed)
    decided = sandbox.accept()
    assert len(decided) == 3
    assert sandbox.check().changes == ()
    _undo(sandbox, decided)
    assert sandbox.approved() == before
    assert len(sandbox.check().changes) == 3


def test_one_of_several_is_undone_alone_if_it_was_the_last(sandbox: Any) -> None:
    sandbox.record("a", sandbox.reply())
    sandbox.accept()
    sandbox.record("a", sandbox.reply(usage=None, metadata={}))
    decided = sandbox.accept()
    _undo(sandbox, decided[-1:])
    assert sandbox.kinds() == [(decided[-1].change["kind"], decided[-1].change["path"])]
    assert rebuild(sandbox.project()) == []


def test_what_was_accepted_earlier_cannot_be_undone_before_what_came_later(sandbox: Any) -> None:
    sandbox.record("a", sandbox.reply())
    sandbox.accept()
    sandbox.record("a", sandbox.reply(usage=None, metadata={}))
    before = sandbox.approved()
    first, _ = sandbox.accept()
    after = sandbox.approved()
    assert before != after
    with pytest.raises(Refused, match="moved on") as error:
        _undo(sandbox, [first])
    assert "git log" in error.value.next
    assert sandbox.approved() == after


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"")], ids=["gone", "cut off"])
def test_undo_without_the_kept_bytes_names_the_git_command(sandbox: Any, damage: Any) -> None:
    sandbox.record("a", sandbox.reply())
    sandbox.accept()
    sandbox.record("a", sandbox.reply(usage=None))
    decided = sandbox.accept()
    for path in (sandbox.root / ".acetate/undo").iterdir():
        damage(path)
    with pytest.raises(Refused, match="not on this machine") as error:
        _undo(sandbox, decided)
    assert "git checkout" in error.value.next


def test_accepting_one_change_leaves_the_others(sandbox: Any) -> None:
    sandbox.record("a", sandbox.reply())
    sandbox.accept()
    sandbox.record("a", sandbox.reply(usage=None, metadata={}, object="other"))
    sandbox.accept(lambda change: change.path == "$.usage")
    assert sorted(sandbox.kinds()) == [("const-changed", "$.object"), ("field-added", "$.metadata")]


def test_accepts_come_in_any_order(sandbox: Any) -> None:
    states = []
    for order in (("$.usage", "$.metadata"), ("$.metadata", "$.usage")):
        sandbox.record("a", sandbox.reply())
        decided = sandbox.accept()
        sandbox.record("a", sandbox.reply(usage=None, metadata={}))
        for path in order:
            decided += sandbox.accept(lambda change, path=path: change.path == path)
        states.append(sandbox.approved())
        _undo(sandbox, decided)
    assert states[0] == states[1]


def test_a_new_value_is_approved_for_its_model(sandbox: Any) -> None:
    sandbox.record("a", sandbox.reply())
    sandbox.accept()
    sandbox.record("a", json.loads(json.dumps(sandbox.reply()).replace('"stop"', '"eos"')))
    assert sandbox.kinds() == [("enum-value-replaced", "$.choices[].finish_reason")]
    sandbox.accept(why="handled")
    assert sandbox.check().outcome == "passed"
    contract = json.loads((sandbox.root / "contracts/together/chat.completions/200.json").read_text())
    reason = contract["properties"]["choices"]["items"]["properties"]["finish_reason"]
    assert reason["enum"] == ["eos"]


def test_a_change_in_a_stream_is_taken_into_events_and_reply(sandbox: Any) -> None:
    event = {"object": "chat.completion.chunk", "model": "m", "usage": None}
    last = {"choices": [{"index": 0, "delta": {"content": "b"}, "finish_reason": "eos"}], **event}
    sandbox.stream("a", {"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": None}], **event}, last)
    sandbox.accept()
    changed = json.loads(json.dumps(last).replace("eos", "stop"))
    sandbox.stream("a", {"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": None}], **event}, changed)
    assert len(sandbox.accept()) == 1
    assert sandbox.check().changes == ()


def test_a_rejected_change_fails_until_it_is_gone(sandbox: Any) -> None:
    sandbox.record("a", sandbox.reply())
    sandbox.accept()
    before = sandbox.approved()
    sandbox.record("a", sandbox.reply(metadata={}))
    assert sandbox.check().outcome == "passed"
    sandbox.reject(why="we do not want it")
    verdict = sandbox.check()
    assert (verdict.outcome, verdict.changes[0].decision, verdict.changes[0].reason) == (
        "failed",
        "rejected",
        "we do not want it",
    )
    assert sandbox.approved() == before
    sandbox.record("a", sandbox.reply())
    assert sandbox.check().outcome == "passed"


def test_a_rejection_is_undone(sandbox: Any) -> None:
    sandbox.record("a", sandbox.reply())
    sandbox.accept()
    sandbox.record("a", sandbox.reply(metadata={}))
    _undo(sandbox, sandbox.reject())
    assert sandbox.check().changes[0].decision is None


def test_a_break_in_an_exchange_without_snapshot_can_be_approved_by_itself(sandbox: Any) -> None:
    sandbox.record("a", sandbox.reply())
    sandbox.accept()
    sandbox.record("b", sandbox.reply(usage=None))
    sandbox.accept(lambda change: change.kind == "became-nullable")
    verdict = sandbox.check()
    assert {each.kind: each.decision for each in verdict.changes} == {
        "became-nullable": "approved",
        "exchange-unapproved": None,
    }
    assert verdict.outcome == "needs-review"
    sandbox.accept()
    assert sandbox.check().changes == ()


def test_the_same_removal_after_the_field_came_back_is_asked_again(sandbox: Any) -> None:
    sandbox.record("a", sandbox.reply())
    sandbox.accept()
    sandbox.record("a", sandbox.reply(usage=None))
    sandbox.accept()
    sandbox.record("a", sandbox.reply())
    sandbox.accept()
    sandbox.record("a", sandbox.reply(usage=None))
    assert [each.decision for each in sandbox.check().changes] == [None]


def test_rebuild_cures_a_merge_conflict_in_a_contract(sandbox: Any) -> None:
    sandbox.record("a", sandbox.reply())
    sandbox.accept()
    path = sandbox.root / "contracts/together/chat.completions/200.json"
    before = path.read_bytes()
    path.write_bytes(b"<<<<<<< ours\n" + before + b"=======\n>>>>>>> theirs\n")
    (problem,) = sandbox.check().problems
    assert "acetate accept --rebuild" in problem.next
    assert rebuild(sandbox.project()) == ["contracts/together/chat.completions/200.json"]
    assert path.read_bytes() == before


def test_a_secret_in_a_shown_value_is_never_approved(sandbox: Any) -> None:
    sandbox.record("a", sandbox.reply(model="sk-proj-Abcdefghijklmnopqrstuvwxyz0123456789ABCD"))
    with pytest.raises(SecretFound):
        sandbox.accept()
    assert sandbox.approved() == {}


def test_nothing_is_written_when_one_of_several_cannot_be(sandbox: Any) -> None:
    sandbox.record("a", sandbox.reply())
    sandbox.accept()
    before = sandbox.approved()
    sandbox.record("a", sandbox.reply(usage=None))
    sandbox.record("b", sandbox.reply(model="sk-proj-Abcdefghijklmnopqrstuvwxyz0123456789ABCD"))
    with pytest.raises(AcetateError):
        sandbox.accept()
    assert sandbox.approved() == before


def test_a_renamed_field_of_a_stream_is_taken_into_the_reply_too(sandbox: Any) -> None:
    event = {"object": "chat.completion.chunk", "model": "m", "usage": {"total_tokens": 3, "prompt_tokens": 1}}
    choice = {"index": 0, "delta": {"content": "a"}, "finish_reason": "stop"}
    sandbox.stream("a", {"choices": [choice], **event})
    sandbox.accept()
    renamed = json.loads(json.dumps({"choices": [choice], **event}).replace("total_tokens", "token_count"))
    sandbox.stream("a", renamed)
    assert [each.change["kind"] for each in sandbox.accept()] == ["field-renamed"]
    assert sandbox.check().changes == ()
