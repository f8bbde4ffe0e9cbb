"""Arrays as sequences: where values are shown to be compared, their order and their number are, too."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acetate.adoption import adopted
from acetate.change import Change, Difference
from acetate.comparison import compare
from acetate.examine import is_reported
from acetate.mask import mask
from acetate.profile import profiles
from acetate.provider import Operation, RuleNode, Rules, rules
from acetate.snapshot import Entry

TAGS = Rules(RuleNode(children={"tags": RuleNode(item=RuleNode(mark="keep"))}), {})
TITLES = Rules(RuleNode(), {"title": "keep", "state": "keep", "kind": "enum"})
CALL = Operation("generic", "GET /x")


def entry(body: Any, rules: Rules) -> Entry:
    return Entry("x", "key", CALL, 200, False, {}, mask(body, rules))


def differences(before: Any, now: Any, rules: Rules) -> list[Difference]:
    return compare(entry(before, rules).masked, entry(now, rules).masked, rules, None)


def told(before: Any, now: Any, rules: Rules) -> list[tuple[Any, ...]]:
    return [(each.kind, each.path, each.before, each.after) for each in differences(before, now, rules)]


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (["a", "b"], ["b", "a"], ("order-changed", "$.tags", ["a", "b"], ["b", "a"])),
        (["a", "b"], ["a"], ("length-changed", "$.tags", ["a", "b"], ["a"])),
        (["a"], ["b", "a"], ("length-changed", "$.tags", ["a"], ["b", "a"])),
        (["a", "b"], ["a", "c"], ("value-changed", "$.tags[]", ["a", "b"], ["a", "c"])),
        (["a"], [], ("array-may-be-empty", "$.tags", "array", "empty array")),
        ([2, 1.5], [1.5, 2], ("order-changed", "$.tags", [2, 1.5], [1.5, 2])),
    ],
)
def test_shown_values_are_compared_in_sequence(before: Any, now: Any, expected: Any) -> None:
    assert told({"tags": before}, {"tags": now}, TAGS) == [expected]


def items(*titles: str, **more: Any) -> dict[str, Any]:
    return {"items": [{"title": title, "n": number, **more} for number, title in enumerate(titles)]}


def test_objects_are_compared_in_sequence_by_what_they_show() -> None:
    a, b = {"title": "a"}, {"title": "b"}
    assert told(items("a", "b"), items("b", "a"), TITLES) == [("order-changed", "$.items", [a, b], [b, a])]
    assert told(items("a", "b"), items("b"), TITLES) == [("length-changed", "$.items", [a, b], [b])]


def test_values_that_changed_partners_are_a_change_of_the_items() -> None:
    before = {"items": [{"title": "a", "state": "new"}, {"title": "b", "state": "sold"}]}
    now = {"items": [{"title": "a", "state": "sold"}, {"title": "b", "state": "new"}]}
    ((kind, path, _, _),) = told(before, now, TITLES)
    assert (kind, path) == ("value-changed", "$.items")


def test_more_values_than_a_shape_remembers_are_still_compared() -> None:
    before = [f"tag {number}" for number in range(200)]
    ((kind, path, _, after),) = told({"tags": before}, {"tags": [*before[1:], "new"]}, TAGS)
    assert (kind, path, after) == ("value-changed", "$.tags", [*before[1:], "new"])


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ({"items": [{"kind": "a"}, {"kind": "b"}]}, {"items": [{"kind": "b"}, {"kind": "a"}]}),
        ({"items": ["one", "two"]}, {"items": ["two"]}),
        ({"items": [{"n": 1}, {"n": "x"}]}, {"items": [{"n": "x"}, {"n": 1}]}),
        (items("a", "a"), items("a")),
        ([{"items": [{"title": "a"}, {"title": "b"}]}], [{"items": [{"title": "b"}, {"title": "a"}]}]),
    ],
    ids=["values of an enum", "masked text", "forms", "items that look alike", "an array inside of another"],
)
def test_no_other_array_is_a_sequence(before: Any, now: Any) -> None:
    assert told(before, now, TITLES) == []


def test_events_of_a_stream_are_no_sequence() -> None:
    events = [mask({"tags": [each]}, TAGS) for each in "ab"]
    assert compare(events, events[::-1], TAGS, None) == []


def test_the_order_of_an_array_says_nothing_of_what_is_in_it() -> None:
    broken = Difference("field-removed", "$.tags[].name", "$.tags[0].name")
    assert not is_reported(broken, [Difference("order-changed", "$.tags", "$.tags")])
    assert is_reported(broken, [Difference("type-changed", "$.tags", "$.tags")])


def test_one_more_model_in_a_list_is_one_change_of_its_length() -> None:
    listed = rules(profiles()["together"], "models.list")
    models = [{"id": name, "object": "model", "created": 1, "organization": "x"} for name in "abc"]
    ((kind, path, before, after),) = told(models[:2], models, listed)
    assert (kind, path, len(before), len(after)) == ("length-changed", "$", 2, 3)


def accepted(before: Any, now: Any, rules: Rules, kind: str) -> Entry:
    approved, seen = entry(before, rules), entry(now, rules)
    (one,) = [each for each in compare(approved.masked, seen.masked, rules, None) if each.kind == kind]
    change = Change(
        "0" * 16, kind, "info", "provide", "generic", CALL.name, 200, False, one.path, one.before, one.after
    )
    return adopted(approved, seen, change, [])


def test_accepting_an_order_takes_nothing_else() -> None:
    now = {"items": [{"title": "b", "n": 1, "new": 1}, {"title": "a", "n": 0, "new": 1}]}
    body = accepted(items("a", "b"), now, TITLES, "order-changed").body
    assert body == mask(items("b", "a"), TITLES)


def test_an_item_that_shows_nothing_stays_where_others_are_taken() -> None:
    before = {"items": [{"n": 1}, {"title": "a"}, {"title": "a", "state": "new"}]}
    now = {"items": [{"title": "a"}, {"n": 1}]}
    body = accepted(before, now, TITLES, "length-changed").body
    assert body == {"items": [{"n": "<int>"}, {"title": "a"}, "n ≥ 1"]}


@given(st.lists(st.sampled_from("abcd"), min_size=1), st.lists(st.sampled_from("abcd"), min_size=1), st.booleans())
def test_every_other_sequence_is_told_once_and_settled_by_one_accept(
    before: list[str], now: list[str], plain: bool
) -> None:
    rules = TAGS if plain else TITLES
    bodies = [{"tags": each} if plain else items(*each) for each in (before, now)]
    found = differences(bodies[0], bodies[1], rules)
    assert len(found) == (list(dict.fromkeys(before)) != list(dict.fromkeys(now)))
    for each in found:
        settled = accepted(bodies[0], bodies[1], rules, each.kind)
        assert compare(settled.masked, entry(bodies[1], rules).masked, rules, None) == []
