"""Derivation: a contract from approved snapshots. The same samples, in any order, give the same document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from acetate.body import Json
from acetate.contract import REPLY, VERSION, Schema
from acetate.course import event_types, phases
from acetate.mask import mark_at, remask
from acetate.path import ITEM, MAP_KEY, child, parts
from acetate.provider import Operation, Rules
from acetate.shape import Shape
from acetate.snapshot import Entry

__all__ = ["Sample", "derive"]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NO_MODEL = "(no model)"
_KEYWORDS = {ITEM: ["items"], MAP_KEY: ["additionalProperties"]}


class Sample(NamedTuple):
    """What one approved exchange says. `bodies` are its masked body, or the distinct masked events of its stream in
    order of first appearance; `reply` is the masked reply assembled from the stream; `recorded` an ISO date; `names`
    are the types of events that only the framing says."""

    model: str | None
    headers: Mapping[str, str]
    bodies: tuple[Json, ...]
    reply: Json = None
    terminator: str | None = None
    recorded: str | None = None
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, entry: Entry) -> Sample:
        """What an approved entry says."""
        return cls(
            entry.model,
            entry.headers,
            entry.masked,
            entry.reply,
            entry.terminator,
            entry.recorded,
            entry.names or (),
        )


_BATCH = 256


@dataclass(slots=True)
class _Sum:
    """Shapes added up, by model; many at a time, because that is what merging is quick at."""

    pending: dict[str, list[Shape]] = field(default_factory=dict)

    def add(self, model: str, shape: Shape) -> None:
        waiting = self.pending.setdefault(model, [])
        waiting.append(shape)
        if len(waiting) == _BATCH:
            self.pending[model] = [Shape.merged(waiting)]

    def by_model(self) -> dict[str, Shape]:
        return {model: Shape.merged(shapes) for model, shapes in sorted(self.pending.items())}


def derive(
    operation: Operation,
    status: int,
    stream: bool,
    samples: Iterable[Sample],
    rules: Rules,
    pinned: Mapping[str, Schema],
) -> Schema:
    """The contract of these samples. `pinned` are the subschemas that a person wrote, by path."""
    bodies, replies, facts = _Sum(), _Sum(), _Facts()
    for sample in samples:
        model = sample.model or _NO_MODEL
        facts.add(sample, model)
        if stream:
            facts.count_types(event_types(sample.bodies, rules).union(sample.names))
        for masked in sample.bodies:
            bodies.add(model, Shape.of(remask(masked, rules)))
        if stream and sample.reply is not None:
            replies.add(model, Shape.of(remask(sample.reply, rules)))
    models = bodies.by_model()
    document = _Writer(rules, facts.phases if stream else None).schema("$", _whole(models), models)
    if replies.pending:
        models = replies.by_model()
        document["$defs"] = {"reply": _Writer(rules, None).schema(REPLY, _whole(models), models)}
    for path, schema in pinned.items():
        document = _planted(document, ["$defs", "reply"] if path.startswith(REPLY) else [], path, schema)
    document["$schema"] = _DIALECT
    document["title"] = f"{operation} {status}{' stream' if stream else ''}"
    document["x-acetate"] = facts.evidence(operation, status, stream) | {
        key: value for key, value in document.get("x-acetate", {}).items() if key == "pinned"
    }
    return document


def _planted(document: Schema, place: list[str], path: str, schema: Schema) -> Schema:
    """The document with a subschema at a path, as its author wrote it."""
    for step in parts(path):
        place += _KEYWORDS.get(str(step)) or ["properties", str(step)]
    if not place:
        return dict(schema)
    holder = document
    for keyword in place[:-1]:
        if not isinstance(holder.get(keyword), dict):
            holder[keyword] = {}
        holder = holder[keyword]
    holder[place[-1]] = schema
    return document


def _whole(models: Mapping[str, Shape]) -> Shape:
    return Shape.merged(models.values())


def _as_map(shape: Shape) -> Shape:
    values = [*shape.properties.values(), *([shape.map_value] if shape.map_value is not None else [])]
    return replace(shape, properties={}, map_value=Shape.merged(values) if values else None)


@dataclass(slots=True)
class _Facts:
    """Evidence that belongs to whole exchanges."""

    exchanges: int = 0
    models: dict[str, int] = field(default_factory=dict)
    headers: dict[str, int] = field(default_factory=dict)
    media_types: set[str] = field(default_factory=set)
    terminators: dict[str, int] = field(default_factory=dict)
    event_types: dict[str, int] = field(default_factory=dict)
    recorded: set[str] = field(default_factory=set)
    phases: dict[str, set[str]] = field(default_factory=dict)

    def add(self, sample: Sample, model: str) -> None:
        self.exchanges += 1
        self.models[model] = self.models.get(model, 0) + 1
        for name in sample.headers:
            self.headers[name] = self.headers.get(name, 0) + 1
        if sample.headers.get("content-type"):
            self.media_types.add(sample.headers["content-type"])
        if sample.terminator:
            self.terminators[sample.terminator] = self.terminators.get(sample.terminator, 0) + 1
        if sample.recorded:
            self.recorded.add(sample.recorded)
        for path, phase in phases(sample.bodies):
            self.phases.setdefault(path, set()).add(phase)

    def count_types(self, types: Iterable[str]) -> None:
        for name in types:
            self.event_types[name] = self.event_types.get(name, 0) + 1

    def evidence(self, operation: Operation, status: int, stream: bool) -> Schema:
        written: Schema = {
            "version": VERSION,
            "provider": operation.provider,
            "operation": operation.name,
            "status": status,
            "stream": stream,
            "exchanges": self.exchanges,
            "models": self.models,
            "media_types": sorted(self.media_types),
            "headers": {name: f"{count} of {self.exchanges}" for name, count in self.headers.items()},
        }
        if stream:
            written["terminator"] = {text: f"{count} of {self.exchanges}" for text, count in self.terminators.items()}
        if self.event_types:
            written["event_types"] = {name: f"{count} of {self.exchanges}" for name, count in self.event_types.items()}
        if self.recorded:
            written["recorded"] = {"first": min(self.recorded), "last": max(self.recorded)}
        return written


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes shapes as schemas."""

    rules: Rules
    phases: Mapping[str, set[str]] | None

    def schema(self, path: str, shape: Shape, models: Mapping[str, Shape]) -> Schema:
        types = {name for name, count in shape.types.items() if count}
        if "number" in types:
            types.discard("integer")
        written: Schema = {}
        if types:
            written["type"] = sorted(types) if len(types) > 1 else next(iter(types))
        if shape.map_value is not None and shape.properties:
            # Approved as a map by an older profile and as an object since: the map speaks for both.
            shape, models = _as_map(shape), {name: _as_map(each) for name, each in models.items()}
        if shape.properties:
            self.properties(written, path, shape, models)
        if shape.map_value is not None:
            inner = {name: each.map_value for name, each in models.items() if each.map_value is not None}
            written["additionalProperties"] = self.schema(path + MAP_KEY, shape.map_value, inner)
        if shape.types.get("array"):
            self.items(written, path, shape, models)
        self.strings(written, path, shape, models)
        return written

    def properties(self, written: Schema, path: str, shape: Shape, models: Mapping[str, Shape]) -> None:
        objects = shape.types["object"]
        required, properties = [], {}
        for key, inner in sorted(shape.properties.items()):
            where = child(path, key)
            by_model = {name: each.properties[key] for name, each in models.items() if key in each.properties}
            schema = self.schema(where, inner, by_model)
            evidence: Schema = schema.setdefault("x-acetate", {})
            evidence["presence"] = f"{inner.count} of {objects}"
            if inner.count < objects and len(models) > 1:
                evidence["models"] = {
                    name: f"{by_model[name].count if name in by_model else 0} of {each.types.get('object', 0)}"
                    for name, each in models.items()
                }
            if self.phases is not None and where in self.phases:
                phases = self.phases[where]
                evidence["phase"] = next(iter(phases)) if len(phases) == 1 else "some"
            properties[key] = schema
            if inner.count == objects:
                required.append(key)
        written["properties"] = properties
        if required:
            written["required"] = required

    def items(self, written: Schema, path: str, shape: Shape, models: Mapping[str, Shape]) -> None:
        if shape.items is not None:
            inner = {name: each.items for name, each in models.items() if each.items is not None}
            written["items"] = self.schema(path + ITEM, shape.items, inner)
        if not shape.empty:
            written["minItems"] = 1

    def strings(self, written: Schema, path: str, shape: Shape, models: Mapping[str, Shape]) -> None:
        strings = shape.types.get("string", 0)
        if strings and shape.formats.get("<time>") == strings:
            written["format"] = "date-time"
        if strings and shape.json is not None and shape.json.count == strings:
            written["contentMediaType"] = "application/json"
        mark = mark_at(self.rules, path)
        nulls = shape.types.get("null", 0)
        # An older snapshot may hold a token where the rules show values today: then the list would not be complete.
        complete = sum(shape.values.values()) == shape.count - nulls
        # Beside a boolean, Python cannot tell 1 from True.
        mixed = shape.types.get("boolean") and (shape.types.get("integer") or shape.types.get("number"))
        if mark not in ("enum", "const") or not shape.values or not complete or mixed:
            return
        values = _listed(shape)
        if mark == "const" and len(values) == 1 and not nulls:
            written["const"] = values[0]
            return
        written["enum"] = [*values, None] if nulls else values
        held = {name: _listed(each) for name, each in models.items()}
        if any(listed != values for listed in held.values()):
            written["x-acetate"] = {"values": {name: listed for name, listed in held.items() if listed}}


def _listed(shape: Shape) -> list[Json]:
    return sorted(shape.values, key=repr)
