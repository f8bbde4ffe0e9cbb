"""OpenAPI: what a document (3.0 or 3.1) promises of each response, as plain JSON Schema 2020-12.

Documents say one thing in many ways: references, three spellings of nullable, compositions. `plain` writes all of them
in one, so that two schemas can be compared, masked by and checked against. Only references inside the document are
followed; nothing is ever fetched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from shlex import quote
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from acetate.body import Json
from acetate.contract import Schema
from acetate.errors import AcetateError, ApprovedFileError, amiss
from acetate.mask import mark_at
from acetate.path import ITEM, MAP_KEY, child
from acetate.provider import ANYWHERE, Mark, RuleNode, Rules, rule_node
from acetate.retyping import JSON_TYPES

__all__ = [
    "Called",
    "Document",
    "Promise",
    "Promised",
    "call_of",
    "is_map",
    "json_media_type",
    "read_document",
    "rules_of",
    "types_of",
    "variants_of",
    "with_null",
    "without_null",
]

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_PARAMETER = re.compile(r"\{[^{}]*\}")
_CONFLICT = re.compile(rb"^<<<<<<< ", re.MULTILINE)
_DEEPEST: Final = 40  # levels of a schema; a real one has a dozen
_RETURNS: Final = 1  # how often a schema that holds itself is written out again inside itself

_KEPT = (
    *("title", "enum", "const", "format", "pattern", "default", "deprecated", "x-sunset", "discriminator"),
    *("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "multipleOf"),
    *("minProperties", "maxProperties", "uniqueItems", "propertyNames", "patternProperties", "contentMediaType"),
)
_ANYTHING: Schema = {}


class Called(NamedTuple):
    """One operation of a document: `GET /items/{id}`. `call` is the same whatever its parameters are called."""

    name: str
    call: str
    method: str
    template: str


@dataclass(frozen=True, slots=True)
class Promise:
    """What a document says of one response: its media types, of JSON its plain schema (None where it says nothing),
    its headers with whether they must be there, in lower case."""

    media_types: tuple[str, ...]
    schema: Schema | None
    headers: Mapping[str, bool]

    def allows(self, media_type: str) -> bool:
        """True for a media type that is named, also by `text/*` and `*/*`; for any where none is."""
        family = media_type.partition("/")[0]
        return not self.media_types or not {media_type, f"{family}/*", "*/*"}.isdisjoint(self.media_types)


class Document:
    """A document of OpenAPI 3.0 or 3.1. `where` names it in messages."""

    def __init__(self, content: Mapping[str, Any], where: str = "the OpenAPI document") -> None:
        """Raises AcetateError for what is no such document."""
        version = content.get("openapi")
        if not (isinstance(version, str) and version.startswith("3.") and isinstance(content.get("paths", {}), dict)):
            raise AcetateError(
                "is not a document of OpenAPI 3", where=where, next="serve one of version 3.0 or 3.1 (FastAPI does)"
            )
        self.content = content
        self.where = where
        self._promises: dict[tuple[str, int], Promise | None] = {}

    @cached_property
    def text(self) -> str:
        """Itself as JSON."""
        return json.dumps(self.content, sort_keys=True)

    @cached_property
    def operations(self) -> Mapping[str, Called]:
        """Its operations by `call`, in the order of their names."""
        found: dict[str, Called] = {}
        for template, item in sorted(self.content.get("paths", {}).items()):
            for method in _METHODS if isinstance(item, dict) else ():
                if isinstance(item.get(method), dict):
                    name = f"{method.upper()} {template}"
                    found.setdefault(call_of(name), Called(name, call_of(name), method, template))
        return found

    def find(self, method: str, path: str) -> Called | None:
        """The operation that answers a call; None for a route that the document does not have. A literal segment wins
        over a parameter; a last parameter may stand for several segments where nothing else fits."""
        for routes in (self._routes, self._long_routes):
            for template, called in routes:
                if called.method == method.lower() and template.fullmatch(path):
                    return called
        return None

    def operation(self, called: Called) -> dict[str, Any]:
        """What the document says of an operation."""
        found: dict[str, Any] = self.content["paths"][called.template][called.method]
        return found

    def statuses(self, called: Called) -> list[int]:
        """The statuses that are named, lowest first; `4XX` stands for 400, `default` for none in particular."""
        named = (str(each).upper().replace("XX", "00") for each in self._responses(called))
        return sorted({int(each) for each in named if each.isdecimal()})

    def promise(self, called: Called, status: int) -> Promise | None:
        """What is said of a response; None where the document does not name the status, not even as `4XX` or
        `default`."""
        key = (called.call, status)
        if key not in self._promises:
            response = self.response(called, status)
            self._promises[key] = None if response is None else self._promise(response)
        return self._promises[key]

    def response(self, called: Called, status: int) -> dict[str, Any] | None:
        """The response object of a status, as it is written."""
        key = self.response_key(called, status)
        return None if key is None else self.followed(self._responses(called)[key])

    def response_key(self, called: Called, status: int) -> str | None:
        """Under which key a status is described: `200`, `2XX` or `default`."""
        keys = {str(each).upper(): str(each) for each in self._responses(called)}
        wanted = (str(status), f"{status // 100}XX", "DEFAULT")
        return next((keys[each] for each in wanted if each in keys), None)

    def plain(self, schema: Any) -> Schema:
        """A schema of this document, written in one way: no references, no compositions that say nothing new."""
        return self._plain(schema, ())

    def _responses(self, called: Called) -> dict[str, Any]:
        responses = self.operation(called).get("responses", {})
        return responses if isinstance(responses, dict) else {}

    @cached_property
    def _routes(self) -> list[tuple[re.Pattern[str], Called]]:
        return self._compiled("[^/]+")

    @cached_property
    def _long_routes(self) -> list[tuple[re.Pattern[str], Called]]:
        return self._compiled(".+")

    def _compiled(self, last: str) -> list[tuple[re.Pattern[str], Called]]:
        literal_first = sorted(self.operations.values(), key=lambda called: _literalness(called.template))
        return [(_template_regex(called.template, last), called) for called in literal_first]

    def _promise(self, response: Mapping[str, Any]) -> Promise:
        content = response.get("content", {})
        media_types = tuple(sorted(each.partition(";")[0].strip().lower() for each in content))
        headers = {
            name.lower(): bool(self.followed(each).get("required"))
            for name, each in response.get("headers", {}).items()
        }
        return Promise(media_types, self._json_schema(content), headers)

    def _json_schema(self, content: Mapping[str, Any]) -> Schema | None:
        name = json_media_type(content)
        return self.plain(content[name]["schema"]) if name and "schema" in content[name] else None

    def followed(self, value: Any) -> dict[str, Any]:
        """An object, or what a reference to one stands for."""
        for _ in range(_DEEPEST):
            if not (isinstance(value, dict) and isinstance(value.get("$ref"), str)):
                break
            value = self._target(value["$ref"])
        return value if isinstance(value, dict) else {}

    def _target(self, ref: str) -> Any:
        target: Any = self.content
        if not ref.startswith("#"):
            raise AcetateError(
                f"refers to `{ref}`, and nothing outside of a document is ever fetched",
                where=self.where,
                next="put what it refers to under `components`",
            )
        for step in unquote(ref[1:]).split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if isinstance(target, list) and name.isdecimal() and int(name) < len(target):
                target = target[int(name)]
            elif isinstance(target, dict) and name in target:
                target = target[name]
            else:
                raise AcetateError(f"refers to `{ref}`, which is not in it", where=self.where, next="correct it there")
        return target

    def _plain(self, schema: Any, refs: tuple[str, ...]) -> Schema:
        if schema is False:
            return {"not": {}}
        if not isinstance(schema, dict) or len(refs) > _DEEPEST:
            return dict(_ANYTHING)
        if isinstance(schema.get("$ref"), str):
            return self._plain_reference(schema, refs)
        written = {key: schema[key] for key in _KEPT if key in schema}
        if types := _said_types(schema):
            written["type"] = types[0] if len(types) == 1 else types
        _set_exclusive_bounds(written, schema)
        _set_discriminator(written)
        self._set_properties(written, schema, refs)
        if "items" in schema:
            written["items"] = self._plain(schema["items"], (*refs, ITEM))
        if isinstance(schema.get("prefixItems"), list):
            written["prefixItems"] = [self._plain(each, (*refs, ITEM)) for each in schema["prefixItems"]]
        for each in schema.get("allOf", ()):
            written = _both(written, self._plain(each, refs))
        for composition in ("anyOf", "oneOf"):
            if isinstance(schema.get(composition), list):
                written = _both(written, _union([self._plain(each, refs) for each in schema[composition]]))
        return with_null(written) if schema.get("nullable") is True else written

    def _plain_reference(self, schema: Schema, refs: tuple[str, ...]) -> Schema:
        ref = schema["$ref"]
        if refs.count(ref) > _RETURNS:
            return dict(_ANYTHING)
        target = self._plain(self._target(ref), (*refs, ref))
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        named = {"title": ref.rpartition("/")[2], **target}
        return _both(named, self._plain(beside, refs)) if beside else named

    def _set_properties(self, written: Schema, schema: Schema, refs: tuple[str, ...]) -> None:
        properties = schema.get("properties")
        if isinstance(properties, dict):
            # What only a request may hold is no part of a response.
            answered = {
                key: each for key, each in properties.items() if not (isinstance(each, dict) and each.get("writeOnly"))
            }
            written["properties"] = {key: self._plain(each, (*refs, key)) for key, each in answered.items()}
            if required := sorted({*schema.get("required", ())} - (properties.keys() - answered.keys())):
                written["required"] = required
        elif schema.get("required"):
            written["required"] = sorted(schema["required"])
        for keyword in ("additionalProperties", "unevaluatedProperties"):
            if keyword in schema:
                more = schema[keyword]
                written["additionalProperties"] = (
                    self._plain(more, (*refs, MAP_KEY)) or True if more else more is not False
                )


def read_document(text: bytes, where: str) -> Document:
    """The approved document in a file's bytes. Raises ApprovedFileError for everything that is not one."""
    again = f"git checkout --ours -- {quote(where)} (or --theirs), then run the tests and acetate accept"
    if _CONFLICT.search(text):
        raise ApprovedFileError("holds merge conflict markers", where=where, next=again)
    try:
        content = json.loads(text)
        version = content.get("x-acetate", {}).get("version", 1)
    except (ValueError, AttributeError, RecursionError) as error:
        raise ApprovedFileError(
            f"is not a document: {amiss(error)}", where=where, next=f"git checkout -- {quote(where)}"
        ) from None
    if version != 1:
        raise ApprovedFileError(
            f"was written by a newer Acetate (version {version})", where=where, next="pip install --upgrade acetate"
        )
    try:
        return Document(content, where)
    except AcetateError as error:
        raise ApprovedFileError(error.problem, where=where, next=f"git checkout -- {quote(where)}") from None


