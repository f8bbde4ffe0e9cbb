"""Evolution: what differs between two OpenAPI documents in what they promise of responses, and one such difference
taken over into the older of them.

Each difference belongs to one operation and status, and has the kind, path and sides that a response would show it by,
so that both are one change. What a client sends is not looked at.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from acetate.change import ABSENT, Difference
from acetate.contract import Schema
from acetate.folding import Added, Removed, enveloped, folded
from acetate.openapi import (
    Called,
    Document,
    Promise,
    is_map,
    json_media_type,
    types_of,
    variants_of,
    with_null,
    without_null,
)
from acetate.path import ITEM, MAP_KEY, child, parts
from acetate.retyping import type_kind, types_text
from acetate.violation import schema_shape

__all__ = ["OPERATION", "Draft", "Evolved", "evolved", "places"]

OPERATION: Final = "$operation"
"""The path of what is said of an operation as a whole."""

_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_BOUNDS = (*_UPPER, *_LOWER, "multipleOf", "uniqueItems")

_KEYWORDS: Mapping[str, Sequence[str]] = {
    "const-changed": ("const",),
    "became-open-string": ("enum", "const"),
    "became-enum": ("enum", "const"),
    "format-changed": ("format",),
    "format-gained": ("format",),
    "format-lost": ("format",),
    "pattern-changed": ("pattern",),
    "pattern-lost": ("pattern",),
    "array-may-be-empty": ("minItems",),
    "default-changed": ("default",),
    "deprecated": ("deprecated",),
    "undeprecated": ("deprecated",),
    "sunset-set": ("x-sunset",),
    "additional-properties-opened": ("additionalProperties",),
    "additional-properties-closed": ("additionalProperties",),
    "map-key-pattern-changed": ("propertyNames", "patternProperties"),
    "tuple-length-changed": ("prefixItems",),
    "discriminator-changed": ("discriminator",),
}
"""Which keywords of a schema a kind is about; most others are about the whole schema at their path."""

_OF_UNIONS = (
    *("union-variant-added", "union-variant-removed", "discriminator-changed"),
    *("became-nullable", "became-not-nullable", "type-widened", "type-narrowed"),
)
"""What is said of a union itself and not of its forms."""

_REQUIREDNESS = ("became-optional", "became-required")


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
        self.report(_type_kind(bare, bare_now, new), path, types_text(before), types_text(now))
        return bool(bare & bare_now)

    def union(self, path: str, old: Schema, new: Schema) -> None:
        """The forms by their names; objects of one name are compared."""
        before, now = _forms(old), _forms(new)
        for name, each in before.items():
            if name in now and _is_of_objects(old, new):
                self.schema(path, each, now[name])
            elif name not in now:
                self.report("union-variant-removed", path, name, ABSENT)
        for name, each in now.items():
            if name not in before or (each != before[name] and not _is_of_objects(old, new)):
                self.report("union-variant-added", path, ABSENT, name)
        self.keyword("discriminator-changed", path, old, new, "discriminator")

    def values(self, path: str, old: Schema, new: Schema) -> None:
        before, now = _values(old), _values(new)
        if before and not now:
            self.report("became-open-string", path)
        elif now and not before:
            self.report("became-enum", path)
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
        for name in _BOUNDS:
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


def _lifecycle(path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    if bool(old.get("deprecated")) != bool(new.get("deprecated")):
        yield _at(path, "deprecated" if new.get("deprecated") else "undeprecated")
    if new.get("x-sunset") and old.get("x-sunset") != new["x-sunset"]:
        yield _at(path, "sunset-set", old.get("x-sunset", ABSENT), new["x-sunset"])


def _type_kind(before: frozenset[str], now: frozenset[str], new: Schema) -> str:
    if now < before or (before == {"number"} and now == {"integer"}):
        return "type-narrowed"
    if before == {"array"} and now == {"object"} and is_map(new):
        return "array-became-map"
    return type_kind(before, now)


def _is_of_objects(*schemas: Schema) -> bool:
    """True if every form is an object: only those have a name that stays when they change."""
    return all(types_of(without_null(form)) == {"object"} for schema in schemas for form in variants_of(schema))


def _forms(schema: Schema) -> dict[str, Schema]:
    """The forms of a union by what they are called: by title, as schemas under `components` have one, else by type."""
    named: dict[str, Schema] = {}
    for each in sorted(map(without_null, variants_of(schema)), key=lambda form: json.dumps(form, sort_keys=True)):
        name = str(each.get("title") or types_text(types_of(each)))
        alike = sum(1 for other in named if other.partition(" #")[0] == name)
        named[f"{name} #{alike + 1}" if alike else name] = each
    return named


def _values(schema: Schema) -> list[Any]:
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


# --- one difference taken over ----------------------------------------------------------------------------------------


class Draft:
    """The older document while differences are taken over, one after the other: `content` has those taken as the newer
    one has them, and nothing else. Once none is `waiting`, it is the newer one word for word."""

    def __init__(self, before: Document, now: Document) -> None:
        self.before = before
        self.now = now
        self.waiting = evolved(before, now)
        self.content: dict[str, Any] = copy.deepcopy(dict(before.content))
        self._settle(bool(self.waiting))

    def take(self, wanted: Callable[[Evolved], bool]) -> list[Evolved]:
        """Take over what is wanted of what is waiting; what that was."""
        these = [each for each in self.waiting if wanted(each)]
        self.waiting = [each for each in self.waiting if each not in these]
        for each in these:
            _take(self.content, self.before, self.now, each)
        if these and not self.waiting:
            self._settle(bool(evolved(Document(self.content, self.before.where), self.now)))
        return these

    def _settle(self, differs: bool) -> None:
        if not differs:
            self.content = copy.deepcopy(dict(self.now.content))


def _take(content: dict[str, Any], before: Document, now: Document, each: Evolved) -> None:
    old, new = before.operations.get(each.operation.call), now.operations.get(each.operation.call)
    path = each.difference.path
    if old is None or new is None:
        _take_operation(content, now, old, new)
    elif path == OPERATION:
        holder = content["paths"][old.template][old.method]
        _take_keywords(holder, now.operation(new), _KEYWORDS[each.difference.kind])
    elif path == "$status":
        _take_status(content, before, old, now, new, each.status)
    elif path.startswith("$headers"):
        _take_headers(content, before, old, now, new, each)
    else:
        _take_schema(content, before, old, now, new, each)


def _take_operation(content: dict[str, Any], now: Document, old: Called | None, new: Called | None) -> None:
    paths = content.setdefault("paths", {})
    if new is not None:
        paths.setdefault(new.template, {})[new.method] = _standing_alone(now, new)
    elif old is not None and old.template in paths:
        paths[old.template].pop(old.method, None)
        if not any(isinstance(each, dict) for each in paths[old.template].values()):
            del paths[old.template]


def _take_status(
    content: dict[str, Any], before: Document, old: Called, now: Document, new: Called, status: int
) -> None:
    responses = content["paths"][old.template][old.method].setdefault("responses", {})
    if status in before.statuses(old):
        del responses[before.response_key(old, status)]
    else:
        responses[now.response_key(new, status)] = _response_of(now, now.response(new, status))


def _take_headers(
    content: dict[str, Any], before: Document, old: Called, now: Document, new: Called, each: Evolved
) -> None:
    """One header, or with the media type all content."""
    response = _held_response(content, before, old, each.status)
    wanted = _response_of(now, now.response(new, each.status))
    name = each.difference.path.removeprefix("$headers.")
    if name == "content-type":
        _take_keywords(response, wanted, ["content"])
        return
    headers = response.get("headers", {})
    for key in [key for key in headers if key.lower() == name]:
        del headers[key]
    headers.update({key: value for key, value in wanted.get("headers", {}).items() if key.lower() == name})


def _take_schema(
    content: dict[str, Any], before: Document, old: Called, now: Document, new: Called, each: Evolved
) -> None:
    """The schema is written plain, so that a part of it can be changed where many operations share one."""
    response = _held_response(content, before, old, each.status)
    promises = Document(content, before.where).promise(old, each.status), now.promise(new, each.status)
    schema, wanted = ((promise.schema if promise else None) or {} for promise in promises)
    for path in sorted(places(each.difference)):
        schema = _taken(schema, wanted, list(map(str, parts(path))), each.difference)
    media = json_media_type(response.get("content", {})) or "application/json"
    response.setdefault("content", {}).setdefault(media, {})["schema"] = schema


def _held_response(content: dict[str, Any], before: Document, old: Called, status: int) -> dict[str, Any]:
    """The response in the older document, to be changed in place: no reference to one that others share."""
    responses = content["paths"][old.template][old.method]["responses"]
    key = before.response_key(old, status)
    if "$ref" in responses[key]:
        responses[key] = _response_of(before, responses[key])
    held: dict[str, Any] = responses[key]
    return held


def _taken(old: Schema, new: Schema, steps: list[str], difference: Difference) -> Schema:
    """`old` with what a difference is about at a path as it is in `new`. Where the path cannot be followed on both
    sides, the smallest part around it is taken whole."""
    is_union = "anyOf" in old or "anyOf" in new
    if is_union and not _is_of_objects(old, new):
        return copy.deepcopy(new)
    if is_union and (steps or difference.kind not in _OF_UNIONS):
        return _taken_forms(old, new, steps, difference)
    if not steps:
        return _taken_here(old, new, difference)
    step, rest = steps[0], steps[1:]
    keyword = {ITEM: "items", MAP_KEY: "additionalProperties"}.get(step)
    if keyword is None:
        return _taken_property(old, new, step, rest, difference)
    inner, wanted = old.get(keyword), new.get(keyword)
    if not (isinstance(inner, dict) and isinstance(wanted, dict)):
        return copy.deepcopy(new)
    return {**old, keyword: _taken(inner, wanted, rest, difference)}


def _taken_forms(old: Schema, new: Schema, steps: list[str], difference: Difference) -> Schema:
    """In each form of a union that both sides have."""
    wanted = _forms(new)
    forms = [
        _taken(each, wanted[name], steps, difference)
        if name in wanted and _shows(each, wanted[name], steps, difference)
        else each
        for name, each in _forms(old).items()
    ]
    return _with_forms(old, forms)


def _with_forms(old: Schema, forms: list[Schema]) -> Schema:
    union = {**(old if "anyOf" in old else {}), "anyOf": forms} if len(forms) > 1 else forms[0]
    return with_null(union) if "null" in types_of(old) else union


def _shows(old: Schema, new: Schema, steps: list[str], difference: Difference) -> bool:
    """True if a form has the difference at this path: others may have the path, too."""
    walk = _Walk()
    walk.schema("$", old, new)
    same = [each.path for each in walk.found if _sides(each) == _sides(difference)]
    there = [*(each.path for each in walk.removed), *(each.path for each in walk.added), *same]
    return any(list(map(str, parts(path))) == steps for path in there)


def _sides(difference: Difference) -> tuple[Any, ...]:
    return (difference.kind, difference.before, difference.after)


def _taken_property(old: Schema, new: Schema, key: str, rest: list[str], difference: Difference) -> Schema:
    held, wanted = old.get("properties", {}), new.get("properties", {})
    if rest and not (key in held and key in wanted):
        return copy.deepcopy(new)
    properties, required = dict(held), set(old.get("required", ()))
    whole = not rest and (key not in held or key not in wanted)
    if whole or (not rest and difference.kind in _REQUIREDNESS):
        required = (required - {key}) | ({key} & set(new.get("required", ())))
    if whole:
        properties = {name: each for name, each in properties.items() if name != key}
        properties |= {key: copy.deepcopy(wanted[key])} if key in wanted else {}
    elif rest or difference.kind not in _REQUIREDNESS:
        properties[key] = _taken(held[key], wanted[key], rest, difference)
    written = {**old, "properties": properties, "required": sorted(required)}
    if not required:
        del written["required"]
    return written


def _taken_here(old: Schema, new: Schema, difference: Difference) -> Schema:
    kind = difference.kind
    if kind in _KEYWORDS:
        written = dict(old)
        _take_keywords(written, new, _KEYWORDS[kind])
        return written
    match kind:
        case "became-nullable":
            return with_null(old)
        case "became-not-nullable":
            return without_null(old)
        case "enum-value-added" | "enum-value-removed":
            values = [each for each in _values(old) if each != difference.before]
            values += [] if difference.after is ABSENT else [difference.after]
            bare = {key: each for key, each in old.items() if key not in ("enum", "const")}
            return {**bare, "enum": [*values, None] if "null" in types_of(old) else values}
        case "range-widened" | "range-narrowed":
            written = dict(old)
            _take_keywords(written, new, set(str(difference.before).split()) & set(_BOUNDS))
            return written
        case "union-variant-added" | "union-variant-removed":
            forms = [each for name, each in _forms(old).items() if name != difference.before]
            forms += [copy.deepcopy(each) for name, each in _forms(new).items() if name == difference.after]
            return _with_forms(old, forms) if forms else copy.deepcopy(new)
    return copy.deepcopy(new)


def _take_keywords(written: dict[str, Any], new: Mapping[str, Any], keywords: Iterable[str]) -> None:
    for keyword in keywords:
        written.pop(keyword, None)
        if keyword in new:
            written[keyword] = copy.deepcopy(new[keyword])


def _standing_alone(document: Document, called: Called) -> dict[str, Any]:
    """An operation whose responses refer to nothing: what they would refer to may say something else in another
    document. What is sent to it is left out."""
    kept = {
        key: copy.deepcopy(value)
        for key, value in document.operation(called).items()
        if key not in ("parameters", "requestBody", "callbacks", "responses")
    }
    responses = document.operation(called).get("responses", {})
    return {**kept, "responses": {key: _response_of(document, each) for key, each in responses.items()}}


def _response_of(document: Document, response: Any) -> dict[str, Any]:
    written = copy.deepcopy(document.followed(response))
    for media in written.get("content", {}).values():
        if "schema" in media:
            media["schema"] = document.plain(media["schema"])
    for name, header in written.get("headers", {}).items():
        written["headers"][name] = copy.deepcopy(document.followed(header))
    return written
