"""Paths into JSON."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acetate.path import ITEM, MAP_KEY, child, covers, expand, last, parts

names = st.text(max_size=8) | st.sampled_from(
    ["a.b", 'say "x"', "a[0]", "{*}x", "$ref", "", "\\", "ü", "\ud800", "x\n"]
)


@given(st.lists(names, max_size=4))
def test_every_property_name_survives_being_written_into_a_path(keys: list[str]) -> None:
    path = "$"
    for key in keys:
        path = child(path, key)
    assert list(parts(path)) == keys


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("$", []),
        ("$reply.choices[].message", ["choices", ITEM, "message"]),
        ("$.choices[2].id", ["choices", 2, "id"]),
        ("$.scores{*}.value", ["scores", MAP_KEY, "value"]),
        ("$.tool-calls", ["tool-calls"]),
    ],
)
def test_a_path_is_read_step_by_step(path: str, steps: list[Any]) -> None:
    assert list(parts(path)) == steps


@pytest.mark.parametrize("text", ["$.", "$..a", '$["a', "$[x]", "$.a{b}"])
def test_text_that_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a path"):
        list(parts(text))


def test_the_last_step_is_the_name_of_a_leaf() -> None:
    assert [last(path) for path in ("$.a.b", "$.a[]", "$", '$["a.b"]', "$.a[3]")] == ["b", "[]", "$", "a.b", "3"]


@pytest.mark.parametrize(
    ("path", "other", "does"),
    [
        ("$.a", "$.a", True),
        ("$.a", "$.a.b", True),
        ("$.a", "$.a[].b", True),
        ("$.a", "$.a{*}", True),
        ("$.a", "$.ab", False),
        ("$.a.b", "$.a", False),
        ("$", "$.a", True),
        ("$", "$reply.a", False),
    ],
)
def test_a_path_covers_what_lies_below_it(path: str, other: str, does: bool) -> None:
    assert covers(path, other) is does


BODY: Any = {"a": [{"b": 1}, {}, 7, {"b": None}], "m": {"x": {"v": 1}, "y.z": {}}}


@pytest.mark.parametrize(
    ("path", "places"),
    [
        ("$", [("$", True, BODY)]),
        ("$.a[].b", [("$.a[0].b", True, 1), ("$.a[1].b", False, None), ("$.a[3].b", True, None)]),
        ("$.m{*}.v", [("$.m.x.v", True, 1), ('$.m["y.z"].v', False, None)]),
        ("$.gone", [("$.gone", False, None)]),
        ("$.gone.b", []),
        ("$.a.b", []),
        ("$.m[]", []),
    ],
)
def test_a_path_names_all_its_places(path: str, places: list[Any]) -> None:
    assert list(expand(BODY, path, "$")) == places


def test_the_places_of_a_stream_are_named_by_their_event() -> None:
    assert list(expand({"id": "x"}, "$.id", "$events[3]")) == [("$events[3].id", True, "x")]