def call_of(operation: str) -> str:
    """The name of an operation without those of its parameters, which no caller knows."""
    return _PARAMETER.sub("{}", operation)


# --- what a plain schema says -----------------------------------------------------------------------------------------


def types_of(schema: Schema) -> frozenset[str]:
    """The JSON types that are allowed; none where every one is. `number` stands for integers too."""
    if "anyOf" in schema:
        return frozenset[str]().union(*map(types_of, schema["anyOf"]))
    listed = schema.get("type", ())
    return frozenset([listed] if isinstance(listed, str) else listed)


def variants_of(schema: Schema) -> list[Schema]:
    """The forms of a union, null left out; the schema itself where it is none."""
    return [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]


def is_map(schema: Schema) -> bool:
    """True for an object whose keys are data: it names none, and says what all its values are. One that says nothing
    of them is an object that nobody has described."""
    return not schema.get("properties") and isinstance(schema.get("additionalProperties"), dict)


def json_media_type(content: Mapping[str, Any]) -> str | None:
    """The key of the JSON body among the media types of a response."""
    names = sorted(content, key=lambda each: (each.partition(";")[0].strip() != "application/json", each))
    return next((each for each in names if "json" in each.lower() or "*" in each), None)


class Promised:
    """What a plain schema has approved at each path of a body."""

    def __init__(self, schema: Schema) -> None:
        self._facts: dict[str, _Fact] = {}
        self._collect("$", schema, required=True)

    def requires(self, path: str) -> bool:
        """True also for what the schema does not describe: there, what was always answered is the promise."""
        return path not in self._facts or self._facts[path].required

    def types(self, path: str) -> frozenset[str]:
        return self._facts[path].types if path in self._facts else frozenset()

    def values(self, path: str, model: str | None) -> frozenset[Json]:  # noqa: ARG002 (a document knows no model)
        return self._facts[path].values if path in self._facts else frozenset()

    def may_be_empty(self, path: str) -> bool:  # noqa: ARG002
        """False everywhere: documents hardly ever say how many items there are. What the same call of the same test
        answered before is the better witness."""
        return False

    def names_array(self, path: str) -> bool:
        """True where the document has an array that may be empty."""
        return path in self._facts and self._facts[path].may_be_empty

    def _collect(self, path: str, schema: Schema, *, required: bool) -> None:
        listed = [schema["const"]] if "const" in schema else schema.get("enum", [])
        fact = _Fact(
            required,
            types_of(schema),
            frozenset(each for each in listed if not isinstance(each, (list, dict))),
            "array" in types_of(schema) and not schema.get("minItems"),
        )
        self._facts[path] = fact if path not in self._facts else self._facts[path].either(fact)
        for variant in schema.get("anyOf", ()):
            self._collect(path, variant, required=required)
        needed = schema.get("required", ())
        for key, inner in schema.get("properties", {}).items():
            self._collect(child(path, key), inner, required=key in needed)
        for keyword, step in (("items", ITEM), ("additionalProperties", MAP_KEY)):
            if isinstance(schema.get(keyword), dict):
                self._collect(path + step, schema[keyword], required=True)


