"""Shapes: what is read from masked values, how they merge, and that learning many raw values gives the same."""

from __future__ import annotations

import random
from functools import reduce
from operator import or_

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acetate.body import Json
from acetate.shape import JSON_TEXT, MASKS, MAX_VALUES, NOTE, Shape, learn, walk

NAMES = st.sampled_from(["id", "role", "content", "odd name", "0"])
TOKENS = st.sampled_from([*MASKS, "stop", "eos", ""])
MASKED = st.recursive(
    st.none() | st.booleans() | TOKENS | st.integers(0, 3) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: [*items, NOTE] if items else [])
        | st.dictionaries(NAMES, inner, max_size=3)
        | inner.map(lambda value: {JSON_TEXT: value})
        | st.lists(inner, max_size=2).map(lambda forms: {"{*}": [*forms, NOTE] if forms else []})
    ),
    max_leaves=12,
)
SHAPES = MASKED.map(Shape.of)
RAW = st.recursive(
    st.none() | st.booleans() | st.text(max_size=2) | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)


def without_rules(value: Json) -> Json:
    """What a mask without any rule makes of a raw value, with every item kept."""
    match value:
        case dict():
            return {name: without_rules(each) for name, each in value.items()}
        case list():
            return [without_rules(each) for each in value]
        case str():
            return "<text>"
        case bool() | None:
            return value
        case int():
            return "<int>"
        case _:
            return "<number>"


@pytest.mark.parametrize(("token", "mask"), MASKS.items())
def test_a_token_is_counted_with_the_type_it_stands_for(token, mask):
    assert Shape.of(token) == Shape({mask.type: 1}, formats={token: 1})


@pytest.mark.parametrize(
    ("value", "name"), [(None, "null"), (7, "integer"), (2**80, "integer"), (1.5, "number"), (1.0, "number")]
)
def test_a_shown_number_is_counted_by_type_and_value(value, name):
    assert Shape.of(value) == Shape({name: 1}, values={} if value is None else {value: 1})


@pytest.mark.parametrize(("value", "name"), [("stop", "string"), ("", "string"), (True, "boolean"), (False, "boolean")])
def test_a_string_or_boolean_that_is_shown_stands_for_itself(value, name):
    assert Shape.of(value) == Shape({name: 1}, values={value: 1})


def test_the_presence_of_a_property_is_its_count_beside_that_of_the_objects():
    shape = Shape.of({"id": "<id>"}) | Shape.of({"id": "<id>", "seed": "<int>"}) | Shape.of(None)
    assert (shape.count, shape.types["object"]) == (3, 2)
    assert {name: each.count for name, each in shape.properties.items()} == {"id": 2, "seed": 1}


def test_items_are_summarised_over_all_arrays_and_the_note_is_no_item():
    shape = Shape.of(["<text>", None, NOTE]) | Shape.of(["<text>", NOTE])
    assert shape.items is not None
    assert shape.items.types == {"string": 2, "null": 1}
    assert shape.empty == 0


def test_an_empty_array_is_counted_and_has_no_items():
    shape = Shape.of([])
    assert (shape.types, shape.items, shape.empty) == ({"array": 1}, None, 1)


def test_a_map_is_an_object_whose_values_have_one_shape():
    shape = Shape.of({"{*}": ["<int>", None, NOTE]})
    assert shape.types == {"object": 1}
    assert not shape.properties
    assert shape.map_value is not None
    assert shape.map_value.types == {"integer": 1, "null": 1}


def test_an_empty_map_says_nothing_of_its_values():
    assert Shape.of({"{*}": []}) == Shape({"object": 1})


def test_a_property_that_is_called_like_a_map_but_holds_no_forms_is_a_property():
    assert set(Shape.of({"{*}": "<int>"}).properties) == {"{*}"}


def test_json_text_is_a_string_with_a_shape_inside():
    shape = Shape.of({JSON_TEXT: {"city": "<text>"}})
    assert shape.types == {"string": 1}
    assert shape.json == Shape.of({"city": "<text>"})


