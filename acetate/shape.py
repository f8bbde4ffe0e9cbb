"""Shape: what many JSON values have in common, with counts. Shapes merge in any order to the same result.

A shape is read from *masked* values, in which a scalar that may vary is written as a token (`<text>`, `<int>`) and a
string that is approved as it is stands for itself. `learn` reads raw values, many times faster than one by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice
from operator import itemgetter
from typing import ClassVar, Final, NamedTuple, TypeVar

from acetate.body import Json
from acetate.path import ITEM, MAP_KEY, child

__all__ = ["JSON_TEXT", "MASKS", "MAX_VALUES", "NOTE", "Mask", "Shape", "learn", "walk"]

NOTE: Final = "n ≥ 1"
"""The last entry of a masked array that has items: the entries before it are the distinct ones. Not an item itself."""

JSON_TEXT: Final = "<json>"
"""The single key of a masked object that stands for a string with JSON text."""

MAX_VALUES: Final = 64
"""How many distinct literals a shape remembers. What has more is no enum."""

_BATCH: Final = 512
"""How many values `learn` reads at once: enough to share the work, few enough to stay in a processor's cache."""


class Mask(NamedTuple):
    """What a token stands for, in the words of JSON Schema."""

    type: str
    format: str | None = None


MASKS: Final[Mapping[str, Mask]] = {
    "<text>": Mask("string"),
    "<id>": Mask("string"),
    "<int>": Mask("integer"),
    "<number>": Mask("number"),
    "<time>": Mask("string", "date-time"),
    "<bytes>": Mask("string"),
}


@dataclass(frozen=True, slots=True)
class Shape:
    """A summary of JSON values. Every mapping is to be read only, and no count in it is zero.

    `types` counts values by JSON type (`integer` for whole numbers, `number` for the others). The count of a property
    beside `types["object"]` is its presence. `items` is over all items of all arrays, `empty` counts arrays without
    any. `values` counts literal strings, numbers and booleans; beyond MAX_VALUES distinct ones it is empty for good and
    `varied` is True. `formats` counts tokens. `map_value` is over all values of all maps, `json` over the JSON texts
    in strings.
    """

    EMPTY: ClassVar[Shape]

    types: Mapping[str, int] = field(default_factory=dict)
    properties: Mapping[str, Shape] = field(default_factory=dict)
    items: Shape | None = None
    empty: int = 0
    values: Mapping[str | bool | int | float, int] = field(default_factory=dict)
    varied: bool = False
    formats: Mapping[str, int] = field(default_factory=dict)
    map_value: Shape | None = None
    json: Shape | None = None

    @staticmethod
    def of(masked: Json) -> Shape:
        """The shape of one masked value."""
        if isinstance(masked, dict):
            return _of_object(masked)
        if isinstance(masked, list):
            items = [Shape.of(each) for each in masked if each != NOTE]
            return Shape({"array": 1}, items=Shape.merged(items) if items else None, empty=0 if items else 1)
        if isinstance(masked, str):
            return _TOKENS.get(masked) or Shape({"string": 1}, values={masked: 1})
        if isinstance(masked, bool):
            return Shape({"boolean": 1}, values={masked: 1})
        if masked is None:
            return _NULL
        return Shape({"integer" if isinstance(masked, int) else "number": 1}, values={masked: 1})

    @staticmethod
    def merged(shapes: Iterable[Shape]) -> Shape:
        """One shape for all that the given ones saw; `Shape.EMPTY` for none."""
        every = list(shapes)
        if len(every) == 1:
            return every[0]
        values = _added(each.values for each in every)
        varied = len(values) > MAX_VALUES or any(each.varied for each in every)
        return Shape(
            types=_added(each.types for each in every),
            properties=_merged_properties(every),
            items=_merged_inner(each.items for each in every),
            empty=sum(each.empty for each in every),
            values={} if varied else values,
            varied=varied,
            formats=_added(each.formats for each in every),
            map_value=_merged_inner(each.map_value for each in every),
            json=_merged_inner(each.json for each in every),
        )

    def __or__(self, other: Shape) -> Shape:
        return Shape.merged((self, other))

    @property
    def count(self) -> int:
        """How many values were seen."""
        return sum(self.types.values())

    @property
    def signature(self) -> Hashable:
        """The structure alone, without counts, formats and values: equal for values that look alike."""
        return (
            frozenset(self.types),
            frozenset((name, each.signature) for name, each in self.properties.items()),
            *(inner and inner.signature for inner in (self.items, self.map_value, self.json)),
        )


