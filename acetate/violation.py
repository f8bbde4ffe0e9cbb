"""Violation: where a response breaks its contract, as differences.

A compiled validator decides first, over the contract with unknown fields forbidden; only what it refuses is explained
by `jsonschema`. No remote `$ref` is ever fetched: a document that asks for one is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

from acetate.body import Json
from acetate.change import ABSENT, Difference
from acetate.contract import REPLY, Contract, Schema
from acetate.errors import ApprovedFileError
from acetate.folding import Added, Removed, folded
from acetate.path import ITEM, MAP_KEY, child, expand
from acetate.retyping import JSON_TYPES, type_kind, types_text
from acetate.shape import Shape, learn

if TYPE_CHECKING:
    import jsonschema_rs

__all__ = ["Validator", "schema_shape"]

_BOUNDS = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
)


class Validator:
    """A contract made ready to check many responses."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self._body = _closed(contract.document)
        self._reply = _closed(contract.reply) if contract.reply is not None else None

    def check(self, body: Json) -> list[Difference]:
        """What in a body (or in the data of one event) breaks the contract."""
        return self._check(body, "$", self._body, self._quick_body)

    def check_reply(self, reply: Json) -> list[Difference]:
        """What in an assembled reply breaks the contract."""
        if self._reply is None or self._quick_reply is None:
            return []
        return self._check(reply, REPLY, self._reply, self._quick_reply)

    @cached_property
    def _quick_body(self) -> jsonschema_rs.Draft202012Validator:
        return self._compiled(self._body)

    @cached_property
    def _quick_reply(self) -> jsonschema_rs.Draft202012Validator | None:
        return self._compiled(self._reply) if self._reply is not None else None

    def _compiled(self, schema: Schema) -> jsonschema_rs.Draft202012Validator:
        import jsonschema_rs  # not by a check of recordings that have not changed

        try:
            return jsonschema_rs.Draft202012Validator(schema, retriever=_deny, validate_formats=True)
        except (ValueError, TypeError) as error:
            raise ApprovedFileError(
                f"is not a JSON Schema that can be used: {str(error).splitlines()[0]}",
                where=self.contract.where,
                next="acetate accept --rebuild   (derives all contracts again; pinned parts are kept)",
            ) from None

    def _check(
        self, body: Json, root: str, schema: Schema, quick: jsonschema_rs.Draft202012Validator
    ) -> list[Difference]:
        try:
            if quick.is_valid(body):
                return []
            refused = True
        except ValueError:
            # A lone surrogate, say, which the compiled validator cannot hold: the other one decides alone.
            refused = False
        try:
            found = _explained(body, root, schema)
        except re.error:  # A pattern that only the compiled validator can read.
            found = []
        return found or ([Difference("unclassified", root, root, "contract", "not satisfied")] if refused else [])


def _deny(uri: str) -> Any:
    raise ValueError(f"`{uri}` is a remote reference, and none is ever fetched")


def _closed(schema: Schema) -> Schema:
    """The schema with unknown properties forbidden wherever it names properties: they are news, too. What a person
    wrote says itself what it forbids."""
    if schema.get("x-acetate", {}).get("pinned"):
        return schema
    closed = dict(schema)
    if isinstance(schema.get("properties"), dict):
        closed["properties"] = {
            key: _closed(inner) if isinstance(inner, dict) else inner for key, inner in schema["properties"].items()
        }
        closed.setdefault("additionalProperties", False)
    for keyword in ("items", "additionalProperties"):
        if isinstance(schema.get(keyword), dict):
            closed[keyword] = _closed(schema[keyword])
    return closed


class _Formats:
    """The formats as the compiled validator reads them, for the one that explains."""

    def check(self, value: Json, name: str) -> None:
        import jsonschema_rs
        from jsonschema.exceptions import FormatError

        try:
            keeps = jsonschema_rs.Draft202012Validator({"format": name}, validate_formats=True).is_valid(value)
        except ValueError:
            keeps = False
        if not keeps:
            raise FormatError(name)


