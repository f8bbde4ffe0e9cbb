"""How a stream runs: which events it has, where in it a field comes, how it ends."""

from __future__ import annotations

import json
from typing import Any

import pytest

from acetate.contract import Contract
from acetate.course import event_types, phases

USAGE = {"prompt_tokens": 1, "total_tokens": 3}


def chunk(usage: Any = None, **choice: Any) -> dict[str, Any]:
    held = {"index": 0, "delta": {"role": "assistant", "content": "a"}, "finish_reason": None, **choice}
    return {"object": "chat.completion.chunk", "model": "m", "choices": [held], "usage": usage}


def message(*kinds: str) -> list[dict[str, Any]]:
    """The events of these types of one of Anthropic's messages."""
    events: dict[str, Any] = {
        "message_start": {"message": {"id": "msg_1", "type": "message", "role": "assistant", "content": []}},
        "content_block_start": {"index": 0, "content_block": {"type": "text", "text": ""}},
        "ping": {},
        "content_block_delta": {"index": 0, "delta": {"type": "text_delta", "text": "a"}},
        "content_block_stop": {"index": 0},
        "message_delta": {"delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
        "message_stop": {},
        "content_block_note": {"index": 0},
    }
    return [{"type": kind, **events[kind]} for kind in kinds]


MESSAGE = (
    "message_start", "content_block_start", "ping", "content_block_delta", "content_block_stop", "message_delta",
    "message_stop",
)  # fmt: skip


def without(kind: str) -> list[dict[str, Any]]:
    return message(*(each for each in MESSAGE if each != kind))


def told(sandbox: Any) -> list[tuple[str, str, Any, Any]]:
    return [(each.kind, each.path, each.before, each.after) for each in sandbox.check().changes]


def kinds(sandbox: Any) -> set[tuple[str, Any]]:
    return {
        (each.kind, each.before if isinstance(each.before, str) else each.after) for each in sandbox.check().changes
    }


def accepted(sandbox: Any) -> bool:
    sandbox.accept()
    return not sandbox.check().changes


# How it ends


def test_a_stream_that_lost_its_last_mark_is_a_break(sandbox: Any) -> None:
    sandbox.stream("a", chunk(), chunk(USAGE, finish_reason="stop"))
    sandbox.accept()
    sandbox.stream("a", chunk(), chunk(USAGE, finish_reason="stop"), done=False)
    (change,) = sandbox.check().changes
    assert (change.kind, change.severity, change.path) == ("stream-terminator-missing", "error", "$terminator")
    assert (change.before, change.occurrences[0].at) == ("[DONE]", "$terminator")
    assert accepted(sandbox)


def test_an_end_that_is_an_event_is_told_once(sandbox: Any) -> None:
    sandbox.stream("a", *message(*MESSAGE), done=False)
    sandbox.accept()
    sandbox.stream("a", *without("message_stop"), done=False)
    assert sandbox.kinds() == [("stream-terminator-missing", "$terminator")]
    assert accepted(sandbox)


def test_an_end_that_was_never_there_is_not_missed(sandbox: Any) -> None:
    sandbox.stream("a", chunk(), done=False)
    sandbox.accept()
    sandbox.stream("a", chunk(), chunk(finish_reason="stop"), done=False)
    assert "stream-terminator-missing" not in {kind for kind, _ in sandbox.kinds()}


def test_a_new_stream_without_its_last_mark_is_held_against_the_contract(sandbox: Any) -> None:
    sandbox.stream("a", chunk())
    sandbox.accept()
    sandbox.stream("b", chunk(), done=False)
    assert set(sandbox.kinds()) == {("exchange-unapproved", "$"), ("stream-terminator-missing", "$terminator")}


def test_a_contract_whose_streams_end_now_so_now_so_asks_for_no_end(sandbox: Any) -> None:
    sandbox.stream("a", chunk())
    sandbox.stream("b", chunk(), done=False)
    sandbox.accept()
    sandbox.stream("c", chunk(), done=False)
    assert sandbox.kinds() == [("exchange-unapproved", "$")]


RESPONSE = {"id": "r", "object": "response", "model": "m", "status": "completed", "output": []}


def response(end: str = "completed", *, text: bool = True, extra: str = "") -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = [{"type": "response.created", "response": {**RESPONSE, "status": "in_progress"}}]
    if text:
        events.append({"type": "response.output_text.delta", "delta": "a"})
    events += [{"type": extra, "delta": "a"}] if extra else []
    return [
        *events,
        {"type": "response.refusal.delta", "delta": "a"},
        {"type": f"response.{end}", "response": RESPONSE},
    ]


def test_another_end_of_the_same_dialect_is_no_type_that_was_lost(sandbox: Any) -> None:
    sandbox.stream("a", *response(), done=False)
    sandbox.accept()
    sandbox.stream("a", *response("incomplete"), done=False)
    assert kinds(sandbox) == {("stream-event-type-added", "response.incomplete")}


# Which events it has


def test_a_type_that_every_approved_stream_had_and_this_one_has_not_is_a_break(sandbox: Any) -> None:
    sandbox.stream("a", *response(), done=False)
    sandbox.accept()
    sandbox.stream("a", *response(text=False), done=False)
    (change,) = sandbox.check().changes
    assert (change.kind, change.severity, change.path) == ("stream-event-type-removed", "error", "$.type")
    assert change.before == "response.output_text.delta"
    assert accepted(sandbox)


def test_a_type_that_nobody_approved_is_to_review_and_no_value_besides(sandbox: Any) -> None:
    sandbox.stream("a", *response(), done=False)
    sandbox.accept()
    sandbox.stream("a", *response(extra="response.thought.delta"), done=False)
    (change,) = sandbox.check().changes
    assert (change.kind, change.severity, change.after) == ("stream-event-type-added", "warn", "response.thought.delta")
    assert change.occurrences[0].at == "$events[2].type"
    assert accepted(sandbox)


def test_a_type_that_took_the_place_of_another_is_told_by_both(sandbox: Any) -> None:
    sandbox.stream("a", *response(), done=False)
    sandbox.accept()
    sandbox.stream("a", *response(text=False, extra="response.text"), done=False)
    assert kinds(sandbox) == {
        ("stream-event-type-removed", "response.output_text.delta"),
        ("stream-event-type-added", "response.text"),
    }
    for kind in ("stream-event-type-added", "stream-event-type-removed"):
        sandbox.accept(lambda change, kind=kind: change.kind == kind)
    assert sandbox.check().changes == ()


def test_a_type_that_another_approved_stream_did_without_is_only_listed(sandbox: Any) -> None:
    sandbox.stream("a", *response(), done=False)
    sandbox.stream("b", *response(), done=False)
    sandbox.stream("c", *response(text=False), done=False)
    sandbox.accept()
    sandbox.stream("a", *response(text=False), done=False)
    (change,) = sandbox.check().changes
    assert (change.kind, change.severity, change.before) == ("enum-value-removed", "info", "response.output_text.delta")
    assert sandbox.check().outcome == "passed"
    assert accepted(sandbox)


def test_a_type_that_no_stream_has_any_more_is_a_break_though_some_did_without(sandbox: Any) -> None:
    sandbox.stream("a", *response(), done=False)
    sandbox.stream("b", *response(text=False), done=False)
    sandbox.accept()
    sandbox.stream("a", *response(text=False), done=False)
    assert kinds(sandbox) == {("stream-event-type-removed", "response.output_text.delta")}
    assert [each.kind for each in sandbox.check("cassettes/a.yaml").changes] == ["enum-value-removed"]
    assert accepted(sandbox)


def test_a_type_that_another_approved_stream_had_is_known(sandbox: Any) -> None:
    sandbox.stream("a", *response(), done=False)
    sandbox.stream("b", *response(extra="response.thought.delta"), done=False)
    sandbox.accept()
    sandbox.stream("a", *response(extra="response.thought.delta"), done=False)
    assert sandbox.kinds() == []


def test_a_new_stream_is_held_against_the_types_that_every_approved_one_had(sandbox: Any) -> None:
    sandbox.stream("a", *response(), done=False)
    sandbox.accept()
    sandbox.stream("b", *response(text=False, extra="response.thought.delta"), done=False)
    assert kinds(sandbox) - {("exchange-unapproved", "response.created")} >= {
        ("stream-event-type-removed", "response.output_text.delta"),
        ("stream-event-type-added", "response.thought.delta"),
    }
    assert "enum-value-added" not in {kind for kind, _ in sandbox.kinds()}


@pytest.mark.parametrize("pings", [0, 3])
def test_what_only_keeps_a_stream_alive_is_no_news(sandbox: Any, pings: int) -> None:
    sandbox.stream("a", *message(*MESSAGE), done=False)
    sandbox.accept()
    sandbox.stream("a", *message(*["ping"] * pings), *without("ping"), done=False)
    assert sandbox.kinds() == []


def test_what_keeps_a_stream_alive_is_no_news_where_it_never_came_before(sandbox: Any) -> None:
    sandbox.stream("a", *without("ping"), done=False)
    sandbox.accept()
    sandbox.stream("a", *message(*MESSAGE), done=False)
    sandbox.stream("b", *message(*MESSAGE), done=False)
    assert sandbox.kinds() == [("exchange-unapproved", "$")]


def named(sandbox: Any, name: str, *events: tuple[str, str]) -> None:
    text = "".join(f"event: {event}\ndata: {data}\n\n" for event, data in events)
    sandbox.record(name, text, headers={"content-type": "text/event-stream"})


def test_names_that_only_the_framing_says_count_as_types(sandbox: Any) -> None:
    named(sandbox, "a", ("output", "Hello"), ("done", "{}"))
    sandbox.accept()
    named(sandbox, "a", ("output", "Hello"), ("logs", "{}"))
    assert kinds(sandbox) == {("stream-event-type-removed", "done"), ("stream-event-type-added", "logs")}
    assert {path for _, path in sandbox.kinds()} == {"$event"}
    assert accepted(sandbox)


def test_names_that_the_data_says_too_are_not_written_twice(sandbox: Any) -> None:
    events = without("ping")
    named(sandbox, "a", *((each["type"], json.dumps(each)) for each in events))
    sandbox.accept()
    (entry,) = sandbox.project().library.entries("cassettes/a")
    assert entry.names is None


def test_what_an_older_profile_hid_is_no_type() -> None:
    from acetate.profile import profiles
    from acetate.provider import rules

    known = rules(profiles()["generic"], "POST /things")
    assert event_types(({"type": "a"}, {"type": "b"}, {"type": 1}, "text"), known) == {"a", "b"}
    assert event_types(({"type": "a"}, {"type": "<text>"}), known) == frozenset()


# Where a field comes


def test_a_field_that_comes_in_every_event_and_not_in_the_last_one_has_moved(sandbox: Any) -> None:
    sandbox.stream("a", chunk(), chunk(USAGE, finish_reason="stop"))
    sandbox.accept()
    sandbox.stream("a", chunk(USAGE), chunk(USAGE, finish_reason="stop"))
    (change,) = sandbox.check().changes
    assert (change.kind, change.severity, change.path) == ("stream-field-phase-moved", "warn", "$.usage")
    assert (change.before, change.after) == ("last", "every")
    assert accepted(sandbox)


def test_a_field_that_comes_first_and_came_last_has_moved(sandbox: Any) -> None:
    sandbox.stream("a", chunk(USAGE), chunk(finish_reason="stop"))
    sandbox.accept()
    sandbox.stream("a", chunk(), chunk(USAGE, finish_reason="stop"))
    assert [each[2:] for each in told(sandbox)] == [("first", "last")]
    assert accepted(sandbox)


def test_a_field_that_is_null_in_the_other_events_is_told_by_that_alone(sandbox: Any) -> None:
    sandbox.stream("a", chunk(USAGE), chunk(USAGE, finish_reason="stop"))
    sandbox.accept()
    sandbox.stream("a", chunk(), chunk(USAGE, finish_reason="stop"))
    assert sandbox.kinds() == [("became-nullable", "$.usage")]


def test_a_place_in_which_approved_streams_differ_is_no_news(sandbox: Any) -> None:
    sandbox.stream("a", chunk(), chunk(USAGE, finish_reason="stop"))
    sandbox.stream("b", chunk(USAGE), chunk(USAGE, finish_reason="stop"))
    sandbox.accept()
    sandbox.stream("a", chunk(USAGE), chunk(USAGE, finish_reason="stop"))
    assert "stream-field-phase-moved" not in {kind for kind, _ in sandbox.kinds()}


def test_a_new_stream_is_held_against_the_phase_that_every_approved_one_has(sandbox: Any) -> None:
    sandbox.stream("a", chunk(), chunk(USAGE, finish_reason="stop"))
    sandbox.accept()
    sandbox.stream("b", chunk(USAGE), chunk(USAGE, finish_reason="stop"))
    assert ("stream-field-phase-moved", "$.usage") in sandbox.kinds()


@pytest.mark.parametrize(
    ("approved", "seen"),
    [
        (
            [chunk(token=None), chunk(token=1, finish_reason="stop")],
            [chunk(token=1), chunk(token=1, finish_reason="stop")],
        ),
        ([chunk(USAGE)], [chunk(), chunk(USAGE, finish_reason=None)]),
    ],
    ids=["a scalar in the pieces of a model", "a single event"],
)
def test_what_differs_from_call_to_call_is_no_move(sandbox: Any, approved: list[Any], seen: list[Any]) -> None:
    sandbox.stream("a", *approved)
    sandbox.accept()
    sandbox.stream("a", *seen)
    assert "stream-field-phase-moved" not in {kind for kind, _ in sandbox.kinds()}


def test_a_field_that_is_gone_from_the_other_events_is_told_by_that_alone(sandbox: Any) -> None:
    bare = {key: each for key, each in chunk().items() if key != "usage"}
    sandbox.stream("a", chunk(USAGE), chunk(USAGE, finish_reason="stop"))
    sandbox.accept()
    sandbox.stream("a", bare, chunk(USAGE, finish_reason="stop"))
    assert sandbox.kinds() == [("field-removed", "$.usage")]


def test_phases_are_told_by_the_events_that_have_a_value() -> None:
    events = ({"a": 1, "b": {"c": 1}}, {"a": 1, "b": None}, {"a": 1, "d": 1})
    assert dict(phases(events)) == {"$.a": "every", "$.b": "first", "$.b.c": "first", "$.d": "last"}


# What the contract counts


def test_a_contract_counts_the_streams_that_had_a_type(sandbox: Any) -> None:
    sandbox.stream("a", *response(), done=False)
    sandbox.stream("b", *response(text=False), done=False)
    sandbox.accept()
    (contract,) = sandbox.project().library.derived()
    assert contract.evidence["event_types"]["response.output_text.delta"] == "1 of 2"
    assert contract.event_types["response.created"] is True
    assert contract.event_types["response.output_text.delta"] is False


def test_a_contract_that_never_counted_types_takes_all_for_needed() -> None:
    contract = Contract({"properties": {"type": {"enum": ["a", "b"]}}})
    assert contract.event_types == {"a": True, "b": True}