class _Fact(NamedTuple):
    required: bool
    types: frozenset[str]
    values: frozenset[Json]
    may_be_empty: bool

    def either(self, other: _Fact) -> _Fact:
        """Of two forms of a union at one path."""
        return _Fact(
            self.required and other.required,
            self.types | other.types,
            self.values | other.values,
            self.may_be_empty or other.may_be_empty,
        )


# --- what may vary ----------------------------------------------------------------------------------------------------

_FORMATS: Mapping[str, Mark] = {"uuid": "id", "date-time": "time"}


def rules_of(schema: Schema | None, operation: str, values: Iterable[str]) -> Rules:
    """What may vary in a response: ids and times by their format, enums and constants are shown, everything else is
    masked. `values` are the places whose values somebody asked for, `GET /items/{id} $.name` or `$..name`."""
    root = RuleNode()
    _learn_rules(root, schema or {}, in_union=False)
    anywhere: dict[str, Mark] = {}
    for place in values:
        name, _, path = place.rpartition(" ")
        if name in ("", operation):
            if key := ANYWHERE.match(path):
                anywhere[key[1]] = "keep"
            elif mark_at(Rules(root, {}), path) not in ("enum", "const"):
                rule_node(root, path).mark = "keep"
    return Rules(root, anywhere)


