"""Which kind of change it is when the types at a path are others."""

from __future__ import annotations

import pytest

from acetate.retyping import type_kind, types_text


@pytest.mark.parametrize(
    ("approved", "seen", "kind"),
    [
        ({"integer"}, {"number"}, "type-widened"),
        ({"string"}, {"string", "object"}, "type-widened"),
        ({"integer"}, {"string"}, "type-changed"),
        ({"number"}, {"integer", "string"}, "type-changed"),
        ({"string"}, {"object"}, "scalar-became-object"),
        ({"string", "integer"}, {"array"}, "scalar-became-array"),
        ({"object"}, {"string"}, "object-became-scalar"),
        ({"array"}, {"integer"}, "array-became-scalar"),
        ({"array"}, {"object"}, "type-changed"),
        ({"object"}, {"array"}, "type-changed"),
        ({"object"}, set(), "type-changed"),
        (set(), {"string"}, "type-changed"),
    ],
)
def test_each_change_of_types_has_its_kind(approved: set[str], seen: set[str], kind: str) -> None:
    assert type_kind(approved, seen) == kind


@pytest.mark.parametrize(
    ("types", "text"),
    [
        ({"string"}, "string"),
        ({"null"}, "null"),
        ({"null", "integer"}, "integer or null"),
        ({"number", "integer", "array"}, "array or number"),
        (set(), "anything"),
    ],
)
def test_types_are_written_for_people(types: set[str], text: str) -> None:
    assert types_text(types) == text
