"""What differs between an approved masked form and what is seen now."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acetate.change import ABSENT
from acetate.comparison import compare
from acetate.contract import Contract
from acetate.derivation import Sample, derive
from acetate.mask import mark_at, mask
from acetate.profile import profiles
from acetate.provider import Operation, rules
from acetate.violation import Validator
from tests.toolkit import bodies

RULES = rules(profiles()["together"], "chat.completions")
REPLY: dict[str, Any] = {
    "id": "oNv-1",
    "object": "chat.completion",
    "created": 1786077872,
    "model": "meta-llama/Llama-3.3-70B-Instruct-Turbo",
    "prompt": [],
    "choices": [
        {
            "finish_reason": "eos",
            "seed": 10063845344384584000,
            "index": 0,
            "logprobs": None,
            "message": {"role": "assistant", "content": "The sky is blue.", "tool_calls": []},
        }
    ],
    "usage": {"prompt_tokens": 46, "completion_tokens": 45, "total_tokens": 91},
}


class Known:
    """A contract that approved these paths."""

    def __init__(
        self,
        *,
        required: set[str] | None = None,
        types: dict[str, set[str]] | None = None,
        values: dict[str, set[str]] | None = None,
        empty: set[str] | None = None,
    ) -> None:
        self._required, self._types = required or set(), types or {}
        self._values, self._empty = values or {}, empty or set()

    def requires(self, path: str) -> bool:
        return path in self._required

    def types(self, path: str) -> frozenset[str]:
        return frozenset(self._types.get(path, ()))

    def values(self, path: str, model: str | None) -> frozenset[Any]:
        return frozenset(self._values.get(path, ()))

    def may_be_empty(self, path: str) -> bool:
        return path in self._empty


def differences(
    edit: Callable[[dict[str, Any]], Any], known: Known | None = None, model: str | None = None
) -> list[tuple[Any, ...]]:
    """Kind, path, before and after, once `edit` has changed a copy of the reply (or returned another body)."""
    changed = copy.deepcopy(REPLY)
    returned = edit(changed)
    body = returned if isinstance(returned, (dict, list)) and returned is not changed else changed
    found = compare([mask(REPLY, RULES)], [mask(body, RULES)], RULES, known, model=model)
    return [(each.kind, each.path, each.before, each.after) for each in found]


def _set(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def edit(body: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        held: Any = body
        for step in parents:
            held = held[int(step) if step.isdigit() else step]
        if value is ABSENT:
            del held[last]
        else:
            held[last] = value

    return edit


@pytest.mark.parametrize(
    "edit",
    [
        _set("id", "another"),
        _set("created", 1),
        _set("choices.0.seed", 2**70),
        _set("choices.0.message.content", ""),
        _set("usage.total_tokens", 0),
        lambda body: dict(reversed(body.items())),
        lambda body: body["choices"].append(copy.deepcopy(body["choices"][0])),
    ],
    ids=["id", "created", "seed", "text", "token count", "key order", "one more of the same"],
)
def test_what_differs_from_call_to_call_is_no_change(edit: Callable[[dict[str, Any]], Any]) -> None:
    assert differences(edit) == []


@pytest.mark.parametrize(
    ("path", "value", "kind", "where", "before", "after"),
    [
        ("choices.0.message.role", ABSENT, "field-removed", "$.choices[].message.role", "string", ABSENT),
        ("usage", ABSENT, "field-removed", "$.usage", "object", ABSENT),
        ("usage.cached_tokens", 0, "field-added", "$.usage.cached_tokens", ABSENT, "integer"),
        ("metadata", {"weight_version": "default"}, "field-added", "$.metadata", ABSENT, "object"),
        ("choices.0.seed", None, "became-nullable", "$.choices[].seed", "integer", "null"),
        ("choices.0.seed", 1.5, "type-widened", "$.choices[].seed", "integer", "number"),
        ("choices.0.seed", "1", "type-changed", "$.choices[].seed", "integer", "string"),
        ("choices.0.index", {"n": 0}, "scalar-became-object", "$.choices[].index", "integer", "object"),
        ("choices.0.index", [0], "scalar-became-array", "$.choices[].index", "integer", "array"),
        ("usage", 91, "object-became-scalar", "$.usage", "object", "integer"),
        ("choices", "none", "array-became-scalar", "$.choices", "array", "string"),
        ("choices", {"0": {}}, "type-changed", "$.choices", "array", "object"),
        ("choices.0.logprobs", {"tokens": []}, "type-changed", "$.choices[].logprobs", "null", "object"),
        ("choices", [], "array-may-be-empty", "$.choices", "array", "empty array"),
        ("choices.0.finish_reason", "stop", "enum-value-replaced", "$.choices[].finish_reason", "eos", "stop"),
        ("object", "completion", "const-changed", "$.object", "chat.completion", "completion"),
        ("model", "other", "value-changed", "$.model", REPLY["model"], "other"),
    ],
)
def test_each_break_is_one_difference(path: str, value: Any, kind: str, where: str, before: Any, after: Any) -> None:
    assert differences(_set(path, value)) == [(kind, where, before, after)]


def test_the_first_items_of_an_array_that_was_always_empty_are_an_addition() -> None:
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    assert differences(_set("choices.0.message.tool_calls", [call])) == [
        ("field-added", "$.choices[].message.tool_calls[]", ABSENT, "object")
    ]


def test_a_renamed_field_is_one_difference() -> None:
    def rename(body: dict[str, Any]) -> None:
        body["choices"][0]["message"]["author"] = body["choices"][0]["message"].pop("role")

    where = "$.choices[].message"
    assert differences(rename) == [("field-renamed", f"{where}.role", f"{where}.role", f"{where}.author")]


def test_of_two_new_names_the_likelier_one_is_the_rename() -> None:
    def rename(body: dict[str, Any]) -> None:
        body["usage"]["completion_token_count"] = body["usage"].pop("completion_tokens")
        body["usage"]["zzz"] = 1

    assert {each[0] for each in differences(rename)} == {"field-renamed", "field-added"}


def test_of_equally_likely_names_none_is_the_rename() -> None:
    def rename(body: dict[str, Any]) -> None:
        del body["usage"]["completion_tokens"]
        body["usage"].update(xx=1, yy=2)

    assert sorted(each[0] for each in differences(rename)) == ["field-added", "field-added", "field-removed"]


def test_a_moved_field_is_one_difference() -> None:
    def move(body: dict[str, Any]) -> None:
        body["choices"][0]["role"] = body["choices"][0]["message"].pop("role")

    assert differences(move) == [
        ("field-moved", "$.choices[].message.role", "$.choices[].message.role", "$.choices[].role")
    ]


def test_a_field_that_moves_into_a_new_object_is_one_difference() -> None:
    found = differences(lambda body: body.update(meta={"usage": body.pop("usage")}))
    assert found == [("field-moved", "$.usage", "$.usage", "$.meta.usage")]


def test_a_wrapped_body_is_one_difference() -> None:
    assert differences(lambda body: {"data": body}) == [("body-wrapped", "$", "$", "$.data")]


def test_an_unwrapped_body_is_one_difference() -> None:
    approved, seen = mask({"data": REPLY}, RULES), mask(REPLY, RULES)
    found = compare([approved], [seen], RULES, None)
    assert [(each.kind, each.before, each.after) for each in found] == [("body-unwrapped", "$.data", "$")]


def test_a_list_that_is_put_into_an_envelope_was_wrapped() -> None:
    items = [{"id": "a", "type": "chat"}]
    found = compare([mask(items, RULES)], [mask({"data": items}, RULES)], RULES, None)
    assert [(each.kind, each.before, each.after) for each in found] == [("body-wrapped", "$", "$.data")]


def test_a_field_that_only_some_items_lost_is_removed() -> None:
    def lose(body: dict[str, Any]) -> None:
        body["choices"].append({key: value for key, value in body["choices"][0].items() if key != "seed"})

    assert differences(lose) == [("field-removed", "$.choices[].seed", "integer", ABSENT)]


def test_a_field_that_the_contract_does_not_require_is_an_optional_one() -> None:
    found = differences(_set("choices.0.seed", ABSENT), Known(required=set()))
    assert [each[0] for each in found] == ["optional-field-removed"]


def test_a_type_that_was_approved_elsewhere_is_only_another_value() -> None:
    known = Known(types={"$.choices[].seed": {"integer", "null"}})
    assert differences(_set("choices.0.seed", None), known) == [
        ("value-changed", "$.choices[].seed", "integer", "null")
    ]


def test_an_empty_array_that_was_approved_elsewhere_is_no_news() -> None:
    assert differences(_set("choices", []), Known(empty={"$.choices"})) == []


def test_two_values_that_were_both_approved_for_the_model_are_no_break() -> None:
    known = Known(values={"$.choices[].finish_reason": {"eos", "stop"}})
    edit = _set("choices.0.finish_reason", "stop")
    assert [each[0] for each in differences(edit, known, model="m")] == ["value-changed"]
    assert [each[0] for each in differences(edit, known, model=None)] == ["enum-value-replaced"]


def test_a_value_beside_the_approved_ones_was_added() -> None:
    def add(body: dict[str, Any]) -> None:
        body["choices"].append(copy.deepcopy(body["choices"][0]))
        body["choices"][1]["finish_reason"] = "length"

    assert differences(add) == [("enum-value-added", "$.choices[].finish_reason", ABSENT, "length")]


def test_a_value_that_stopped_coming_is_no_change_of_one_exchange() -> None:
    two = copy.deepcopy(REPLY)
    two["choices"].append(copy.deepcopy(two["choices"][0]))
    two["choices"][1]["finish_reason"] = "length"
    assert compare([mask(two, RULES)], [mask(REPLY, RULES)], RULES, None) == []


def test_a_time_that_is_no_time_any_more_lost_its_format() -> None:
    kept = rules(profiles()["together"], "fine_tunes.retrieve")
    approved, seen = {"created_at": "2026-01-01T00:00:00Z"}, {"created_at": "yesterday"}
    found = compare([mask(approved, kept)], [mask(seen, kept)], kept, None)
    assert [(each.kind, each.before, each.after) for each in found] == [("format-lost", "date-time", "text")]


@pytest.mark.parametrize(
    ("approved", "seen", "expected"),
    [
        ("<text>", "<bytes>", [("format-changed", "text", "binary")]),
        ("<bytes>", "<text>", [("format-lost", "binary", "text")]),
        ("<bytes>", "<bytes>", []),
    ],
)
def test_text_and_bytes_that_are_none_are_told_apart(approved: str, seen: str, expected: Any) -> None:
    assert [(each.kind, each.before, each.after) for each in compare([approved], [seen], RULES, None)] == expected


def _called(arguments: str) -> dict[str, Any]:
    function = {"name": "weather", "arguments": arguments}
    call = {"index": 0, "id": "call_1", "type": "function", "function": function}
    return {"choices": [{"message": {"role": "assistant", "content": None, "tool_calls": [call]}}]}


@pytest.mark.parametrize(
    ("arguments", "kinds"),
    [
        ('{"city": "Rome"}', []),
        ('{"city": "Rome", "unit": "c"}', ["value-changed"]),
        ('{"city": ', ["format-lost"]),
    ],
)
def test_arguments_of_a_call_are_compared_by_shape(arguments: str, kinds: list[str]) -> None:
    approved, seen = mask(_called('{"city": "Paris"}'), RULES), mask(_called(arguments), RULES)
    assert [each.kind for each in compare([approved], [seen], RULES, None)] == kinds


def test_what_an_older_profile_masked_otherwise_is_no_change() -> None:
    approved = mask(REPLY, RULES)
    assert isinstance(approved, dict)
    older = {**approved, "id": "<text>", "object": "<text>", "created": 1786077872, "usage": approved["usage"]}
    assert compare([older], [approved], RULES, None) == []


def test_events_are_compared_whatever_their_order() -> None:
    first, second = {"delta": {"role": "assistant"}}, {"delta": {"content": "<text>"}}
    assert compare([first, second], [second, first], RULES, None) == []


def test_a_shown_number_is_compared_by_value() -> None:
    kept = rules(profiles()["generic"], "GET /x")
    approved, seen = mask({"error": {"code": 404}}, kept), mask({"error": {"code": 400}}, kept)
    found = compare([approved], [seen], kept, None)
    assert [(each.kind, each.before, each.after) for each in found] == [("enum-value-replaced", 404, 400)]


def _events(*events: dict[str, Any]) -> list[Any]:
    return [mask(each, RULES) for each in events]


FIRST = {"object": "chat.completion.chunk", "choices": [{"delta": {"role": "assistant", "content": ""}}], "usage": None}
MIDDLE = {"object": "chat.completion.chunk", "choices": [{"delta": {"content": "R"}}], "usage": None}
LAST = {"object": "chat.completion.chunk", "choices": [], "usage": {"total_tokens": 7}}


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ([FIRST, MIDDLE, LAST], []),
        ([FIRST, LAST], []),
        ([FIRST, MIDDLE], [("value-changed", "$.usage")]),
        ([MIDDLE, LAST], [("optional-field-removed", "$.choices[].delta.role")]),
        ([FIRST, {**MIDDLE, "seed": 1}, LAST], [("field-added", "$.seed")]),
        ([FIRST, MIDDLE, {**LAST, "usage": {"total_tokens": "7"}}], [("type-changed", "$.usage.total_tokens")]),
        ([FIRST, MIDDLE, {**LAST, "object": "usage"}], [("const-changed", "$.object")]),
        ([{"choices": FIRST["choices"], "usage": None}, MIDDLE, LAST], [("field-removed", "$.object")]),
    ],
    ids=[
        "the same",
        "one form less",
        "no usage",
        "no role",
        "one more field",
        "retyped",
        "another object",
        "partly gone",
    ],
)
def test_the_events_of_a_stream_are_read_as_one(now: list[dict[str, Any]], expected: list[tuple[str, str]]) -> None:
    known = Known(
        required={"$.object", "$.choices", "$.usage"},
        types={"$.usage": {"object", "null"}},
        empty={"$.choices"},
    )
    found = compare(_events(FIRST, MIDDLE, LAST), _events(*now), RULES, known)
    # What is null in every event now was an object or null: both are approved, and nothing is said.
    assert [(each.kind, each.path) for each in found] == [each for each in expected if each[0] != "value-changed"]


def test_a_new_type_of_event_is_a_value_that_was_added() -> None:
    before = _events({"type": "delta", "text": "a"}, {"type": "end"})
    now = [*before, *_events({"type": "ping"})]
    found = compare(before, now, RULES, None)
    assert [(each.kind, each.path, each.after) for each in found] == [("enum-value-added", "$.type", "ping")]


def test_a_whole_number_where_any_number_was_approved_is_no_change() -> None:
    assert compare([{"n": "<number>"}], [{"n": "<int>"}], RULES, None) == []


def test_a_map_of_an_older_profile_is_not_compared_key_by_key() -> None:
    assert compare([{"usage": {"{*}": ["<int>", "n ≥ 1"]}}], [{"usage": {"n": "<int>"}}], RULES, None) == []


def test_the_values_of_maps_are_compared_with_each_other() -> None:
    logprobs = ({"choices": [{"logprobs": {"top_logprobs": [{"Rome": value}]}}]} for value in (-0.5, "x"))
    before, now = (mask(each, RULES) for each in logprobs)
    found = compare([before], [now], RULES, None)
    assert [(each.kind, each.path) for each in found] == [("type-changed", "$.choices[].logprobs.top_logprobs[]{*}")]


def test_null_where_some_values_were_approved_is_one_difference() -> None:
    found = compare([{"n": ["<int>", "n ≥ 1"]}], [{"n": ["<int>", None, "n ≥ 1"]}], RULES, None)
    assert [(each.kind, each.path) for each in found] == [("became-nullable", "$.n[]")]


def test_text_in_place_of_what_a_model_was_asked_to_write_as_json_is_text() -> None:
    where = "$.choices[].message.content"
    before, now = ({"choices": [{"message": {"content": each}}, "n ≥ 1"]} for each in ({"<json>": {}}, "<text>"))
    assert mark_at(RULES, where) is None
    assert compare([before], [now], RULES, None) == []


@pytest.mark.parametrize(
    ("approved", "kinds"), [({"$.choices[].finish_reason": {"eos", "length"}}, []), ({}, ["enum-value-added"])]
)
def test_a_further_value_that_was_approved_for_the_model_is_no_news(approved: Any, kinds: list[str]) -> None:
    def add(body: dict[str, Any]) -> None:
        body["choices"].append({**body["choices"][0], "finish_reason": "length"})

    assert [each[0] for each in differences(add, Known(values=approved), model="m")] == kinds


@settings(max_examples=300)
@given(bodies.objects.flatmap(lambda body: st.tuples(st.just(body), bodies.mutated(body))))
def test_whatever_breaks_the_contract_of_the_approved_body_is_never_met_with_silence(both: tuple[Any, Any]) -> None:
    approved, body = both
    masked = mask(approved, bodies.RULES)
    contract = Contract(
        derive(Operation("generic", "GET /x"), 200, False, [Sample(None, {}, (masked,))], bodies.RULES, {})
    )
    if Validator(contract).check(body):
        assert compare([masked], [mask(body, bodies.RULES)], bodies.RULES, contract) != []
