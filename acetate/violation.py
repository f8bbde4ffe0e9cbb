"""Violation: where a response breaks its contract, as differences.

A compiled validator decides first, over the contract with unknown fields forbidden; only what it refuses is explained
by `jsonschema`. No remote `$ref` is ever fetched: a document that asks for one is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

import jsonschema_rs

from acetate.body import Json
from acetate.change import ABSENT, Difference
from acetate.contract import REPLY, Contract, Schema
from acetate.errors import ApprovedFileError
from acetate.path import ITEM, MAP_KEY, child
from acetate.retyping import JSON_TYPES, type_kind, types_text

__all__ = ["Validator"]

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
        try:
            return jsonschema_rs.Draft202012Validator(schema, retriever=_deny)
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
        except ValueError:
            # An integer that the compiled validator cannot hold: the other one decides alone.
            pass
        return _unique(_explained(body, root, schema))


def _deny(uri: str) -> Any:
    raise ValueError(f"`{uri}` is a remote reference, and none is ever fetched")


def _closed(schema: Schema) -> Schema:
    """The schema with unknown properties forbidden wherever it names properties: they are news, too."""
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


def _explained(body: Json, root: str, schema: Schema) -> Iterator[Difference]:
    # Heavy, and only needed to explain what the compiled validator refused.
    from jsonschema import Draft202012Validator
    from referencing import Registry

    for error in Draft202012Validator(schema, registry=Registry()).iter_errors(body):
        path, at = _paths(root, error.absolute_schema_path, error.absolute_path)
        yield from _differences(error, path, at)


def _paths(root: str, schema_path: Iterable[Any], concrete: Iterable[Any]) -> tuple[str, str]:
    path = at = root
    where = iter(concrete)
    steps = iter(schema_path)
    for step in steps:
        if step == "properties":
            name = str(next(steps))
            path, at = child(path, name), child(at, name)
            next(where, None)
        elif step == "items":
            path, at = path + ITEM, f"{at}[{next(where, 0)}]"
        elif step == "additionalProperties":
            key = next(where, None)
            if key is not None:
                path, at = path + MAP_KEY, child(at, str(key))
    return path, at


def _differences(error: Any, path: str, at: str) -> Iterator[Difference]:
    value, rule = error.instance, error.validator_value
    match error.validator:
        case "required":
            for key in rule:
                if key not in value:
                    listed = error.schema.get("properties", {}).get(key, {}).get("type", [])
                    types = types_text({listed} if isinstance(listed, str) else set(listed))
                    yield Difference("field-removed", child(path, key), child(at, key), types or ABSENT, ABSENT)
        case "additionalProperties":
            for key in value:
                if key not in error.schema.get("properties", {}):
                    yield Difference(
                        "field-added", child(path, key), child(at, key), ABSENT, JSON_TYPES[type(value[key])]
                    )
        case "type":
            yield _type_change(rule, value, path, at)
        case "enum":
            yield Difference("enum-value-added", path, at, ABSENT, value)
        case "const":
            yield Difference("const-changed", path, at, rule, value)
        case "minItems" if value == []:
            yield Difference("array-may-be-empty", path, at, "array", "empty array")
        case "format":
            yield Difference("format-lost", path, at, rule, "text")
        case "pattern":
            yield Difference("pattern-changed", path, at, rule, "text that does not match")
        case name if name in _BOUNDS:
            yield Difference("range-widened", path, at, f"{name} {rule}", f"beyond {name}")
        case name:
            yield Difference("unclassified", path, at, str(name), "not satisfied")


def _type_change(rule: str | list[str], value: Json, path: str, at: str) -> Difference:
    approved = {rule} if isinstance(rule, str) else set(rule)
    seen = JSON_TYPES[type(value)]
    kind = "became-nullable" if seen == "null" else type_kind(approved - {"null"}, {seen})
    return Difference(kind, path, at, types_text(approved), seen)


def _unique(differences: Iterable[Difference]) -> list[Difference]:
    """The first of each fact: many items of one array break a contract in the same way."""
    first: dict[tuple[str, str, str], Difference] = {}
    for each in differences:
        first.setdefault((each.kind, each.path, repr((each.before, each.after))), each)
    return list(first.values())
