"""Evolution: what differs between two OpenAPI documents in what they promise of responses.

Each difference belongs to one operation and status, and has the kind, path and sides that a response would show it by,
so that both are one change. What a client sends is not looked at.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from acetate.change import ABSENT, Difference
from acetate.contract import Schema
from acetate.folding import Added, Removed, enveloped, folded
from acetate.kind import UNCLASSIFIED
from acetate.openapi import Called, Document, Promise, is_map, types_of, variants_of, without_null
from acetate.path import ITEM, MAP_KEY, child, parts
from acetate.retyping import type_kind, types_text
from acetate.violation import schema_shape

__all__ = ["BOUNDS", "OPERATION", "Evolved", "evolved", "forms_of", "is_of_objects", "places", "shows", "values_of"]

OPERATION: Final = "$operation"
"""The path of what is said of an operation as a whole."""

_WRITTEN_APART = ("title", "const", "enum")
"""Keywords that can say one thing in two ways, or nothing."""

_SAYS_NOTHING = (("additionalProperties", True), ("deprecated", False))

_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
BOUNDS = (*_UPPER, *_LOWER, "multipleOf", "uniqueItems")
"""The keywords of limits."""


class Evolved(NamedTuple):
    """One difference between two documents. The operation has the name that it had before, if it was there."""

    operation: Called
    status: int
    difference: Difference


def evolved(before: Document, now: Document) -> list[Evolved]:
    """What differs, by operation and status."""
    found: list[Evolved] = []
    for call in sorted({*before.operations, *now.operations}):
        old, new = before.operations.get(call), now.operations.get(call)
        if old is None and new is not None:
            found.append(Evolved(new, _first(now, new), _at(OPERATION, "endpoint-added", ABSENT, new.name)))
        elif old is not None and new is None:
            found.append(Evolved(old, _first(before, old), _at(OPERATION, "endpoint-removed", old.name, ABSENT)))
        elif old is not None and new is not None:
            found += _operation(before, old, now, new)
    return found


def places(difference: Difference) -> frozenset[str]:
    """Every path that a difference speaks of: two, where something was renamed or moved."""
    sides = (difference.before, difference.after)
    return frozenset([difference.path, *(each for each in sides if isinstance(each, str) and each.startswith("$"))])


def _first(document: Document, called: Called) -> int:
    """The status that stands for a whole operation: the first that is a success, else the first."""
    statuses = document.statuses(called)
    return next((each for each in statuses if 200 <= each < 400), statuses[0] if statuses else 200)


def _operation(before: Document, old: Called, now: Document, new: Called) -> Iterator[Evolved]:
    first = _first(before, old)
    for difference in _lifecycle(OPERATION, before.operation(old), now.operation(new)):
        yield Evolved(old, first, difference)
    statuses = before.statuses(old), now.statuses(new)
    for status in sorted({*statuses[0], *statuses[1]}):
        promise, promised = before.promise(old, status), now.promise(new, status)
        prefix = "" if status < 400 else "error-"
        if promise is None or status not in statuses[0]:
            difference = _at("$status", f"{prefix}status-added", ABSENT, status)
            yield Evolved(old, status, difference)
        elif promised is None or status not in statuses[1]:
            difference = _at("$status", f"{prefix}status-removed", status, ABSENT)
            yield Evolved(old, status, difference)
        else:
            for difference in _promises(promise, promised):
                yield Evolved(old, status, difference)


def _promises(old: Promise, new: Promise) -> Iterator[Difference]:
    if old.media_types and not any(map(old.allows, new.media_types)):
        now = ", ".join(new.media_types) or "no body"
        yield _at("$headers.content-type", "content-type-changed", ", ".join(old.media_types), now)
        return
    for name, required in sorted(old.headers.items()):
        if name not in new.headers:
            yield _at(f"$headers.{name}", "header-removed", "string", ABSENT)
        elif required and not new.headers[name]:
            yield _at(f"$headers.{name}", "header-became-optional")
    if old.schema is not None or new.schema is not None:
        yield from _schemas("$", old.schema or {}, new.schema or {})


# --- schemas beside each other ----------------------------------------------------------------------------------------


def _schemas(root: str, old: Schema, new: Schema) -> list[Difference]:
    if old == new:
        return []
    envelope = enveloped(root, schema_shape(old), schema_shape(new))
    if envelope:
        return [envelope]
    walk = _Walk()
    walk.schema(root, old, new)
    return folded(root, walk.removed, walk.added, walk.found)


@dataclass(slots=True)
class _Walk:
    """One walk over two plain schemas; what it finds is collected, because folding needs the whole."""

    removed: list[Removed] = field(default_factory=list)
    added: list[Added] = field(default_factory=list)
    found: list[Difference] = field(default_factory=list)

    def schema(self, path: str, old: Schema, new: Schema) -> None:
        """Report what differs; what differs and fits no kind is `unclassified`, because silence would approve it."""
        said = self.said
        self.known(path, old, new)
        if self.said == said and _canonical(old) != _canonical(new):
            self.report(UNCLASSIFIED, path)

    @property
    def said(self) -> int:
        return len(self.removed) + len(self.added) + len(self.found)

    def known(self, path: str, old: Schema, new: Schema) -> None:
        """Report what the kinds have a word for."""
        if old == new:
            return
        self.found += _lifecycle(path, old, new)
        if old.get("default", ABSENT) != new.get("default", ABSENT):
            self.report("default-changed", path, old.get("default", ABSENT), new.get("default", ABSENT))
        if not self.types(path, old, new):
            return
        if "anyOf" in old or "anyOf" in new:
            self.union(path, old, new)
            return
        self.values(path, old, new)
        self.strings(path, old, new)
        self.bounds(path, old, new)
        if self.objects(path, old, new):
            self.properties(path, old, new)
            self.items(path, old, new)

    def types(self, path: str, old: Schema, new: Schema) -> bool:
        """Report other types; False if there is nothing further to compare below."""
        before, now = types_of(old), types_of(new)
        if bool(before) != bool(now):
            self.report("type-widened" if before else "type-narrowed", path, types_text(before), types_text(now))
            return False
        if ("null" in before) != ("null" in now):
            kind = "became-nullable" if "null" in now else "became-not-nullable"
            self.report(kind, path, types_text(before), types_text(now))
        bare, bare_now = before - {"null"}, now - {"null"}
        if bare == bare_now or not bare or not bare_now or "anyOf" in old or "anyOf" in new:
            return True  # The forms of a union say which types came and went.
        self.report(_type_kind(bare, bare_now, old, new), path, types_text(before), types_text(now))
        return bool(bare & bare_now)

    def union(self, path: str, old: Schema, new: Schema) -> None:
        """The forms by their names; objects of one name are compared."""
        before, now = forms_of(old), forms_of(new)
        for name, each in before.items():
            if name in now and is_of_objects(old, new):
                self.schema(path, each, now[name])
            elif name not in now:
                self.report("union-variant-removed", path, name, ABSENT)
        for name, each in now.items():
            if name not in before or (each != before[name] and not is_of_objects(old, new)):
                self.report("union-variant-added", path, ABSENT, name)
        self.keyword("discriminator-changed", path, old, new, "discriminator")

    def values(self, path: str, old: Schema, new: Schema) -> None:
        before, now = values_of(old), values_of(new)
        if before and not now:
            self.report("became-open-string", path)
        elif now and not before:
            self.report("const-added" if "const" in new else "became-enum", path)
        elif "const" in old and "const" in new and before != now:
            self.report("const-changed", path, before[0], now[0])
        else:
            for value in before:
                if value not in now:
                    self.report("enum-value-removed", path, value, ABSENT)
            for value in now:
                if value not in before:
                    self.report("enum-value-added", path, ABSENT, value)

    def strings(self, path: str, old: Schema, new: Schema) -> None:
        before, now = old.get("format"), new.get("format")
        if before != now:
            kind = "format-gained" if not before else "format-changed" if now else "format-lost"
            self.report(kind, path, before or "text", now or "text")
        if old.get("pattern") != new.get("pattern"):
            kind = "pattern-changed" if "pattern" in new else "pattern-lost"
            self.report(kind, path, old.get("pattern", ABSENT), new.get("pattern", ABSENT))
        self.keyword("map-key-pattern-changed", path, old, new, "propertyNames")
        self.keyword("map-key-pattern-changed", path, old, new, "patternProperties")

    def bounds(self, path: str, old: Schema, new: Schema) -> None:
        for name in BOUNDS:
            before, now = old.get(name), new.get(name)
            if before == now:
                continue
            if name == "minItems" and before and not now:
                self.report("array-may-be-empty", path, "array", "empty array")
                continue
            kind = "range-widened" if _is_wider(name, before, now) else "range-narrowed"
            self.report(kind, path, _bound(name, before), _bound(name, now))

    def objects(self, path: str, old: Schema, new: Schema) -> bool:
        """Report what is said of unnamed properties; False where an object became a map or the other way round."""
        if not ("object" in types_of(old) and "object" in types_of(new)):
            return True
        if is_map(old) and is_map(new):
            self.schema(path + MAP_KEY, old["additionalProperties"], new["additionalProperties"])
        elif is_map(old) != is_map(new):
            before, now = ("map", "object") if is_map(old) else ("object", "map")
            self.report(f"{before}-became-{now}", path, before, now)
            return False
        else:
            closed, closed_now = (schema.get("additionalProperties") is False for schema in (old, new))
            if closed != closed_now:
                self.report("additional-properties-opened" if closed else "additional-properties-closed", path)
        return True

    def properties(self, path: str, old: Schema, new: Schema) -> None:
        before, now = old.get("properties", {}), new.get("properties", {})
        needed, needed_now = old.get("required", ()), new.get("required", ())
        for key, each in sorted(before.items()):
            where = child(path, key)
            if key not in now:
                self.removed.append(Removed(where, path, key, schema_shape(each), key in needed))
                continue
            if (key in needed) != (key in needed_now):
                self.report("became-optional" if key in needed else "became-required", where)
            self.schema(where, each, now[key])
        for key, each in sorted(now.items()):
            if key not in before:
                self.added.append(Added(child(path, key), path, key, schema_shape(each)))

    def items(self, path: str, old: Schema, new: Schema) -> None:
        tuples = [schema.get("prefixItems", []) for schema in (old, new)]
        if len(tuples[0]) != len(tuples[1]):
            self.report("tuple-length-changed", path, *(f"{len(each)} positions" for each in tuples))
        else:
            for one, other in zip(*tuples, strict=True):
                self.schema(path + ITEM, one, other)
        if "items" in old or "items" in new:
            self.schema(path + ITEM, old.get("items", {}), new.get("items", {}))

    def keyword(self, kind: str, path: str, old: Schema, new: Schema, name: str) -> None:
        if old.get(name) != new.get(name):
            self.report(kind, path, _told(old.get(name)), _told(new.get(name)))

    def report(self, kind: str, path: str, before: Any = ABSENT, after: Any = ABSENT) -> None:
        self.found.append(_at(path, kind, before, after))


def _at(path: str, kind: str, before: Any = ABSENT, after: Any = ABSENT) -> Difference:
    return Difference(kind, path, path, before, after)


def _canonical(schema: Any) -> Any:
    """What a schema allows, in one way of writing: without names, and without what says nothing."""
    if not isinstance(schema, dict):
        return schema
    said = {key: each for key, each in schema.items() if key not in _WRITTEN_APART and (key, each) not in _SAYS_NOTHING}
    said["enum"] = values_of(schema)
    for keyword in ("items", "additionalProperties"):
        said[keyword] = _canonical(said.get(keyword))
    for keyword in ("anyOf", "prefixItems"):
        said[keyword] = list(map(_canonical, schema.get(keyword, ())))
    said["anyOf"].sort(key=lambda form: json.dumps(form, sort_keys=True))
    return said | {"properties": {key: _canonical(each) for key, each in schema.get("properties", {}).items()}}


def _lifecycle(path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    deprecated, now = bool(old.get("deprecated")), bool(new.get("deprecated"))
    if deprecated != now or (old.get("x-sunset") and not new.get("x-sunset")):
        yield _at(path, "deprecated" if now > deprecated else "undeprecated")
    if new.get("x-sunset") and old.get("x-sunset") != new["x-sunset"]:
        yield _at(path, "sunset-set", old.get("x-sunset", ABSENT), new["x-sunset"])


def _type_kind(before: frozenset[str], now: frozenset[str], old: Schema, new: Schema) -> str:
    if now < before or (before == {"number"} and now == {"integer"}):
        return "type-narrowed"
    if before == {"array"} and now == {"object"} and is_map(new):
        return "array-became-map"
    if before == {"object"} and now == {"array"} and is_map(old):
        return "map-became-array"
    return type_kind(before, now)


def shows(old: Schema, new: Schema, steps: list[str], difference: Difference) -> bool:
    """True if a form has the difference at this path: others may have the path, too."""
    walk = _Walk()
    walk.schema("$", old, new)
    same = [each.path for each in walk.found if _sides(each) == _sides(difference)]
    there = [*(each.path for each in walk.removed), *(each.path for each in walk.added), *same]
    return any(list(map(str, parts(path))) == steps for path in there)


def _sides(difference: Difference) -> tuple[Any, ...]:
    return (difference.kind, difference.before, difference.after)


def is_of_objects(*schemas: Schema) -> bool:
    """True if every form is an object: only those have a name that stays when they change."""
    return all(types_of(without_null(form)) == {"object"} for schema in schemas for form in variants_of(schema))


def forms_of(schema: Schema) -> dict[str, Schema]:
    """The forms of a union by what they are called: by title, as schemas under `components` have one, else by type."""
    named: dict[str, Schema] = {}
    for each in sorted(map(without_null, variants_of(schema)), key=lambda form: json.dumps(form, sort_keys=True)):
        name = str(each.get("title") or types_text(types_of(each)))
        alike = sum(1 for other in named if other.partition(" #")[0] == name)
        named[f"{name} #{alike + 1}" if alike else name] = each
    return named


def values_of(schema: Schema) -> list[Any]:
    """The values that a schema lists, null left out, in one order."""
    listed = [schema["const"]] if "const" in schema else schema.get("enum", [])
    return sorted((each for each in listed if each is not None), key=repr)


def _told(value: Any) -> Any:
    return ABSENT if value is None else value


def _bound(name: str, value: Any) -> str:
    return f"no {name}" if value is None else f"{name} {value}"


def _is_wider(name: str, before: Any, now: Any) -> bool:
    if now is None or before is None:
        return now is None
    if name in _UPPER:
        return bool(now > before)
    return bool(now < before)
