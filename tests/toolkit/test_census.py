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