def _learn_rules(node: RuleNode, schema: Schema, *, in_union: bool) -> None:
    for variant in schema.get("anyOf", ()):
        _learn_rules(node, variant, in_union=True)
    if mark := _mark(schema, in_union):
        node.mark = mark
    for key, inner in schema.get("properties", {}).items():
        _learn_rules(node.children.setdefault(key, RuleNode()), inner, in_union=in_union)
    if isinstance(schema.get("items"), dict):
        node.item = node.item or RuleNode()
        _learn_rules(node.item, schema["items"], in_union=in_union)
    if is_map(schema):
        node.is_map = True
        node.value = node.value or RuleNode()
        _learn_rules(node.value, schema["additionalProperties"], in_union=in_union)


def _mark(schema: Schema, in_union: bool) -> Mark | None:
    if "const" in schema:
        return "enum" if in_union else "const"  # Each form of a union has its own.
    return "enum" if "enum" in schema else _FORMATS.get(schema.get("format", ""))


# --- one way to write a schema ----------------------------------------------------------------------------------------


def _literalness(template: str) -> list[bool]:
    return ["{" in segment for segment in template.split("/")]


def _template_regex(template: str, last: str) -> re.Pattern[str]:
    literals = [re.escape(each) for each in _PARAMETER.split(template)]
    *first, end = literals
    if not first:
        return re.compile(end)
    return re.compile("[^/]+".join(first) + last + end, re.DOTALL)


