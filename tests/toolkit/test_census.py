"""What only a complete run can tell."""

from __future__ import annotations

from typing import Any


def _approve(sandbox: Any, bodies: list[Any]) -> None:
    for number, body in enumerate(bodies):
        sandbox.record(f"c{number}", body)
    sandbox.accept()


def _with(sandbox: Any, tokens: Any) -> Any:
    body = sandbox.reply()
    body["usage"]["cached_tokens"] = tokens
    return body


def test_a_field_that_is_null_wherever_it_had_a_value_is_only_null(sandbox: Any) -> None:
    _approve(sandbox, [_with(sandbox, 1), _with(sandbox, 2), _with(sandbox, None)])
    for number in range(2):
        sandbox.record(f"c{number}", _with(sandbox, None))
    (change,) = sandbox.check().changes
    assert (change.kind, change.severity, len(change.occurrences)) == ("null-only", "warn", 2)


def test_a_field_that_still_has_a_value_somewhere_is_not(sandbox: Any) -> None:
    _approve(sandbox, [_with(sandbox, 1), _with(sandbox, 2), _with(sandbox, None)])
    sandbox.record("c0", _with(sandbox, None))
    assert sandbox.kinds() == [("value-changed", "$.usage.cached_tokens")]


def test_a_run_over_a_part_tells_nothing_of_the_whole(sandbox: Any) -> None:
    _approve(sandbox, [_with(sandbox, 1), _with(sandbox, None)])
    sandbox.record("c0", _with(sandbox, None))
    assert [each.kind for each in sandbox.check("cassettes/c0.yaml").changes] == ["value-changed"]
    assert [each.kind for each in sandbox.check().changes] == ["null-only"]


def test_an_optional_field_that_became_rare_has_dropped(sandbox: Any) -> None:
    _approve(sandbox, [_with(sandbox, 1) for _ in range(5)] + [sandbox.reply()])
    for number in range(3):
        sandbox.record(f"c{number}", sandbox.reply())
    (change,) = sandbox.check().changes
    assert (change.kind, change.path, len(change.occurrences)) == ("presence-dropped", "$.usage.cached_tokens", 3)


def test_an_optional_field_that_one_exchange_lost_is_only_that(sandbox: Any) -> None:
    _approve(sandbox, [_with(sandbox, 1) for _ in range(5)] + [sandbox.reply()])
    sandbox.record("c0", sandbox.reply())
    assert sandbox.kinds() == [("optional-field-removed", "$.usage.cached_tokens")]


def test_an_optional_field_that_nobody_has_any_more_was_removed(sandbox: Any) -> None:
    _approve(sandbox, [_with(sandbox, 1), _with(sandbox, 2), sandbox.reply()])
    for number in range(2):
        sandbox.record(f"c{number}", sandbox.reply())
    assert sandbox.kinds() == [("optional-field-removed", "$.usage.cached_tokens")]


def test_what_a_census_told_can_be_accepted(sandbox: Any) -> None:
    _approve(sandbox, [_with(sandbox, 1) for _ in range(5)] + [sandbox.reply(), _with(sandbox, None)])
    for number in range(4):
        sandbox.record(f"c{number}", sandbox.reply())
    sandbox.accept()
    assert sandbox.check().changes == ()


def test_events_and_replies_are_counted_too(sandbox: Any) -> None:
    def event(usage: Any) -> dict[str, Any]:
        delta = {"role": "assistant", "content": "a"}
        choice = {"index": 0, "delta": delta, "finish_reason": "stop"}
        return {"object": "chat.completion.chunk", "model": "m", "choices": [choice], "usage": usage}

    sandbox.stream("a", event({"total_tokens": 3}))
    sandbox.stream("b", event(None))
    sandbox.accept()
    sandbox.stream("a", event(None))
    assert [each.kind for each in sandbox.check().changes] == ["null-only"]


