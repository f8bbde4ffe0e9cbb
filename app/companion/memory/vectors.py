"""Embeddings as values: read, packed, compared. Nothing here knows a database or a network."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

import numpy
from numpy.typing import NDArray

__all__ = ["Near", "Vector", "nearest", "pack", "read_vectors", "unit", "unpack", "within"]

Vector: TypeAlias = NDArray[numpy.float32]
"""Of length 1, so that a product is a cosine."""
PACKED = numpy.dtype("<f4")
MOST_DIMENSIONS = 8192
LARGEST = 1e30
"""Of one number: squares of a few thousand of these are still numbers."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Near(Generic[Item]):
    item: Item
    similarity: float


def read_vectors(body: object, count: int) -> list[Vector]:
    """The vectors in the body of an embeddings answer, in the order of what was asked. Raises ValueError."""
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, list) or len(data) != count:
        raise ValueError(f"$.data: not the {count} vectors that were asked for")
    found: dict[int, Vector] = {}
    for place, entry in enumerate(data):
        if not isinstance(entry, dict):
            raise ValueError(f"$.data[{place}]")
        index = entry.get("index", place)
        if not isinstance(index, int) or index in found or not 0 <= index < count:
            raise ValueError(f"$.data[{place}].index")
        found[index] = unit(numbers(entry.get("embedding"), place))
    return [found[index] for index in range(count)]


def numbers(embedding: object, place: int) -> NDArray[numpy.float64]:
    """A list of numbers, or base64 of little-endian floats. Raises ValueError."""
    if isinstance(embedding, str):
        return unpack(base64.b64decode(embedding, validate=True)).astype(numpy.float64)
    if not isinstance(embedding, list) or not 0 < len(embedding) <= MOST_DIMENSIONS:
        raise ValueError(f"$.data[{place}].embedding")
    if not set(map(type, embedding)) <= {int, float}:
        raise ValueError(f"$.data[{place}].embedding: not numbers")
    try:
        return numpy.array(embedding, numpy.float64)
    except OverflowError:
        raise ValueError(f"$.data[{place}].embedding: too large") from None


def unit(values: Sequence[float] | NDArray[numpy.float64]) -> Vector:
    """The vector in the same direction with length 1. Raises ValueError for one without direction."""
    wide = numpy.asarray(values, numpy.float64)
    if not (abs(wide) < LARGEST).all():
        raise ValueError("not numbers that can be compared")
    length = numpy.linalg.norm(wide)
    if not length > 0:
        raise ValueError("a vector without direction")
    return (wide / length).astype(numpy.float32)


def pack(vector: Vector) -> bytes:
    """Four bytes a number, little-endian on every machine."""
    return vector.astype(PACKED).tobytes()


def unpack(packed: bytes) -> Vector:
    """Raises ValueError where the bytes are not a whole number of numbers."""
    if len(packed) % PACKED.itemsize or not 0 < len(packed) <= PACKED.itemsize * MOST_DIMENSIONS:
        raise ValueError(f"{len(packed)} bytes are not a vector")
    return numpy.frombuffer(packed, PACKED)


def nearest(
    question: Vector, memories: Iterable[tuple[Item, Vector]], *, most: int, threshold: float
) -> list[Near[Item]]:
    """At most so many, the nearest first; among equals the one that came first. A vector with another number of
    dimensions is another model's and near to nothing."""
    comparable = [(item, vector) for item, vector in memories if vector.shape == question.shape]
    if not comparable:
        return []
    cosines = numpy.stack([vector for _, vector in comparable]) @ question
    first = numpy.argsort(-cosines, kind="stable")[:most]
    return [Near(comparable[place][0], float(cosines[place])) for place in first if cosines[place] >= threshold]


def within(budget: int, costs: Iterable[tuple[Item, int]]) -> list[Item]:
    """What fits the budget, in order; what does not fit is left out and smaller ones behind it still get in."""
    kept = []
    for item, cost in costs:
        if cost <= budget:
            kept.append(item)
            budget -= cost
    return kept