Shape.EMPTY = Shape()

_Key = TypeVar("_Key")

_TOKENS: dict[str, Shape] = {token: Shape({mask.type: 1}, formats={token: 1}) for token, mask in MASKS.items()}
_NULL = Shape({"null": 1})
_TYPES: dict[type, str] = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    dict: "object",
    list: "array",
}
_RAW: dict[type, str] = {str: "<text>", int: "<int>", float: "<number>"}


def walk(shape: Shape, path: str = "$", among: int | None = None) -> Iterator[tuple[str, Shape, int]]:
    """Every path with its shape and how many parents could have had it, parents first, properties by name.

    For a property that is the number of parent objects; items, map values and the root are always there, so it is
    their own count. JSON text is not entered: it belongs to the path of its string.
    """
    yield path, shape, shape.count if among is None else among
    objects = shape.types.get("object", 0)
    for name in sorted(shape.properties):
        yield from walk(shape.properties[name], child(path, name), objects)
    if shape.map_value is not None:
        yield from walk(shape.map_value, path + MAP_KEY)
    if shape.items is not None:
        yield from walk(shape.items, path + ITEM)


def learn(values: Iterable[Json]) -> Shape:
    """The shape of raw values as a mask without any rule would show them: every string `<text>`, every number `<int>`
    or `<number>`, every array item counted.

    Many values are read at once, column by column: that is several times faster than one by one.
    """
    rest = iter(values)
    batches = iter(lambda: list(islice(rest, _BATCH)), [])
    return Shape.merged(_learned(batch) for batch in batches)


def _of_object(masked: dict[str, Json]) -> Shape:
    if len(masked) == 1:
        ((key, inner),) = masked.items()
        if key == JSON_TEXT:
            return Shape({"string": 1}, json=Shape.of(inner))
        if key == MAP_KEY and isinstance(inner, list):
            return Shape({"object": 1}, map_value=Shape.of(inner).items)
    return Shape({"object": 1}, {name: Shape.of(each) for name, each in masked.items()})


def _merged_properties(shapes: list[Shape]) -> dict[str, Shape]:
    found: dict[str, list[Shape]] = {}
    for shape in shapes:
        for name, each in shape.properties.items():
            found.setdefault(name, []).append(each)
    return {name: Shape.merged(each) for name, each in found.items()}


def _merged_inner(shapes: Iterable[Shape | None]) -> Shape | None:
    found = [each for each in shapes if each is not None]
    return Shape.merged(found) if found else None


def _added(counts: Iterable[Mapping[_Key, int]]) -> dict[_Key, int]:
    total: dict[_Key, int] = {}
    for each in counts:
        for key, number in each.items():
            total[key] = total.get(key, 0) + number
    return total


def _learned(column: list[Json]) -> Shape:
    """The shape of raw values that stand at one path."""
    kinds = Counter(map(type, column))
    arrays = [each for each in column if isinstance(each, list)] if list in kinds else []
    items = list(chain.from_iterable(arrays))
    return Shape(
        types={_TYPES[kind]: number for kind, number in kinds.items()},
        properties=_learned_properties([each for each in column if isinstance(each, dict)] if dict in kinds else []),
        items=_learned(items) if items else None,
        empty=arrays.count([]),
        values=Counter(each for each in column if isinstance(each, bool)) if bool in kinds else {},
        formats={_RAW[kind]: number for kind, number in kinds.items() if kind in _RAW},
    )


def _learned_properties(objects: list[dict[str, Json]]) -> dict[str, Shape]:
    alike: dict[tuple[str, ...], list[dict[str, Json]]] = {}
    for each in objects:
        alike.setdefault(tuple(each), []).append(each)
    columns: dict[str, list[Json]] = {}
    for names, group in alike.items():
        for name in names:
            columns.setdefault(name, []).extend(map(itemgetter(name), group))
    return {name: _learned(column) for name, column in columns.items()}
