"""Embeddings as values: read, packed, compared. Nothing here knows a database or a network."""

from __future__ import annotations

import base64
import math
import sys
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import mul
from typing import Any, Generic, TypeAlias, TypeVar

__all__ = ["Near", "Vector", "nearest", "pack", "read_vectors", "similarity", "unit", "unpack", "within"]

Vector: TypeAlias = "array[float]"
"""32-bit floats, of length 1, so that a product is a cosine."""
FLOAT = "f"
MOST_DIMENSIONS = 8192

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


def numbers(embedding: object, place: int) -> Sequence[float]:
    """A list of numbers, or base64 of little-endian floats. Raises ValueError."""
    if isinstance(embedding, str):
        return unpack(base64.b64decode(embedding, validate=True))
    if not isinstance(embedding, list) or not 0 < len(embedding) <= MOST_DIMENSIONS or not all(map(finite, embedding)):
        raise ValueError(f"$.data[{place}].embedding")
    return embedding


def finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e30


def unit(values: Sequence[float]) -> Vector:
    """The vector in the same direction with length 1. Raises ValueError for one without direction."""
    length = math.sqrt(math.fsum(value * value for value in values))
    if not 0 < length < math.inf:
        raise ValueError("a vector without direction")
    return array(FLOAT, [value / length for value in values])


def pack(vector: Vector) -> bytes:
    """Four bytes a number, little-endian on every machine."""
    return little(vector).tobytes()


def unpack(packed: bytes) -> Vector:
    """Raises ValueError where the bytes are not a whole number of numbers."""
    if len(packed) % 4 or not 0 < len(packed) <= 4 * MOST_DIMENSIONS:
        raise ValueError(f"{len(packed)} bytes are not a vector")
    vector: Vector = array(FLOAT)
    vector.frombytes(packed)
    return little(vector)


def little(vector: Vector) -> Vector:
    """To or from little-endian; the vector itself where the machine is."""
    if sys.byteorder == "little":
        return vector
    swapped = array(FLOAT, vector)  # pragma: no cover (s390x and the like)
    swapped.byteswap()  # pragma: no cover
    return swapped  # pragma: no cover


def similarity(one: Vector, other: Vector) -> float:
    """The cosine of two vectors of length 1; 0 where another model made one of them."""
    return sum(map(mul, one, other)) if len(one) == len(other) else 0.0


def nearest(
    question: Vector, memories: Iterable[tuple[Item, Vector]], *, most: int, threshold: float
) -> list[Near[Item]]:
    """At most so many, the nearest first; among equals the one that came first."""
    near = [Near(item, similarity(question, vector)) for item, vector in memories]
    kept = [each for each in near if each.similarity >= threshold]
    return sorted(kept, key=lambda each: -each.similarity)[:most]


def within(budget: int, costs: Iterable[tuple[Item, int]]) -> list[Item]:
    """What fits the budget, in order; what does not fit is left out and smaller ones behind it still get in."""
    kept = []
    for item, cost in costs:
        if cost <= budget:
            kept.append(item)
            budget -= cost
    return kept