def test_distinct_literals_are_forgotten_once_there_are_too_many():
    many = reduce(or_, (Shape.of(f"value {number}") for number in range(MAX_VALUES)))
    assert (len(many.values), many.varied) == (MAX_VALUES, False)
    more = many | Shape.of("one more")
    assert (more.values, more.varied, more.types) == ({}, True, {"string": MAX_VALUES + 1})
    assert (more | Shape.of("value 0")).values == {}


def test_the_order_in_which_too_many_literals_arrive_does_not_matter():
    shapes = [Shape.of(f"value {number}") for number in range(MAX_VALUES + 5)]
    shuffled = random.Random(3).sample(shapes, len(shapes))
    halves = Shape.merged(shuffled[:40]) | Shape.merged(shuffled[40:])
    assert Shape.merged(shapes) == reduce(or_, shapes) == halves


@given(SHAPES, SHAPES, SHAPES)
def test_merging_is_associative_and_commutative(one, two, three):
    assert (one | two) | three == one | (two | three) == Shape.merged([three, one, two])
    assert one | two == two | one


@given(SHAPES)
def test_the_empty_shape_changes_nothing(shape):
    assert shape | Shape.EMPTY == Shape.EMPTY | shape == shape == Shape.merged([shape])


@given(MASKED)
def test_one_value_always_has_the_same_shape(value):
    assert Shape.of(value) == Shape.of(value)
    assert Shape.of(value).count == 1


@given(st.lists(SHAPES, max_size=5))
def test_counts_add_up(shapes):
    merged = Shape.merged(shapes)
    assert merged.count == sum(each.count for each in shapes) == len(shapes)
    for _, shape, among in walk(merged):
        assert 0 <= shape.count <= among
        assert sum(shape.values.values()) + sum(shape.formats.values()) <= shape.count
        assert all(shape.types.values())


@given(st.lists(RAW, max_size=30))
def test_learning_raw_values_is_folding_them_one_by_one(values):
    assert learn(values) == reduce(or_, (Shape.of(without_rules(each)) for each in values), Shape.EMPTY)


def test_learning_many_batches_is_folding_them_one_by_one():
    chance = random.Random(11)
    values = [
        {"index": n, **({"seed": None} if chance.random() < 0.4 else {}), "tags": ["a"] * (n % 3)} for n in range(2000)
    ]
    learned = learn(iter(values))
    assert learned == Shape.merged(Shape.of(without_rules(each)) for each in values)
    assert learned.count == 2000


def test_learning_reads_a_raw_key_that_looks_like_a_mark_as_a_key():
    assert set(learn([{"{*}": []}, {JSON_TEXT: 1}]).properties) == {"{*}", JSON_TEXT}


def test_a_signature_is_the_structure_without_counts_and_values():
    eos, stop = (
        Shape.of({"reason": "eos", "tokens": ["<int>", NOTE]}),
        Shape.of({"tokens": [7, 8, NOTE], "reason": "stop"}),
    )
    assert eos.signature == stop.signature
    assert hash(eos.signature) == hash(stop.signature)


@pytest.mark.parametrize(
    "other",
    [
        {"a": "<int>"},
        {"b": "<text>"},
        {"a": None},
        ["<text>", NOTE],
        {"{*}": ["<text>", NOTE]},
        {JSON_TEXT: {"a": "<text>"}},
    ],
)
def test_a_signature_tells_structures_apart(other):
    assert Shape.of({"a": "<text>"}).signature != Shape.of(other).signature


def test_walking_gives_every_path_with_the_number_of_its_parents():
    shape = Shape.of(
        {"choices": [{"index": "<int>"}, {"index": "<int>", "odd name": None}, NOTE], "scores": {"{*}": [1, NOTE]}}
    )
    assert [(path, each.count, among) for path, each, among in walk(shape)] == [
        ("$", 1, 1),
        ("$.choices", 1, 1),
        ("$.choices[]", 2, 2),
        ("$.choices[].index", 2, 2),
        ('$.choices[]["odd name"]', 1, 2),
        ("$.scores", 1, 1),
        ("$.scores{*}", 1, 1),
    ]


def test_walking_does_not_enter_json_text():
    assert [path for path, _, _ in walk(Shape.of({"arguments": {JSON_TEXT: {"city": "<text>"}}}))] == [
        "$",
        "$.arguments",
    ]
