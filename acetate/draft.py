"""Draft: the older of two OpenAPI documents while single differences are taken over into it from the newer one."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from acetate.change import ABSENT, Difference
from acetate.contract import Schema
from acetate.evolution import BOUNDS, OPERATION, Evolved, evolved, forms_of, is_of_objects, places, shows, values_of
from acetate.kind import UNCLASSIFIED
from acetate.openapi import Called, Document, json_media_type, types_of, with_null, without_null
from acetate.path import ITEM, MAP_KEY, parts

__all__ = ["Draft"]

_KEYWORDS: Mapping[str, Sequence[str]] = {
    "const-changed": ("const",),
    "became-open-string": ("enum", "const"),
    "became-enum": ("enum", "const"),
    "const-added": ("enum", "const"),
    "format-changed": ("format",),
    "format-gained": ("format",),
    "format-lost": ("format",),
    "pattern-changed": ("pattern",),
    "pattern-lost": ("pattern",),
    "array-may-be-empty": ("minItems",),
    "default-changed": ("default",),
    "deprecated": ("deprecated",),
    "undeprecated": ("deprecated", "x-sunset"),
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
    UNCLASSIFIED,
)
"""What is said of a union itself and not of its forms."""

_REQUIREDNESS = ("became-optional", "became-required")


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
    if is_union and not is_of_objects(old, new):
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
    wanted = forms_of(new)
    forms = [
        _taken(each, wanted[name], steps, difference)
        if name in wanted and shows(each, wanted[name], steps, difference)
        else each
        for name, each in forms_of(old).items()
    ]
    return _with_forms(old, forms)


def _with_forms(old: Schema, forms: list[Schema]) -> Schema:
    union = {**(old if "anyOf" in old else {}), "anyOf": forms} if len(forms) > 1 else forms[0]
    return with_null(union) if "null" in types_of(old) else union


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
            values = [each for each in values_of(old) if each != difference.before]
            values += [] if difference.after is ABSENT else [difference.after]
            bare = {key: each for key, each in old.items() if key not in ("enum", "const")}
            return {**bare, "enum": [*values, None] if "null" in types_of(old) else values}
        case "range-widened" | "range-narrowed":
            written = dict(old)
            _take_keywords(written, new, set(str(difference.before).split()) & set(BOUNDS))
            return written
        case "union-variant-added" | "union-variant-removed":
            forms = [each for name, each in forms_of(old).items() if name != difference.before]
            forms += [copy.deepcopy(each) for name, each in forms_of(new).items() if name == difference.after]
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