def test_a_recording_that_is_gone_with_all_of_its_kind_is_a_lost_observation(sandbox: Any) -> None:
    sandbox.record("a", sandbox.reply())
    sandbox.stream("s", {"object": "chat.completion.chunk", "model": "m", "choices": []})
    sandbox.record("e", {"error": {"message": "slow down"}}, status=429)
    sandbox.accept()
    for name in ("s", "e"):
        (sandbox.root / f"cassettes/{name}.yaml").unlink()
    changes = sandbox.check().changes
    assert [(each.kind, each.severity, each.status, each.stream) for each in changes] == [
        ("observation-lost", "warn", 200, True),
        ("observation-lost", "warn", 429, False),
    ]
    assert [each.occurrences[0].cassette for each in changes] == ["cassettes/s", "cassettes/e"]
    assert sandbox.check("cassettes/a.yaml").changes == ()


def test_a_lost_observation_that_is_accepted_is_known(sandbox: Any) -> None:
    sandbox.record("a", sandbox.reply())
    sandbox.record("e", {"error": {"message": "slow down"}}, status=429)
    sandbox.accept()
    before = sandbox.approved()
    (sandbox.root / "cassettes/e.yaml").unlink()
    sandbox.accept(why="we retry elsewhere")
    verdict = sandbox.check()
    assert [(each.kind, each.decision) for each in verdict.changes] == [("observation-lost", "approved")]
    assert verdict.outcome == "passed"
    assert sandbox.approved() == before


def test_one_of_several_recordings_that_is_gone_loses_no_observation(sandbox: Any) -> None:
    _approve(sandbox, [sandbox.reply(), sandbox.reply()])
    (sandbox.root / "cassettes/c1.yaml").unlink()
    assert sandbox.kinds() == []


def test_a_contract_without_any_approved_exchange_loses_no_observation(sandbox: Any) -> None:
    sandbox.record("a", sandbox.reply())
    sandbox.record("e", {"error": {"message": "slow down"}}, status=429)
    sandbox.accept()
    (sandbox.root / "cassettes/e.yaml").unlink()
    (sandbox.root / "snapshots/cassettes/e.json").unlink()
    assert sandbox.kinds() == []


def test_a_plain_status_is_gone_though_a_stream_answers_with_it(sandbox: Any) -> None:
    sandbox.record("a", sandbox.reply())
    sandbox.record("e", {"error": {"message": "slow down"}}, status=429)
    sandbox.stream("s", {"object": "chat.completion.chunk", "model": "m", "choices": []})
    sandbox.accept()
    (sandbox.root / "cassettes/a.yaml").unlink()
    assert [(each.kind, each.stream) for each in sandbox.check().changes] == [("status-removed", False)]


def test_an_optional_field_that_most_have_now_rose(sandbox: Any) -> None:
    _approve(sandbox, [_with(sandbox, 1), *(sandbox.reply() for _ in range(4))])
    for number in (1, 2):
        sandbox.record(f"c{number}", _with(sandbox, 1))
    (change,) = sandbox.check().changes
    assert (change.kind, change.severity, change.path) == ("presence-rose", "info", "$.usage.cached_tokens")
    assert len(change.occurrences) == 2
    sandbox.accept()
    assert sandbox.check().changes == ()


def test_an_optional_field_that_one_more_has_is_only_added(sandbox: Any) -> None:
    _approve(sandbox, [*(_with(sandbox, 1) for _ in range(2)), *(sandbox.reply() for _ in range(2))])
    sandbox.record("c3", _with(sandbox, 1))
    assert sandbox.kinds() == [("field-added", "$.usage.cached_tokens")]


def test_what_one_lost_and_another_won_is_neither_rarer_nor_more_frequent(sandbox: Any) -> None:
    _approve(sandbox, [_with(sandbox, 1), sandbox.reply()])
    sandbox.record("c0", sandbox.reply())
    sandbox.record("c1", _with(sandbox, 1))
    assert set(sandbox.kinds()) == {
        ("optional-field-removed", "$.usage.cached_tokens"),
        ("field-added", "$.usage.cached_tokens"),
    }


def test_what_is_null_here_and_gone_there_is_told_of_each(sandbox: Any) -> None:
    _approve(sandbox, [_with(sandbox, 1), _with(sandbox, 2), _with(sandbox, None), sandbox.reply()])
    sandbox.record("c0", _with(sandbox, None))
    sandbox.record("c1", sandbox.reply())
    assert set(sandbox.kinds()) == {
        ("null-only", "$.usage.cached_tokens"),
        ("optional-field-removed", "$.usage.cached_tokens"),
    }
