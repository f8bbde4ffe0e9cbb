"""Memory transforms: pure, and the same on every machine."""

from __future__ import annotations

import base64
import math
import struct

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.companion.memory.vectors import nearest, pack, read_vectors, unit, unpack, within


def numbers_of(least, most):
    numbers = st.lists(st.floats(-1e6, 1e6, width=32), min_size=least, max_size=most)
    return numbers.filter(lambda values: math.fsum(value * value for value in values) > 1e-6)


NUMBERS = numbers_of(1, 32)
TWO = st.integers(1, 32).flatmap(lambda size: st.tuples(numbers_of(size, size), numbers_of(size, size)))


def similarity(one, other):
    """As `nearest` gives it."""
    found = nearest(one, [("it", other)], most=1, threshold=-2)
    return found[0].similarity if found else None


def body(*embeddings):
    return {"data": [{"index": index, "embedding": numbers} for index, numbers in enumerate(embeddings)]}


@given(NUMBERS)
def test_a_unit_vector_has_length_one_and_comes_back_from_its_bytes(numbers):
    vector = unit(numbers)
    assert math.isclose(similarity(vector, vector), 1, abs_tol=1e-5)
    assert unpack(pack(vector)).tolist() == vector.tolist()
    assert len(pack(vector)) == 4 * len(numbers)


@given(TWO)
def test_similarity_is_a_cosine(two):
    one, other = map(unit, two)
    expected = math.fsum(a * b for a, b in zip(one.tolist(), other.tolist(), strict=True))
    assert math.isclose(similarity(one, other), expected, abs_tol=1e-5)
    assert math.isclose(similarity(other, one), expected, abs_tol=1e-5)


@given(NUMBERS, st.floats(0.5, 1000))
def test_length_does_not_matter(numbers, factor):
    scaled = unit([number * factor for number in numbers])
    assert math.isclose(similarity(unit(numbers), scaled), 1, abs_tol=1e-5)


def test_vectors_of_two_models_have_nothing_in_common():
    assert similarity(unit([1, 0]), unit([1, 0, 0])) is None


def test_bytes_are_little_endian():
    assert pack(numpy.array([1], ">f4")) == b"\x00\x00\x80\x3f"


@pytest.mark.parametrize("packed", [b"", b"abc", b"\0" * 40_000])
def test_bytes_that_are_no_vector_are_refused(packed):
    with pytest.raises(ValueError, match="are not a vector"):
        unpack(packed)


def test_vectors_are_read_in_the_order_of_their_indexes():
    shuffled = {"data": body([1, 0], [0, 1])["data"][::-1]}
    assert [vector.tolist() for vector in read_vectors(shuffled, 2)] == [[1, 0], [0, 1]]


def test_a_missing_index_means_the_place():
    read = read_vectors({"data": [{"embedding": [1]}, {"embedding": [-1]}]}, 2)
    assert [vector.tolist() for vector in read] == [[1], [-1]]


def test_base64_is_read():
    packed = base64.b64encode(struct.pack("<2f", 3.0, 4.0)).decode()
    assert list(read_vectors(body(packed), 1)[0]) == pytest.approx([0.6, 0.8])


STRANGE = [
    None,
    [],
    {},
    {"data": None},
    {"data": [1]},
    {"data": []},
    {"data": [{"index": 7, "embedding": [1]}]},
    {"data": [{"index": "0", "embedding": [1]}]},
    {"data": [{"index": 0}]},
    body([1], [1]),
    body([]),
    body([0, 0]),
    body(["a"]),
    body([True]),
    body([1e300]),
    body([math.nan]),
    body([math.inf]),
    body([10**400]),
    body([1e31]),
    body([[1]]),
    body("AAA"),
    body("????"),
    body("AAA="),
    body(base64.b64encode(struct.pack("<f", math.nan)).decode()),
    body([1] * 9000),
]


@pytest.mark.parametrize("strange", STRANGE, ids=range(len(STRANGE)))
def test_anything_else_is_refused(strange):
    with pytest.raises(ValueError):
        read_vectors(strange, 1)


def test_one_index_twice_is_refused():
    with pytest.raises(ValueError, match="index"):
        read_vectors({"data": [{"index": 0, "embedding": [1]}] * 2}, 2)


def test_the_nearest_come_first_and_none_below_the_threshold():
    memories = [(name, unit(vector)) for name, vector in [("far", [0, 1]), ("near", [1, 1]), ("same", [1, 0])]]
    assert [near.item for near in nearest(unit([1, 0]), memories, most=9, threshold=0.5)] == ["same", "near"]
    assert [near.item for near in nearest(unit([1, 0]), memories, most=1, threshold=0.5)] == ["same"]
    assert nearest(unit([1, 0]), [], most=9, threshold=0) == []


def test_of_equals_the_first_stays_first():
    memories = [(name, unit([1, 0])) for name in "abc"]
    assert [near.item for near in nearest(unit([1, 0]), memories, most=2, threshold=0)] == ["a", "b"]


def test_what_does_not_fit_the_budget_makes_room_for_what_does():
    assert within(10, [("a", 4), ("b", 7), ("c", 6)]) == ["a", "c"]
    assert within(0, [("a", 1)]) == []