def _said_types(schema: Schema) -> list[str]:
    """The types that a schema names, or that follow from what else it says."""
    listed = schema.get("type")
    if isinstance(listed, str):
        return [listed]
    if isinstance(listed, list):
        return sorted({each for each in listed if isinstance(each, str)})
    values = [schema["const"]] if "const" in schema else schema.get("enum", [])
    if values:
        return sorted({JSON_TYPES[type(each)] for each in values if type(each) in JSON_TYPES})
    return ["object"] if "properties" in schema else ["array"] if "items" in schema else []


def _set_exclusive_bounds(written: Schema, schema: Schema) -> None:
    """OpenAPI 3.0 says `exclusiveMinimum: true` beside `minimum`."""
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        said = schema.get(exclusive)
        if said is True and bound in written:
            written[exclusive] = written.pop(bound)
        elif isinstance(said, (int, float)) and not isinstance(said, bool):
            written[exclusive] = said


def _set_discriminator(written: Schema) -> None:
    """The property, and which values it can have."""
    said = written.pop("discriminator", None)
    if isinstance(said, dict):
        written["discriminator"] = {"propertyName": said.get("propertyName"), "values": sorted(said.get("mapping", {}))}


def with_null(schema: Schema) -> Schema:
    """The schema for the same values and null."""
    if "anyOf" in schema:
        return {**schema, "anyOf": [*variants_of(schema), {"type": "null"}]}
    if "type" not in schema:
        return schema
    written = {**schema, "type": sorted({*types_of(schema), "null"})}
    if "const" in written:
        written["enum"] = [written.pop("const")]
    if "enum" in written:
        written["enum"] = [*(each for each in written["enum"] if each is not None), None]
    return written


def without_null(schema: Schema) -> Schema:
    """The schema for the same values but null."""
    if "null" not in types_of(schema):
        return schema
    types = sorted(types_of(schema) - {"null"})
    if "anyOf" in schema:
        forms = variants_of(schema)
        return {**schema, "anyOf": forms} if len(forms) > 1 else forms[0]
    written = {**schema, "type": types[0] if len(types) == 1 else types}
    if "enum" in written:
        written["enum"] = [each for each in written["enum"] if each is not None]
    return written


def _both(one: Schema, other: Schema) -> Schema:
    """What keeps to two schemas at once, as `allOf` says; the second speaks where they differ."""
    written = {**one, **other}
    if "title" in one:
        written["title"] = one["title"]
    types = types_of(one) & types_of(other)
    if types and "anyOf" not in written:
        written["type"] = sorted(types) if len(types) > 1 else next(iter(types))
    if "properties" in one and "properties" in other:
        shared = {
            key: _both(each, other["properties"][key])
            for key, each in one["properties"].items()
            if key in other["properties"]
        }
        written["properties"] = {**one["properties"], **other["properties"], **shared}
    if "required" in one and "required" in other:
        written["required"] = sorted({*one["required"], *other["required"]})
    return written


def _union(forms: list[Schema]) -> Schema:
    """One schema for several forms: null as a type, forms of different types in one, what is left as `anyOf`."""
    flat = [variant for form in forms for variant in form.get("anyOf", [form])]
    bare = list(_distinct(without_null(each) for each in flat if each.get("type") != "null"))
    if not bare:
        return {"type": "null"}
    if any(not types_of(each) for each in bare):
        return dict(_ANYTHING)  # One form may be anything, and so may the whole.
    written = bare[0] if len(bare) == 1 else _joined(bare) or {"anyOf": bare}
    return with_null(written) if any("null" in types_of(each) for each in flat) else written


def _joined(forms: list[Schema]) -> Schema | None:
    """Forms that no value can have two of, in one schema; None where one could."""
    types = [each for form in forms for each in types_of(form)]
    keywords = [keyword for form in forms for keyword in form if keyword not in ("type", "title")]
    telling = {"integer", "number"} <= set(types) or len(set(types)) < len(types) or len(set(keywords)) < len(keywords)
    if telling or not {"enum", "const"}.isdisjoint(keywords):
        return None
    return {key: value for form in forms for key, value in form.items() if key != "title"} | {"type": sorted(types)}


def _distinct(forms: Iterable[Schema]) -> Iterator[Schema]:
    said: list[Schema] = []
    for each in forms:
        if each not in said:
            said.append(each)
            yield each
