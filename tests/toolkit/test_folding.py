"""Several removals and additions that are one fact."""

from __future__ import annotations

from typing import Any

from acetate.change import ABSENT, Difference
from acetate.folding import Added, Removed, enveloped, folded
from acetate.shape import Shape, learn


def removed(path: str, value: Any = "x", *, required: bool = True, everywhere: bool = True) -> Removed:
    parent, _, key = path.rpartition(".")
    return Removed(path, parent, key, learn([value]), required, everywhere)


def added(path: str, value: Any = "x") -> Added:
    parent, _, key = path.rpartition(".")
    return Added(path, parent, key, learn([value]))


def facts(gone: list[Removed], new: list[Added], found: list[Difference] | None = None) -> list[tuple[Any, ...]]:
    return [(each.kind, each.before, each.after) for each in folded("$", gone, new, found or [])]


def test_a_field_of_the_same_shape_beside_it_is_its_new_name() -> None:
    assert facts([removed("$.a.title")], [added("$.a.name")]) == [("field-renamed", "$.a.title", "$.a.name")]


def test_a_field_of_another_shape_beside_it_is_news() -> None:
    assert facts([removed("$.title")], [added("$.name", 7)]) == [
        ("field-removed", "string", ABSENT),
        ("field-added", ABSENT, "integer"),
    ]


def test_two_renames_are_told_apart_by_their_names() -> None:
    gone = [removed("$.prompt_tokens", 1), removed("$.completion_tokens", 1)]
    new = [added("$.completion_count", 1), added("$.prompt_count", 1)]
    assert facts(gone, new) == [
        ("field-renamed", "$.prompt_tokens", "$.prompt_count"),
        ("field-renamed", "$.completion_tokens", "$.completion_count"),
    ]


def test_a_field_that_only_some_parents_lost_was_not_renamed() -> None:
    assert facts([removed("$.title", everywhere=False)], [added("$.name")]) == [
        ("field-removed", "string", ABSENT),
        ("field-added", ABSENT, "string"),
    ]


def test_the_same_leaf_under_another_parent_was_moved() -> None:
    assert facts([removed("$.usage.tokens", 1)], [added("$.tokens", 1)]) == [
        ("field-moved", "$.usage.tokens", "$.tokens")
    ]


def test_a_leaf_that_left_an_object_that_held_nothing_else_was_moved() -> None:
    assert facts([removed("$.meta", {"usage": {"n": 1}})], [added("$.usage", {"n": 1})]) == [
        ("field-moved", "$.meta.usage", "$.usage")
    ]


def test_a_field_that_was_not_required_is_an_optional_one() -> None:
    assert facts([removed("$.a", required=False)], []) == [("optional-field-removed", "string", ABSENT)]


def test_a_body_inside_a_new_property_was_wrapped_and_what_else_changed_is_still_told() -> None:
    gone, new = [removed("$.a"), removed("$.b", 1)], [added("$.data", {"a": "x", "b": 1})]
    other = Difference("const-changed", "$.object", "$.object", "list", "page")
    assert facts([*gone, removed("$.c.d")], new, [other]) == [
        ("body-wrapped", "$", "$.data"),
        ("field-removed", "string", ABSENT),
        ("const-changed", "list", "page"),
    ]


def test_the_inside_of_a_property_as_the_body_was_unwrapped() -> None:
    gone, new = [removed("$.data", {"a": "x", "b": 1})], [added("$.a"), added("$.b", 1)]
    assert facts(gone, new) == [("body-unwrapped", "$.data", "$")]


def test_a_body_that_lost_more_than_the_new_property_holds_was_not_wrapped() -> None:
    gone, new = [removed("$.a"), removed("$.b", 1)], [added("$.data", {"a": "x"})]
    assert "body-wrapped" not in {each[0] for each in facts(gone, new)}


def test_a_list_and_an_object_around_it_are_an_envelope() -> None:
    bare, whole = learn([[{"id": "x"}]]), learn([{"data": [{"id": "x"}], "next": None}])
    assert enveloped("$", bare, whole) == Difference("body-wrapped", "$", "$.data", "$", "$.data")
    assert enveloped("$", whole, bare) == Difference("body-unwrapped", "$.data", "$", "$.data", "$")
    assert enveloped("$", whole, whole) is None
    assert enveloped("$", Shape.of("<text>"), learn([{"data": "x"}])) is None