def _explained(body: Json, root: str, schema: Schema) -> list[Difference]:
    # Heavy, and only needed to explain what the compiled validator refused.
    from jsonschema import Draft202012Validator
    from referencing import Registry

    gone: dict[str, Removed] = {}
    news: dict[str, tuple[str, str, list[Json]]] = {}
    found: list[Difference] = []
    # What it takes for format_checker needs no more than a `check`.
    validator = Draft202012Validator(schema, registry=Registry(), format_checker=_Formats())  # type: ignore[arg-type]
    for error in validator.iter_errors(body):
        path, at = _paths(root, error.absolute_schema_path, error.absolute_path)
        if error.validator == "required":
            for key in set(error.validator_value) - set(error.instance):
                where = child(path, key)
                everywhere = not any(present for _, present, _ in expand(body, where, root))
                approved = schema_shape(error.schema.get("properties", {}).get(key))
                gone[where] = Removed(where, path, key, approved, required=True, everywhere=everywhere)
        elif error.validator == "additionalProperties":
            for key in error.instance:
                if not _names(error.schema, key):
                    news.setdefault(child(path, key), (path, key, []))[2].append(error.instance[key])
        elif error.validator not in ("enum", "const") or _fits_type(error.schema, error.instance):
            found.append(_difference(error, path, at))
    added = [Added(where, path, key, learn(values)) for where, (path, key, values) in sorted(news.items())]
    return folded(root, [gone[where] for where in sorted(gone)], added, _unique(found))


def _fits_type(schema: Schema, value: Json) -> bool:
    """False where the type alone says what is wrong with a value."""
    from jsonschema import Draft202012Validator

    return Draft202012Validator({"type": schema["type"]}).is_valid(value) if "type" in schema else True


def _names(schema: Schema, key: str) -> bool:
    return key in schema.get("properties", {}) or any(
        re.search(each, key) for each in schema.get("patternProperties", {})
    )


def schema_shape(schema: Any) -> Shape:
    """What a schema says, as a shape; nothing where it is no object."""
    if not isinstance(schema, dict):
        return Shape.EMPTY
    listed = schema.get("type", [])
    items, values = schema.get("items"), schema.get("additionalProperties")
    return Shape(
        types=dict.fromkeys([listed] if isinstance(listed, str) else listed, 1),
        properties={key: schema_shape(inner) for key, inner in schema.get("properties", {}).items()},
        items=schema_shape(items) if isinstance(items, dict) else None,
        map_value=schema_shape(values) if isinstance(values, dict) else None,
    )


_NAMING = frozenset({"properties", "patternProperties", "prefixItems"})
_STEPPING = frozenset({"items", "additionalProperties", "unevaluatedProperties", "unevaluatedItems", "contains"})


def _paths(root: str, schema_path: Iterable[Any], concrete: Iterable[Any]) -> tuple[str, str]:
    """The normalised and the concrete path of an error. The schema tells which keys are those of a map."""
    keywords: list[str] = []
    steps = iter(schema_path)
    for step in steps:
        if step in _NAMING:
            next(steps, None)
            keywords.append(step)
        elif step in _STEPPING:
            keywords.append(step)
    path = at = root
    for key, keyword in zip(concrete, chain(keywords, repeat("")), strict=False):
        if isinstance(key, int):
            path, at = path + ITEM, f"{at}[{key}]"
        else:
            path, at = path + MAP_KEY if keyword == "additionalProperties" else child(path, key), child(at, key)
    return path, at


def _difference(error: Any, path: str, at: str) -> Difference:
    value, rule = error.instance, error.validator_value
    match error.validator:
        case "type":
            return _type_change(rule, value, path, at)
        case "enum":
            return Difference("enum-value-added", path, at, ABSENT, value)
        case "const":
            return Difference("const-changed", path, at, rule, value)
        case "minItems" if value == []:
            return Difference("array-may-be-empty", path, at, "array", "empty array")
        case "format":
            return Difference("format-lost", path, at, rule, "text")
        case "pattern":
            return Difference("pattern-changed", path, at, rule, "text that does not match")
        case name if name in _BOUNDS:
            return Difference("range-widened", path, at, f"{name} {rule}", f"beyond {name}")
        case name:
            return Difference("unclassified", path, at, str(name), "not satisfied")


def _type_change(rule: str | list[str], value: Json, path: str, at: str) -> Difference:
    approved = {rule} if isinstance(rule, str) else set(rule)
    seen = JSON_TYPES[type(value)]
    kind = "became-nullable" if seen == "null" else type_kind(approved - {"null"}, {seen})
    return Difference(kind, path, at, types_text(approved), seen)


def _unique(differences: Iterable[Difference]) -> list[Difference]:
    """The first at each path: many items of one array break a contract, and each path is reported once. Only of new
    values each is a fact of its own."""
    first: dict[tuple[str, str], Difference] = {}
    for each in differences:
        first.setdefault((each.path, repr(each.after) if each.kind == "enum-value-added" else ""), each)
    return list(first.values())
