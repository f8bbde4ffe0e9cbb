"""Arrays, objects and maps that take each other's place: said where the structure is sure, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from acetate.adoption import adopted
from acetate.change import Change, Difference
from acetate.comparison import compare
from acetate.mask import mask
from acetate.provider import Operation, RuleNode, Rules
from acetate.snapshot import Entry
from tests.toolkit.conftest import Sandbox

RULES = Rules(RuleNode(), {"id": "id"})
MAP_OF_NUMBERS = Rules(RuleNode(children={"x": RuleNode(is_map=True)}), {})
CALL = Operation("generic", "GET /x")

MODEL = {"price": 1, "owner": {"name": "a"}}
LISTED = [{"id": "a", **MODEL}, {"id": "b", **MODEL}]
KEYED = {"gpt-4": MODEL, "gpt-5": MODEL}


def entry(body: Any, rules: Rules = RULES) -> Entry:
    return Entry("x", "key", CALL, 200, False, {}, mask(body, rules))


def found(before: Any, now: Any, rules: Rules = RULES) -> list[Difference]:
    return compare([mask({"x": before}, rules)], [mask({"x": now}, rules)], rules, None)


def kinds(before: Any, now: Any, rules: Rules = RULES) -> list[tuple[str, str]]:
    return [(each.kind, each.path) for each in found(before, now, rules)]


@pytest.mark.parametrize(
    ("before", "now", "kind"),
    [
        (LISTED, KEYED, "array-became-map"),
        (LISTED, {"a": MODEL}, "array-became-map"),
        ([MODEL, MODEL], {"a": MODEL, "b": MODEL}, "array-became-map"),
        (["a", "b"], {"0": "a", "1": "b"}, "array-became-map"),
        ([*LISTED, {"id": "c", **MODEL, "note": "n"}], {"a": MODEL, "b": {**MODEL, "note": "n"}}, "array-became-map"),
        (KEYED, LISTED, "map-became-array"),
        (KEYED, [MODEL], "map-became-array"),
        ({"0": 1}, [1], "map-became-array"),
        ({"name": "a", "age": 7}, {"2026-01-01": 1, "2026-01-02": 2}, "object-became-map"),
        ({"gpt-3": MODEL}, KEYED, "object-became-map"),
        ({"me@x": 1, "you@x": 2}, {"name": "a", "age": 7}, "map-became-object"),
    ],
)
def test_what_the_structure_makes_sure_is_one_change(before: Any, now: Any, kind: str) -> None:
    assert kinds(before, now) == [(kind, "$.x")]


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (LISTED, {"first": LISTED[0]}, "type-changed"),  # the one item, or a page
        (LISTED, {"a": {"price": "1", "owner": {"name": "a"}}}, "type-changed"),  # other things
        (LISTED, {"a": {"price": 1}}, "type-changed"),  # two fields are missing
        (LISTED, {"data": LISTED}, "type-changed"),  # an envelope
        (LISTED, {"a": MODEL, "total": 2}, "type-changed"),
        (LISTED, {}, "type-changed"),
        ([], {"a": MODEL}, "type-changed"),
        ([{"id": {"a": 1}, "n": 1}], {"a": {"n": 1}}, "type-changed"),  # an object is no key
        (["a"], {"text": "a"}, "type-changed"),
        ([{}], {"0": {}, "a": {}}, "type-changed"),
        ({"price": 1, "owner": "a"}, [{"price": 1}], "type-changed"),
        ([MODEL], KEYED["gpt-4"], "type-changed"),
    ],
)
def test_what_is_not_sure_stays_a_change_of_types(before: Any, now: Any, expected: str) -> None:
    assert kinds(before, now) == [(expected, "$.x")]


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ({"title": "a"}, {"name": "a"}, {"field-renamed"}),
        (
            {"input": MODEL, "output": MODEL},
            {"in": MODEL, "out": MODEL},
            {"field-renamed", "field-removed", "field-added"},
        ),
        ({"a": 1, "b": 2}, {"k1": 1, "k2": "b"}, {"field-removed", "field-added"}),  # values of two shapes
        ({"a": 1, "b": 2}, {"a": 1, "k-1": 1}, {"field-renamed"}),  # a field stayed
        ({"k1": 1, "k2": 2}, {"k3": 1, "name": "x"}, {"field-removed", "field-added"}),  # names beside keys
        ({"k1": 1, "k2": 2}, {}, {"field-removed"}),
        ({}, {"k1": 1, "k2": 2}, {"field-added"}),
        ({"a": 1}, {"k1": 1}, {"field-renamed"}),  # one key is no map
    ],
)
def test_fields_stay_fields_where_their_names_may_be_names(before: Any, now: Any, expected: set[str]) -> None:
    assert {kind for kind, _ in kinds(before, now)} == expected


def test_null_beside_the_items_hides_nothing() -> None:
    before = [{"x": None}, {"x": LISTED}]
    now = [{"x": None}, {"x": {"a": MODEL}}]
    both = (mask(before, RULES), mask(now, RULES))
    assert [(each.kind, each.path) for each in compare([both[0]], [both[1]], RULES, None)] == [
        ("array-became-map", "$[].x")
    ]


def test_what_a_rule_calls_a_map_is_one_whatever_its_values() -> None:
    assert kinds([1, 2], {"a": "x"}, MAP_OF_NUMBERS) == [("array-became-map", "$.x")]
    assert kinds({"a": "x"}, [1, 2], MAP_OF_NUMBERS) == [("map-became-array", "$.x")]


def accept(before: Any, now: Any) -> Entry:
    """What is approved once the only change is accepted."""
    approved, seen = entry({"x": before}), entry({"x": now})
    (one,) = compare(approved.masked, seen.masked, RULES, None)
    change = Change(
        "0" * 16, one.kind, "error", "consume", "generic", CALL.name, 200, False, one.path, one.before, one.after
    )
    return adopted(approved, seen, change, [])


def again(approved: Entry, now: Any) -> list[tuple[str, str]]:
    seen = entry({"x": now})
    return [(each.kind, each.path) for each in compare(approved.masked, seen.masked, RULES, None)]


@pytest.mark.parametrize("before", [LISTED, {"name": "a", "age": 7}])
def test_what_was_accepted_as_a_map_may_have_other_keys(before: Any) -> None:
    approved = accept(before, KEYED)
    assert again(approved, KEYED) == []
    assert again(approved, {"gpt-6": MODEL}) == []
    assert again(approved, {}) == []


def test_the_values_of_an_accepted_map_are_under_contract_and_accepted_as_those_of_a_map(sandbox: Sandbox) -> None:
    listed, keyed = sandbox.reply(models=LISTED), sandbox.reply(models=KEYED)
    changed = sandbox.reply(models={"gpt-6": {**MODEL, "price": "1"}})
    expected: list[tuple[Any, list[tuple[str, str]]]] = [
        (listed, [("exchange-unapproved", "$")]),
        (keyed, [("array-became-map", "$.models")]),
        (changed, [("type-changed", "$.models{*}.price")]),
        (sandbox.reply(models={"gpt-7": {**MODEL, "price": "1"}}), []),
    ]
    for body, kinds in expected:
        sandbox.record("a", body)
        assert sandbox.kinds() == kinds
        sandbox.accept()
        assert sandbox.kinds() == []


@pytest.mark.parametrize(("before", "now"), [(KEYED, LISTED), ({"k1": 1, "k2": 2}, {"name": "a", "age": 7})])
def test_what_was_a_map_is_accepted_as_what_it_is_now(before: Any, now: Any) -> None:
    assert again(accept(before, now), now) == []
