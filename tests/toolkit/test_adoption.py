"""What was approved, edited at the path of one change: in any order, and nowhere else."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acetate.adoption import adopted
from acetate.body import Json
from acetate.change import ABSENT, Absent, Change, Difference
from acetate.comparison import compare
from acetate.mask import forms, mask
from acetate.provider import Operation, RuleNode, Rules
from acetate.shape import NOTE
from acetate.snapshot import Entry
from tests.toolkit.bodies import RULES, mutated, objects

CALL = Operation("generic", "POST /things")


def entry(body: Json, *, stream: bool = False) -> Entry:
    return Entry("POST /things", "key", CALL, 200, stream, {"content-type": "application/json"}, body)


def plain(body: Json) -> Entry:
    return entry(mask(body, RULES))


def streamed(events: list[Any]) -> Entry:
    return entry({"events": forms([mask(each, RULES) for each in events]), "terminator": None}, stream=True)


def change(difference: Difference) -> Change:
    return Change(
        "0" * 16, difference.kind, "error", "consume", "generic", CALL.name, 200, False,
        difference.path, difference.before, difference.after,
    )  # fmt: skip


def differences(approved: Entry, seen: Entry) -> list[Difference]:
    return compare(approved.masked, seen.masked, RULES, None)


FOLDS = ("field-", "optional-field-", "body-")
"""Kinds that may be told in other words once another field was accepted: a removal and an addition become a rename."""


def facts(found: list[Difference]) -> set[str]:
    """What is said: the paths that come, go or move, and everything else word by word."""
    moves = [each for each in found if each.kind.startswith(FOLDS)]
    paths = {each.path for each in moves if isinstance(each.before, Absent) or isinstance(each.after, Absent)}
    paths |= {str(side) for each in moves if each.path not in paths for side in (each.before, each.after)}
    return paths | {repr(each) for each in found if not each.kind.startswith(FOLDS)}


def adopt(approved: Entry, seen: Entry, difference: Difference) -> Entry:
    return adopted(approved, seen, change(difference), [])


def assert_adoptable(approved: Entry, seen: Entry, data: st.DataObject) -> None:
    """Accepts in any order end with nothing to say, and each leaves all others as they were."""
    found = differences(approved, seen)
    left = data.draw(st.permutations(found)) if found else []
    while left:
        one, *left = left
        approved = adopt(approved, seen, one)
        assert facts(differences(approved, seen)) == facts(left), (one, approved.body)
    assert differences(approved, seen) == []


@settings(max_examples=200)
@given(st.data())
def test_accepts_of_a_body_in_any_order_end_with_nothing_to_say(data: st.DataObject) -> None:
    body = data.draw(objects)
    assert_adoptable(plain(body), plain(data.draw(mutated(body))), data)


@settings(max_examples=200)
@given(st.data())
def test_accepts_of_a_stream_in_any_order_end_with_nothing_to_say(data: st.DataObject) -> None:
    events = data.draw(st.lists(objects, min_size=1, max_size=4))
    assert_adoptable(streamed(events), streamed(data.draw(mutated(events))), data)


def accepted(before: Any, now: Any, *kinds: str) -> Json:
    """The approved body once the changes of these kinds were accepted, in the order of the kinds."""
    approved, seen = plain(before), plain(now)
    for kind in kinds:
        one, *_ = [each for each in differences(approved, seen) if each.kind == kind]
        approved = adopt(approved, seen, one)
    return approved.body


def test_what_was_accepted_in_a_plain_body_is_what_is_seen() -> None:
    before = {"id": "a", "usage": {"n": 1}, "status": "eos", "tags": [{"text": "x"}]}
    now = {"id": None, "usage": {"n": 1, "score": 2}, "status": "stop", "tags": [{"text": "x", "role": "y"}]}
    kinds = ["became-nullable", "field-added", "enum-value-replaced", "field-added"]
    assert accepted(before, now, *kinds) == mask(now, RULES)


def test_only_the_accepted_path_is_edited() -> None:
    before, now = {"text": 1, "usage": {"n": 1, "m": "x"}}, {"text": 1, "usage": {"n": None, "m": 2}}
    assert accepted(before, now, "became-nullable") == {"text": "<int>", "usage": {"n": None, "m": "<text>"}}
    assert accepted(before, now, "type-changed") == {"text": "<int>", "usage": {"n": "<int>", "m": "<int>"}}


def test_of_two_changes_at_one_path_only_the_accepted_one_is_taken() -> None:
    before, now = {"tags": [{"status": "eos"}]}, {"tags": [{"status": "stop"}, {"status": None}]}
    assert accepted(before, now, "became-nullable") == {"tags": [{"status": "eos"}, {"status": None}, NOTE]}
    assert accepted(before, now, "enum-value-replaced") == {"tags": [{"status": "stop"}, NOTE]}


def test_a_value_that_was_added_stands_beside_the_approved_ones() -> None:
    before, now = {"tags": [{"status": "eos", "n": 1}]}, {"tags": [{"status": "eos"}, {"status": "length"}]}
    assert accepted(before, now, "enum-value-added") == {
        "tags": [{"status": "eos", "n": "<int>"}, {"status": "length", "n": "<int>"}, NOTE]
    }


def test_an_array_that_was_found_empty_once_keeps_its_approved_items() -> None:
    before, now = {"tags": [{"tags": [1]}]}, {"tags": [{"tags": ["x"]}, {"tags": []}]}
    assert accepted(before, now, "array-may-be-empty") == {"tags": [{"tags": ["<int>", NOTE]}, {"tags": []}, NOTE]}


def test_each_form_takes_its_part_from_the_form_that_is_most_like_it() -> None:
    before = {"tags": [{"type": "a", "n": 1}, {"type": "b", "n": 1, "m": 1}]}
    now = {"tags": [{"type": "b", "m": 1}, {"type": "a", "n": "1"}]}
    assert accepted(before, now, "type-changed", "field-removed") == {
        "tags": [{"type": "a", "n": "<text>"}, {"type": "b", "m": "<int>"}, NOTE]
    }


def test_the_first_items_of_an_array_are_taken_whole() -> None:
    assert accepted({"tags": []}, {"tags": [{"n": 1}]}, "field-added") == {"tags": [{"n": "<int>"}, NOTE]}


def test_a_field_that_moved_takes_its_new_parent_along_and_leaves_no_empty_one() -> None:
    inside, outside = {"meta": {"usage": {"n": 1}}, "id": "x"}, {"usage": {"n": 1}, "id": "x"}
    assert accepted(inside, outside, "field-moved") == mask(outside, RULES)
    assert accepted(outside, inside, "field-moved") == mask(inside, RULES)


def test_a_renamed_field_is_one_edit() -> None:
    before, now = {"tags": [{"title": "x"}]}, {"tags": [{"name": "y"}]}
    assert accepted(before, now, "field-renamed") == mask(now, RULES)


def test_an_envelope_is_taken_and_what_else_changed_is_not() -> None:
    before = {"object": "list", "id": "x", "n": 1}
    now = {"object": "page", "data": {"id": "x", "n": 1}}
    assert accepted(before, now, "body-wrapped") == {"object": "list", "data": {"id": "<id>", "n": "<int>"}}
    assert accepted(now, before, "body-unwrapped") == {"object": "page", "id": "<id>", "n": "<int>"}


def test_a_list_and_the_envelope_around_it_are_taken_whole() -> None:
    before, now = [{"id": "x"}], {"data": [{"id": "x"}], "n": 1}
    assert accepted(before, now, "body-wrapped") == mask(now, RULES)
    assert accepted(now, before, "body-unwrapped") == mask(before, RULES)


def test_the_values_of_a_map_are_edited_like_items() -> None:
    rules = Rules(RuleNode(children={"scores": RuleNode(is_map=True)}), {})
    before, now = ({"scores": {"a": {"n": 1}, "b": {"n": value, "m": 1}}} for value in (1, None))
    approved, seen = entry(mask(before, rules)), entry(mask(now, rules))
    [one] = compare(approved.masked, seen.masked, rules, None)
    assert (one.kind, one.path) == ("became-nullable", "$.scores{*}.n")
    taken = adopt(approved, seen, one)
    assert compare(taken.masked, seen.masked, rules, None) == []
    assert taken == seen


def test_a_format_is_given_up_and_null_is_not_taken_along() -> None:
    before = {"tags": [{"created_at": "2026-01-01T00:00:00Z"}]}
    now = {"tags": [{"created_at": "yesterday"}, {"created_at": None}]}
    assert accepted(before, now, "format-lost") == {"tags": [{"created_at": "<text>"}, NOTE]}


def test_another_shape_of_json_text_is_taken() -> None:
    before, now = {"arguments": '{"a": 1}'}, {"arguments": '{"a": "1"}'}
    assert accepted(before, now, "value-changed") == {"arguments": {"<json>": {"a": "<text>"}}}


def test_values_that_are_free_to_vary_are_taken_all() -> None:
    before, now = {"tags": [{"model": "a"}]}, {"tags": [{"model": "b"}, {"model": "c"}]}
    assert accepted(before, now, "value-changed") == mask(now, RULES)


def test_a_type_that_was_approved_elsewhere_is_taken_as_another_value() -> None:
    approved, seen = plain({"n": 1}), plain({"n": None})
    one = Difference("value-changed", "$.n", "$.n", "integer", "null")
    assert adopt(approved, seen, one).body == {"n": None}


@pytest.mark.parametrize("path", ["$.gone.deep", "$.n.deep", "$.tags[].n.deep", "$.other"])
def test_a_path_that_neither_side_has_changes_nothing(path: str) -> None:
    approved = plain({"n": 1, "tags": [{"n": 1}]})
    for kind in ("field-removed", "became-nullable", "range-widened", "enum-value-added"):
        assert adopt(approved, approved, Difference(kind, path, path)) == approved


def test_another_model_is_taken_over_with_its_name() -> None:
    approved = replace(plain({"model": "a", "n": 1}), model="a", label="things a")
    seen = replace(plain({"model": "b", "n": None}), model="b", label="things b")
    [model] = [each for each in differences(approved, seen) if each.path == "$.model"]
    taken = adopt(approved, seen, model)
    assert (taken.model, taken.label, taken.body) == ("b", "things b", {"model": "b", "n": "<int>"})


@pytest.mark.parametrize("path", ["$status", "$headers.content-type"])
def test_another_status_or_media_type_is_another_entry(path: str) -> None:
    seen = replace(plain({"error": "x"}), status=500)
    assert adopt(plain({"id": "x"}), seen, Difference("status-added", path, path, 200, 500)) == seen


def test_a_header_that_is_gone_is_gone_alone() -> None:
    approved = replace(plain({"id": "x"}), headers={"content-type": "application/json", "x-id": "<text>"})
    one = Difference("header-removed", "$headers.x-id", "$headers.x-id", "string", ABSENT)
    assert adopt(approved, plain({"id": None}), one) == plain({"id": "x"})


def _stream(*events: Any, reply: Any) -> Entry:
    held = streamed(list(events))
    assert isinstance(held.body, dict)
    return replace(held, body={**held.body, "reply": mask(reply, RULES)})


def test_what_the_reply_of_a_stream_repeats_is_taken_along() -> None:
    before = _stream({"delta": {"role": "a"}}, {"delta": {}}, reply={"message": {"role": "a"}, "usage": {"n": 1}})
    now = _stream({"delta": {"role": None}}, {"delta": {}}, reply={"message": {"role": None}, "usage": {"n": None}})
    [one] = differences(before, now)
    taken = adopted(before, now, change(one), ["$reply.message.role"])
    assert taken.masked == now.masked
    assert taken.reply == {"message": {"role": None}, "usage": {"n": "<int>"}}
    last = Difference("became-nullable", "$reply.usage.n", "$reply.usage.n", "integer", "null")
    assert adopt(taken, now, last) == now


def test_a_wrapped_stream_is_taken_event_by_event() -> None:
    before, now = streamed([{"id": "x", "n": 1}]), streamed([{"data": {"id": "x", "n": 1}}])
    [one] = differences(before, now)
    assert (one.kind, adopt(before, now, one)) == ("body-wrapped", now)


def test_a_long_list_is_edited_in_no_time() -> None:
    before = [{"model": f"m{number}", "n": 1} for number in range(200)]
    now = [{**each, "n": None} for each in before]
    start = time.process_time()
    assert accepted(before, now, "became-nullable") == mask(now, RULES)
    assert time.process_time() - start < 2


def test_a_value_is_replaced_wherever_it_was_approved() -> None:
    before = {"tags": [{"status": "eos"}, {"text": "x"}, {"status": "eos", "n": 1}, {"status": "length"}]}
    now = {"tags": [{"status": 404}, {"text": "x"}, {"status": "stop"}, {"status": "length"}]}
    approved, seen = plain(before), plain(now)
    one = Difference("enum-value-replaced", "$.tags[].status", "$.tags[].status", "eos", "stop")
    assert adopt(approved, seen, one).body == {
        "tags": [{"status": "stop"}, {"text": "<text>"}, {"status": "stop", "n": "<int>"}, {"status": "length"}, NOTE]
    }


def test_a_number_that_is_shown_is_replaced_like_any_value() -> None:
    assert accepted({"status": 404}, {"status": 400}, "enum-value-replaced") == {"status": 400}
