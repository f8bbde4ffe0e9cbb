"""Contract: JSON Schema 2020-12 of an operation × status × plain/stream, derived from its approved snapshots.

The schema validates the JSON body, for a stream the data of one event; `#/$defs/reply` validates the reply assembled
from a stream. Evidence rides under `x-acetate`: how often each property was there, by model where models differ. The
same snapshots always give the same bytes. A subschema marked `"x-acetate": {"pinned": true}` was written by a person
and is kept as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from acetate.body import Json
from acetate.errors import ApprovedFileError
from acetate.path import ITEM, MAP_KEY, child

__all__ = ["REPLY", "VERSION", "Contract", "Fact", "Schema", "pinned_in", "read_contract"]

VERSION = 1
_CONFLICT = re.compile(rb"^<<<<<<< ", re.MULTILINE)
REPLY = "$reply"
"""The root of paths in the reply that was assembled from a stream."""

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fact:
    """What a contract says of one path."""

    required: bool
    types: frozenset[str]
    schema: Schema

    def values(self, model: str | None) -> frozenset[Json]:
        """The literal values approved there for one model; for every model where it is None."""
        held = self.schema.get("x-acetate", {}).get("values", {})
        if held and model is not None:
            return frozenset(held.get(model, ()))
        listed = [self.schema["const"]] if "const" in self.schema else self.schema.get("enum", [])
        return frozenset(each for each in listed if not isinstance(each, (list, dict)))


@dataclass(frozen=True)
class Contract:
    """One contract document. `where` is its file, for messages."""

    document: Schema
    where: str = ""

    @cached_property
    def facts(self) -> Mapping[str, Fact]:
        """Every path that the contract knows, of the body (or one event) and of the assembled reply."""
        facts: dict[str, Fact] = {}
        _collect("$", self.document, True, facts)
        if self.reply is not None:
            _collect(REPLY, self.reply, True, facts)
        return facts

    @property
    def reply(self) -> Schema | None:
        return cast("Schema | None", self.document.get("$defs", {}).get("reply"))

    @property
    def evidence(self) -> Schema:
        return cast("Schema", self.document.get("x-acetate", {}))

    def requires(self, path: str) -> bool:
        """True if every approved parent object had the property."""
        fact = self.facts.get(path)
        return fact is not None and fact.required

    def types(self, path: str) -> frozenset[str]:
        """JSON types approved there (`number` stands for integers too); empty where nothing was seen."""
        fact = self.facts.get(path)
        return fact.types if fact else frozenset()

    def values(self, path: str, model: str | None) -> frozenset[Json]:
        """Literal values approved there for one model; for every model where it is None."""
        fact = self.facts.get(path)
        return fact.values(model) if fact else frozenset()

    def may_be_empty(self, path: str) -> bool:
        """True if an empty array was approved there."""
        fact = self.facts.get(path)
        return fact is not None and "array" in fact.types and not fact.schema.get("minItems")

    @property
    def terminators(self) -> Mapping[str, str]:
        """The marks that approved streams ended with, each with how many did."""
        return cast("Mapping[str, str]", self.evidence.get("terminator", {}))

    @property
    def always_ends(self) -> bool:
        """True if every approved stream ended with such a mark."""
        counted = sum(int(each.partition(" of ")[0]) for each in self.terminators.values())
        return 0 < counted == self.evidence.get("exchanges")

    @cached_property
    def event_types(self) -> Mapping[str, bool]:
        """The types of events that approved streams had, each with whether every one had it; all of them did, as far as
        a contract knows that was derived before this was counted."""
        listed = {str(each): True for each in self.values("$.type", None) if isinstance(each, str)}
        counts = {name: each.split(" of ") for name, each in self.evidence.get("event_types", {}).items()}
        return listed | {name: present == of for name, (present, of) in counts.items()}

    @cached_property
    def phases(self) -> Mapping[str, str]:
        """Where in approved streams the objects of an event came that are in no array."""
        return {
            path: str(fact.schema["x-acetate"]["phase"])
            for path, fact in self.facts.items()
            if "object" in fact.types and ITEM not in path and "phase" in fact.schema.get("x-acetate", {})
        }

    def presence(self, path: str) -> str | None:
        """ "20 of 20": how often the property was there in what is approved."""
        fact = self.facts.get(path)
        return fact.schema.get("x-acetate", {}).get("presence") if fact else None


def read_contract(text: bytes, where: str) -> Contract:
    """The contract in a file's bytes. Raises ApprovedFileError for everything that is not one."""
    rebuild = "acetate accept --rebuild   (derives all contracts again)"
    if _CONFLICT.search(text):
        raise ApprovedFileError("holds merge conflict markers", where=where, next=rebuild)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ApprovedFileError(f"is not JSON: {error}", where=where, next=rebuild) from None
    contract = Contract(document, where)
    try:
        version = contract.evidence.get("version", VERSION)
        if not isinstance(version, int):
            raise ValueError("its version is no whole number")
        if version <= VERSION:
            _ = contract.facts, pinned_in(document)
    except (AttributeError, TypeError, ValueError) as error:
        raise ApprovedFileError(f"is not a contract: {error}", where=where, next=rebuild) from None
    if version > VERSION:
        raise ApprovedFileError(
            f"was written by a newer Acetate (version {version})", where=where, next="pip install --upgrade acetate"
        )
    return contract


def pinned_in(document: Schema) -> dict[str, Schema]:
    """The subschemas that a person wrote, by path: they are never rewritten."""
    found: dict[str, Schema] = {}
    roots = {"$": document, REPLY: document.get("$defs", {}).get("reply")}
    for root, schema in roots.items():
        if isinstance(schema, dict):
            found.update(_pinned(root, schema))
    return found


def _pinned(path: str, schema: Schema) -> Iterator[tuple[str, Schema]]:
    """The outermost ones: what a person wrote is theirs all the way down."""
    if schema.get("x-acetate", {}).get("pinned"):
        yield path, schema
        return
    for inner, each in _inner(path, schema):
        yield from _pinned(inner, each)


def _inner(path: str, schema: Schema) -> Iterator[tuple[str, Schema]]:
    for key, each in schema.get("properties", {}).items():
        if isinstance(each, dict):
            yield child(path, key), each
    for keyword, step in (("items", ITEM), ("additionalProperties", MAP_KEY)):
        if isinstance(schema.get(keyword), dict):
            yield path + step, schema[keyword]


def _collect(path: str, schema: Schema, required: bool, facts: dict[str, Fact]) -> None:
    listed = schema.get("type", [])
    types = frozenset([listed] if isinstance(listed, str) else listed)
    facts[path] = Fact(required, types, schema)
    needed = {child(path, key) for key in schema.get("required", ())}
    for inner, each in _inner(path, schema):
        _collect(inner, each, inner in needed, facts)
