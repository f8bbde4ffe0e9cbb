"""The masked form of a value: tokens that keep the type, forms of arrays and maps, and other profiles."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from acetate.comparison import compare
from acetate.mask import DEEPEST, forms, is_deep, mark_at, marked, mask, remask
from acetate.provider import RuleNode, Rules
from acetate.shape import NOTE, Shape
from tests.toolkit.bodies import RULES, rule_sets, values

NOTHING = Rules(RuleNode(), {})


def shown(value: Any) -> Any:
    """A value at a path whose strings are shown."""
    return mask({"status": value}, RULES)["status"]  # type: ignore[index, call-overload]


@pytest.mark.parametrize(
    ("key", "value", "token"),
    [
        ("text", "hello", "<text>"),
        ("id", "oNv-1", "<id>"),
        ("created_at", "2026-01-01T00:00:00Z", "<time>"),
        ("created_at", "2026-01-01T00:00:00.25+02:00", "<time>"),
        ("created_at", "2026-01-01T00:00:00", "<text>"),
        ("created_at", "2026-13-01T00:00:00Z", "<text>"),
        ("created_at", "yesterday", "<text>"),
        ("usage", 7, "<int>"),
        ("usage", 2**70, "<int>"),
        ("usage", 7.0, "<number>"),
        ("score", 1, "<number>"),
        ("status", "stop", "stop"),
        ("status", 404, 404),
        ("status", 2**70, 2**70),
        ("status", 0.5, 0.5),
        ("status", math.inf, "<number>"),
        ("status", True, True),
        ("usage", None, None),
        ("usage", [], []),
        ("usage", {}, {}),
        ("arguments", '{"city": "Rome", "days": 3}', {"<json>": {"city": "<text>", "days": "<int>"}}),
        ("arguments", "[1, 2]", {"<json>": ["<int>", NOTE]}),
        ("arguments", '"Rome"', "<text>"),
        ("arguments", '{"city": ', "<text>"),
    ],
)
def test_a_mask_keeps_the_type(key: str, value: Any, token: Any) -> None:
    assert mask({key: value}, RULES) == {key: token}


@given(values)
def test_a_mask_keeps_every_type_whatever_the_value(value: Any) -> None:
    assert list(Shape.of(mask(value, NOTHING)).types) == list(Shape.of(mask(value, RULES)).types)
    assert list(Shape.of(mask(value, NOTHING)).types) == [_type(value)]


def _type(value: Any) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")


def test_items_that_are_equal_once_masked_are_written_once() -> None:
    assert mask([{"id": "a"}, {"id": "b"}, {"id": None}], RULES) == [{"id": "<id>"}, {"id": None}, NOTE]
    assert mask([{"id": "a", "text": "b"}, {"text": "c", "id": "d"}], RULES) == [{"id": "<id>", "text": "<text>"}, NOTE]
    assert forms([]) == []


def test_values_that_only_python_takes_for_the_same_are_written_each() -> None:
    assert repr(mask([{"status": each} for each in (1, True, 1.0, 1)], RULES)) == (
        "[{'status': 1}, {'status': True}, {'status': 1.0}, 'n ≥ 1']"
    )


def test_a_map_is_written_as_the_forms_of_its_values() -> None:
    rules = Rules(RuleNode(children={"scores": RuleNode(is_map=True, value=RuleNode(mark="number"))}), {})
    assert mask({"scores": {"hate": 1, "harm": 0.5}}, rules) == {"scores": {"{*}": ["<number>", NOTE]}}
    assert mask({"scores": {}}, rules) == {"scores": {"{*}": []}}


@pytest.mark.parametrize("sign", ["<int>", "<number>", "<time>", "<text>", "<bytes>", NOTE])
def test_a_string_that_looks_like_a_sign_stays_a_string(sign: str) -> None:
    assert shown(sign) == "<text>"
    assert Shape.of(mask([{"status": [sign]}], RULES)).items == Shape.of(mask([{"status": ["<text>"]}], RULES)).items


@pytest.mark.parametrize("key", ["<json>", "{*}"])
def test_an_object_that_looks_like_a_sign_stays_an_object(key: str) -> None:
    masked = mask({key: 1}, RULES)
    assert Shape.of(masked).types == {"object": 1}
    assert remask(masked, RULES) == masked
    assert compare([masked], [mask({key: 2}, RULES)], RULES, None) == []


@given(values, rule_sets, rule_sets)
@example({"created_at": "2026-01-01T00:00:00Z"}, RULES, Rules(RuleNode(), {"created_at": "enum"}))
@example({"score": 1}, RULES, NOTHING)
@example({"usage": {"score": 1}}, Rules(RuleNode(children={"usage": RuleNode(is_map=True)}), {}), RULES)
@example({"arguments": "{}"}, RULES, NOTHING)
@example({"arguments": "{}"}, RULES, Rules(RuleNode(), {"arguments": "id"}))
def test_another_profile_makes_no_change_of_the_same_body(value: Any, older: Rules, newer: Rules) -> None:
    assert compare([mask(value, older)], [mask(value, newer)], newer, None) == []


@given(values, rule_sets)
def test_a_mask_put_on_twice_is_the_same_mask(value: Any, rules: Rules) -> None:
    assert remask(mask(value, rules), rules) == mask(value, rules)


@given(values, rule_sets)
def test_a_masked_value_is_json_and_holds_no_text_that_no_rule_shows(value: Any, rules: Rules) -> None:
    assert json.loads(json.dumps(mask(value, rules))) == mask(value, rules)
    assert "hello" not in json.dumps(mask(value, NOTHING))


@pytest.mark.parametrize("damaged", [{"{*}": 1}, {"{*}": None}, {"<json>": 1}])
def test_an_approved_value_that_somebody_damaged_is_no_crash(damaged: Any) -> None:
    once = remask(damaged, RULES)
    assert remask(once, RULES) == once
    assert set(remask({"usage": damaged}, RULES)) == {"usage"}


def test_a_mark_is_found_by_its_whole_path_first() -> None:
    rules = Rules(
        RuleNode(
            children={
                "a": RuleNode(
                    item=RuleNode(mark="id", children={"b": RuleNode(mark="enum")}),
                    value=RuleNode(mark="number"),
                )
            }
        ),
        {"b": "time", "c": "keep"},
    )
    found = {
        path: mark_at(rules, path)
        for path in ("$", "$.a[]", "$.a[].b", "$.x.b", "$.a[].c", "$.a{*}", "$.x[]", "$.x{*}")
    }
    assert found == {
        "$": None, "$.a[]": "id", "$.a[].b": "enum", "$.x.b": "time", "$.a[].c": "keep", "$.a{*}": "number",
        "$.x[]": None, "$.x{*}": None,
    }  # fmt: skip


def test_one_more_mark_leaves_the_rules_as_they_were() -> None:
    rules = Rules(RuleNode(children={"a": RuleNode(item=RuleNode(children={"b": RuleNode(mark="id")}))}), {"c": "keep"})
    more = marked(marked(rules, "$.a[].x", "json"), "$.new[].y", "enum")
    paths = ("$.a[].x", "$.a[].b", "$.new[].y", "$.c")
    assert [mark_at(more, path) for path in paths] == ["json", "id", "enum", "keep"]
    assert [mark_at(rules, path) for path in paths] == [None, "id", None, "keep"]


def _nested(levels: int) -> Any:
    value: Any = 1
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


@given(st.integers(0, 150))
def test_depth_is_counted_in_levels(levels: int) -> None:
    assert is_deep(_nested(levels)) == (levels > DEEPEST)


def test_json_text_that_is_nested_too_deeply_is_only_text() -> None:
    assert mask({"arguments": json.dumps(_nested(DEEPEST + 1))}, RULES) == {"arguments": "<text>"}
