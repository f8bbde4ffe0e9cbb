"""OpenAPI documents: what they promise in one form, whatever way they say it; and what differs between two of them."""

from __future__ import annotations

import copy
import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator

from acetate.change import ABSENT
from acetate.draft import Draft
from acetate.errors import AcetateError, ApprovedFileError
from acetate.evolution import Evolved, evolved
from acetate.kind import KINDS
from acetate.mask import mask
from acetate.openapi import Document, Promised, read_document, rules_of, types_of, with_null, without_null


def document(schema: Any = None, *, version: str = "3.1.0", schemas: Any = None, **response: Any) -> Document:
    """A document with one operation, whose response has this schema."""
    content = {} if schema is None else {"content": {"application/json": {"schema": schema}}}
    return Document(
        {
            "openapi": version,
            "info": {"title": "x", "version": "1"},
            "paths": {"/x": {"get": {"responses": {"200": {"description": "", **content, **response}}}}},
            "components": {"schemas": schemas or {}},
        }
    )


def whole(**paths: Any) -> Document:
    return Document({"openapi": "3.1.0", "paths": {path.replace("_", "/"): item for path, item in paths.items()}})


def plain(schema: Any, schemas: Any = None, version: str = "3.1.0") -> Any:
    return document(schemas=schemas, version=version).plain(schema)


def operation(*statuses: Any, **said: Any) -> Any:
    return {"responses": {str(status): {"description": ""} for status in statuses}, **said}


def obj(required: list[str] | None = None, **properties: Any) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    wanted = list(properties) if required is None else required
    return {**schema, "required": wanted} if wanted else schema


def taken_over(before: Document, now: Document, these: Any) -> dict[str, Any]:
    """The older document with these differences as the newer one has them."""
    draft = Draft(before, now)
    draft.take(lambda each: each in these)
    return draft.content


STRING = {"type": "string"}
INTEGER = {"type": "integer"}


# --- what is a document ---


@pytest.mark.parametrize(
    "content", [{}, {"swagger": "2.0"}, {"openapi": "2.0", "paths": {}}, {"openapi": 3, "paths": {}}]
)
def test_what_is_no_document_of_openapi_3_is_refused(content: Any) -> None:
    with pytest.raises(AcetateError, match="not a document of OpenAPI 3") as caught:
        Document(content, "the app")
    assert (caught.value.where, bool(caught.value.next)) == ("the app", True)


def test_an_approved_document_is_read_with_its_file_in_every_message() -> None:
    assert read_document(b'{"openapi": "3.1.0", "paths": {}}', "contracts/x/openapi.json").operations == {}
    for damage in (b"{", b"7", b"{}", b"<<<<<<< a\n", b'{"x-acetate": {"version": 2}}'):
        with pytest.raises(ApprovedFileError) as caught:
            read_document(damage, "contracts/x/openapi.json")
        assert (caught.value.where, bool(caught.value.next)) == ("contracts/x/openapi.json", True)


# --- routes ---


def routed(method: str, path: str, *templates: str) -> str | None:
    item = {"get": operation(200), "post": operation(200), "parameters": []}
    found = Document({"openapi": "3.1.0", "paths": dict.fromkeys(templates, item)}).find(method, path)
    return found.name if found else None


@pytest.mark.parametrize(
    ("method", "path", "templates", "name"),
    [
        ("GET", "/items/7", ["/items/{id}"], "GET /items/{id}"),
        ("get", "/items/me", ["/items/{id}", "/items/me"], "GET /items/me"),
        ("POST", "/items", ["/items"], "POST /items"),
        ("DELETE", "/items", ["/items"], None),
        ("GET", "/items", ["/items/"], None),
        ("GET", "/items/7/more", ["/items/{id}"], "GET /items/{id}"),
        ("GET", "/items/7/more", ["/items/{id}", "/items/{id}/{what}"], "GET /items/{id}/{what}"),
        ("GET", "/files/a.json", ["/files/{name}.json"], "GET /files/{name}.json"),
        ("GET", "/files/a.txt", ["/files/{name}.json"], None),
        ("GET", "/a+b", ["/a+b"], "GET /a+b"),
        ("GET", "/items/", ["/items/{id}"], None),
    ],
)
def test_a_call_belongs_to_the_route_that_fits_best(method: str, path: str, templates: list[str], name: str) -> None:
    assert routed(method, path, *templates) == name


def test_statuses_are_found_by_number_by_class_and_by_default() -> None:
    found = whole(_x={"get": {"responses": {200: {}, "4XX": {}, "default": {}}}})
    called = found.operations["GET /x"]
    assert found.statuses(called) == [200, 400]
    assert [found.response_key(called, status) for status in (200, 404, 500)] == ["200", "4XX", "default"]
    assert whole(_x={"get": {}}).promise(whole(_x={"get": {}}).operations["GET /x"], 200) is None


@pytest.mark.parametrize(
    ("named", "allowed", "refused"),
    [
        (["application/json; charset=utf-8"], "application/json", "text/html"),
        (["text/*"], "text/plain", "application/json"),
        (["*/*"], "image/png", None),
        ([], "image/png", None),
    ],
)
def test_media_types_are_allowed_by_name_and_by_range(named: list[str], allowed: str, refused: str | None) -> None:
    found = document(content={name: {} for name in named})
    promise = found.promise(found.operations["GET /x"], 200)
    assert promise is not None
    assert promise.allows(allowed)
    assert refused is None or not promise.allows(refused)


def test_what_a_response_refers_to_is_followed() -> None:
    found = Document(
        {
            "openapi": "3.1.0",
            "paths": {"/x": {"get": {"responses": {"200": {"$ref": "#/components/responses/Ok"}}}}},
            "components": {
                "responses": {
                    "Ok": {
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/a~1b"}}},
                        "headers": {"X-Total": {"$ref": "#/components/headers/Total"}, "X-More": {}},
                    }
                },
                "headers": {"Total": {"required": True}},
                "schemas": {"a/b": STRING},
            },
        }
    )
    promise = found.promise(found.operations["GET /x"], 200)
    assert promise is not None
    assert promise.schema == {"type": "string", "title": "a~1b"}
    assert promise.headers == {"x-total": True, "x-more": False}


# --- one way to write a schema ---

ITEM = {"Item": obj(name=STRING)}
REF = {"$ref": "#/components/schemas/Item"}


@pytest.mark.parametrize(
    ("schema", "same"),
    [
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        ({"anyOf": [STRING, {"type": "null"}]}, {"type": ["string", "null"]}),
        ({"oneOf": [{"type": "null"}, STRING]}, {"type": ["null", "string"]}),
        ({"allOf": [REF], "nullable": True}, {"anyOf": [REF, {"type": "null"}]}),
        ({"allOf": [REF]}, REF),
        ({"allOf": [obj(a=STRING), obj(b=INTEGER)]}, obj(a=STRING, b=INTEGER)),
        ({"allOf": [obj(a={}), obj(a=STRING)]}, obj(a=STRING)),
        ({"enum": ["a", "b"]}, {"type": "string", "enum": ["a", "b"]}),
        ({"const": 7}, {"type": "integer", "const": 7}),
        ({"properties": {"a": STRING}}, {"type": "object", "properties": {"a": STRING}}),
        ({"items": STRING}, {"type": "array", "items": STRING}),
        ({"type": "integer", "minimum": 1, "exclusiveMinimum": True}, {"type": "integer", "exclusiveMinimum": 1}),
        ({"type": "integer", "minimum": 1, "exclusiveMinimum": False}, {"type": "integer", "minimum": 1}),
        ({"anyOf": [STRING, INTEGER]}, {"type": ["integer", "string"]}),
        ({"anyOf": [STRING, obj(a=STRING)]}, {**obj(a=STRING), "type": ["object", "string"]}),
        ({"anyOf": [STRING, {}]}, {}),
        ({"anyOf": [{"type": "null"}]}, {"type": "null"}),
        ({"anyOf": [{"anyOf": [STRING]}, INTEGER]}, {"type": ["string", "integer"]}),
        ({"anyOf": [obj(a=STRING), obj(a=STRING)]}, {"anyOf": [obj(a=STRING)]}),
        (obj(a={"type": "string", "writeOnly": True}, b=STRING), obj(b=STRING)),
        ({"type": "object", "additionalProperties": {}}, {"type": "object", "additionalProperties": True}),
        ({"type": "object", "unevaluatedProperties": False}, {"type": "object", "additionalProperties": False}),
        ({"type": "string", "description": "a", "example": "b"}, STRING),
        (True, {}),
        ({"const": "a", "nullable": True}, {"type": ["string", "null"], "enum": ["a", None]}),
    ],
)
def test_the_same_said_in_two_ways_is_the_same(schema: Any, same: Any) -> None:
    assert plain(schema, ITEM, "3.0.3") == plain(same, ITEM)


def test_null_can_be_put_in_and_taken_out_of_every_schema() -> None:
    union = {"anyOf": [{**obj(a=STRING), "title": "A"}, {**obj(b=STRING), "title": "B"}]}
    for schema in (STRING, {"type": "string", "enum": ["a"]}, obj(a=STRING), union):
        assert "null" in types_of(with_null(schema))
        assert without_null(with_null(schema)) == schema
        assert with_null(with_null(schema)) == with_null(schema)
    assert with_null({}) == {}
    assert without_null({"anyOf": [STRING, {"type": "null"}]}) == STRING


def test_a_schema_that_holds_itself_is_written_out_once_more() -> None:
    tree = {"Node": obj(name=STRING, children={"type": "array", "items": {"$ref": "#/components/schemas/Node"}})}
    facts = Promised(plain({"$ref": "#/components/schemas/Node"}, tree))
    assert facts.types("$.children[].name") == {"string"}
    assert facts.types("$.children[].children[].name") == frozenset()


def test_schemas_that_hold_each_other_come_to_an_end() -> None:
    names = [f"S{number}" for number in range(6)]
    schemas = {name: obj(**{other: {"$ref": f"#/components/schemas/{other}"} for other in names[:2]}) for name in names}
    assert len(json.dumps(plain({"$ref": "#/components/schemas/S0"}, schemas))) < 100_000
    deep: Any = STRING
    for _ in range(200):
        deep = {"type": "array", "items": deep}
    assert types_of(plain(deep)) == {"array"}


@pytest.mark.parametrize(
    "ref", ["#/components/schemas/Nothing", "https://example.com/x.json", "#/paths/0", "other.json"]
)
def test_a_reference_that_leads_nowhere_or_outside_is_refused(ref: str) -> None:
    with pytest.raises(AcetateError, match="refers to") as caught:
        plain({"$ref": ref})
    assert caught.value.next


def test_a_reference_may_go_through_a_list() -> None:
    assert plain({"$ref": "#/components/schemas/A/allOf/0"}, {"A": {"allOf": [STRING]}}) == {**STRING, "title": "0"}
    with pytest.raises(AcetateError):
        plain({"$ref": "#/components/schemas/A/allOf/1"}, {"A": {"allOf": [STRING]}})


# --- what may vary ---


def masked(schema: Any, value: Any, *values: str) -> Any:
    return mask(value, rules_of(plain(schema), "GET /x", values))


def test_ids_and_times_are_masked_by_format_and_enums_are_shown() -> None:
    schema = obj(
        id={"type": "string", "format": "uuid"},
        at={"type": "string", "format": "date-time"},
        kind={"const": "a"},
        state={"enum": ["on", "off"]},
        total={"type": "string", "pattern": "^[0-9.]+$"},
        size=INTEGER,
    )
    value = {
        "id": "x",
        "at": "2026-01-01T00:00:00Z",
        "kind": "a",
        "state": "on",
        "total": "1.50",
        "size": 7,
        "more": "y",
    }
    assert masked(schema, value) == {
        "id": "<id>",
        "at": "<time>",
        "kind": "a",
        "state": "on",
        "total": "<text>",
        "size": "<int>",
        "more": "<text>",
    }


def test_the_forms_of_a_union_are_masked_together() -> None:
    schema = {"type": "array", "items": {"anyOf": [obj(type={"const": "a"}, id={"format": "uuid", "type": "string"}),
                                                   obj(type={"const": "b"}, at=STRING)]}}  # fmt: skip
    assert masked(schema, [{"type": "a", "id": "1"}, {"type": "b", "at": "x"}]) == [
        {"type": "a", "id": "<id>"},
        {"type": "b", "at": "<text>"},
        "n ≥ 1",
    ]


def test_values_are_shown_where_somebody_asked() -> None:
    schema = obj(items={"type": "array", "items": obj(name=STRING)}, version=STRING, map={
        "type": "object", "additionalProperties": STRING})  # fmt: skip
    value = {"items": [{"name": "a"}], "version": "1", "map": {"k": "v"}}
    assert masked(schema, value, "$.items[].name")["items"] == [{"name": "a"}, "n ≥ 1"]
    assert masked(schema, value, "$..version")["version"] == "1"
    assert masked(schema, value, "GET /x $.map{*}")["map"] == {"{*}": ["v", "n ≥ 1"]}
    assert masked(schema, value, "GET /y $..version")["version"] == "<text>"
    assert masked(obj(state={"enum": ["on"]}), {"state": "on"}, "$.state") == {"state": "on"}


def test_what_a_schema_promises_is_known_by_path() -> None:
    facts = Promised(
        plain({"anyOf": [obj(a={"enum": ["x"]}), obj(["b"], a={"const": "y"}, b={"type": "array", "items": STRING})]})
    )
    assert (facts.requires("$.a"), facts.requires("$.b"), facts.requires("$.else")) == (False, True, True)
    assert facts.values("$.a", None) == {"x", "y"}
    assert facts.names_array("$.b")
    assert not facts.names_array("$.a")
    assert not facts.may_be_empty("$.b")
    assert facts.values("$.else", None) == frozenset()


# --- two documents ---


def kinds(old: Any, new: Any) -> list[tuple[str, str]]:
    found = evolved(document(old), document(new))
    return [(each.difference.kind, each.difference.path) for each in found]


UNION = [{**obj(a=STRING), "title": "A"}, {**obj(b=STRING), "title": "B"}, {**obj(c=STRING), "title": "C"}]

PAIRS = [
    (obj(a=STRING, b=INTEGER), obj(b=INTEGER), ("field-removed", "$.a")),
    (obj(["b"], a=STRING, b=INTEGER), obj(b=INTEGER), ("optional-field-removed", "$.a")),
    (obj(a=STRING), obj(a=STRING, b=INTEGER), ("field-added", "$.b")),
    (obj(a=STRING), obj(b=STRING), ("field-renamed", "$.a")),
    (obj(a=obj(x=STRING, y=INTEGER), b=INTEGER), obj(a=obj(y=INTEGER), b=INTEGER, x=STRING), ("field-moved", "$.a.x")),
    (obj(a=STRING, b=INTEGER), obj(data=obj(a=STRING, b=INTEGER)), ("body-wrapped", "$")),
    ({"type": "array", "items": STRING}, obj(data={"type": "array", "items": STRING}), ("body-wrapped", "$")),
    (obj(a=STRING), obj([], a=STRING), ("became-optional", "$.a")),
    (obj([], a=STRING), obj(a=STRING), ("became-required", "$.a")),
    (obj(a=STRING), obj(a={"type": ["string", "null"]}), ("became-nullable", "$.a")),
    (obj(a={"type": ["string", "null"]}), obj(a=STRING), ("became-not-nullable", "$.a")),
    (obj(a=STRING), obj(a=INTEGER), ("type-changed", "$.a")),
    (obj(a=INTEGER), obj(a={"type": "number"}), ("type-widened", "$.a")),
    (obj(a={"type": "number"}), obj(a=INTEGER), ("type-narrowed", "$.a")),
    (obj(a=STRING), obj(a={"type": ["string", "integer"]}), ("type-widened", "$.a")),
    (obj(a=STRING), obj(a={}), ("type-widened", "$.a")),
    (obj(a={}), obj(a=STRING), ("type-narrowed", "$.a")),
    (obj(a=STRING), obj(a=obj(b=STRING)), ("scalar-became-object", "$.a")),
    (obj(a={"type": "array", "items": STRING}), obj(a={"type": "object", "additionalProperties": STRING}),
     ("array-became-map", "$.a")),
    (obj(a=obj(b=STRING)), obj(a={"type": "object", "additionalProperties": STRING}), ("object-became-map", "$.a")),
    (obj(a={"type": "object", "additionalProperties": STRING}), obj(a=obj(b=STRING)), ("map-became-object", "$.a")),
    ({"type": "object", "additionalProperties": STRING}, {"type": "object", "additionalProperties": INTEGER},
     ("type-changed", "${*}")),
    ({"type": "array", "items": obj(a=STRING)}, {"type": "array", "items": obj(a=INTEGER)}, ("type-changed", "$[].a")),
    (obj(a={"enum": ["x"]}), obj(a={"enum": ["x", "y"]}), ("enum-value-added", "$.a")),
    (obj(a={"const": "x"}), obj(a={"enum": ["x", "y"]}), ("enum-value-added", "$.a")),
    (obj(a={"enum": ["x", "y"]}), obj(a={"enum": ["x"]}), ("enum-value-removed", "$.a")),
    (obj(a={"const": "x"}), obj(a={"const": "y"}), ("const-changed", "$.a")),
    (obj(a={"enum": ["x"]}), obj(a=STRING), ("became-open-string", "$.a")),
    (obj(a=STRING), obj(a={"enum": ["x"]}), ("became-enum", "$.a")),
    (obj(a=STRING), obj(a={"const": "x"}), ("const-added", "$.a")),
    (obj(a={"type": "string", "format": "uuid"}), obj(a={"type": "string", "format": "uri"}),
     ("format-changed", "$.a")),
    (obj(a={"type": "string", "format": "uuid"}), obj(a=STRING), ("format-lost", "$.a")),
    (obj(a=STRING), obj(a={"type": "string", "format": "uuid"}), ("format-gained", "$.a")),
    (obj(a={"type": "string", "pattern": "a"}), obj(a={"type": "string", "pattern": "b"}), ("pattern-changed", "$.a")),
    (obj(a={"type": "string", "pattern": "a"}), obj(a=STRING), ("pattern-lost", "$.a")),
    (obj(a={"type": "integer", "maximum": 5}), obj(a={"type": "integer", "maximum": 9}), ("range-widened", "$.a")),
    (obj(a={"type": "integer", "maximum": 5}), obj(a=INTEGER), ("range-widened", "$.a")),
    (obj(a={"type": "integer", "minimum": 5}), obj(a={"type": "integer", "minimum": 1}), ("range-widened", "$.a")),
    (obj(a={"type": "integer", "minimum": 1}), obj(a={"type": "integer", "minimum": 5}), ("range-narrowed", "$.a")),
    (obj(a=INTEGER), obj(a={"type": "integer", "minimum": 5}), ("range-narrowed", "$.a")),
    (obj(a={"type": "array", "items": STRING, "minItems": 1}), obj(a={"type": "array", "items": STRING}),
     ("array-may-be-empty", "$.a")),
    (obj(a={"type": "array", "prefixItems": [STRING, STRING]}), obj(a={"type": "array", "prefixItems": [STRING]}),
     ("tuple-length-changed", "$.a")),
    (obj(a={"type": "array", "prefixItems": [STRING, STRING]}),
     obj(a={"type": "array", "prefixItems": [STRING, INTEGER]}), ("type-changed", "$.a[]")),
    (obj(a={"type": "string", "default": "x"}), obj(a={"type": "string", "default": "y"}), ("default-changed", "$.a")),
    (obj(a=STRING), obj(a={"type": "string", "deprecated": True}), ("deprecated", "$.a")),
    (obj(a={"type": "string", "deprecated": True}), obj(a=STRING), ("undeprecated", "$.a")),
    (obj(a=STRING), obj(a={"type": "string", "x-sunset": "2027-01-01"}), ("sunset-set", "$.a")),
    ({**obj(a=STRING), "additionalProperties": False}, obj(a=STRING), ("additional-properties-opened", "$")),
    (obj(a=STRING), {**obj(a=STRING), "additionalProperties": False}, ("additional-properties-closed", "$")),
    ({"type": "object", "propertyNames": {"pattern": "a"}}, {"type": "object", "propertyNames": {"pattern": "b"}},
     ("map-key-pattern-changed", "$")),
    ({"anyOf": UNION[:2]}, {"anyOf": UNION}, ("union-variant-added", "$")),
    (UNION[0], {"anyOf": UNION[:2]}, ("union-variant-added", "$")),
    ({"anyOf": UNION}, {"anyOf": UNION[:2]}, ("union-variant-removed", "$")),
    ({"anyOf": UNION[:2]}, UNION[0], ("union-variant-removed", "$")),
    ({"anyOf": UNION[:2]}, {"anyOf": [{**obj(a=INTEGER), "title": "A"}, UNION[1]]}, ("type-changed", "$.a")),
    ({"anyOf": UNION[:2]}, {"anyOf": [*UNION[:2], {"type": "null"}]}, ("became-nullable", "$")),
    ({"oneOf": UNION[:2], "discriminator": {"propertyName": "a"}},
     {"oneOf": UNION[:2], "discriminator": {"propertyName": "b"}}, ("discriminator-changed", "$")),
    (obj(a={"type": "object", "additionalProperties": STRING}), obj(a={"type": "array", "items": STRING}),
     ("map-became-array", "$.a")),
    (obj(a={"type": "string", "x-sunset": "2027-01-01"}), obj(a=STRING), ("undeprecated", "$.a")),
    (obj(a={"type": "string", "contentMediaType": "text/csv"}), obj(a=STRING), ("unclassified", "$.a")),
    (obj(a=False), obj(a={}), ("unclassified", "$.a")),
    ({**obj(a=STRING), "additionalProperties": STRING}, {**obj(a=STRING), "additionalProperties": INTEGER},
     ("unclassified", "$")),
    ({"anyOf": UNION[:2], "properties": {"z": STRING}}, {"anyOf": UNION[:2], "properties": {"z": INTEGER}},
     ("unclassified", "$")),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "change"), PAIRS, ids=[f"{pair[2][0]}-{n}" for n, pair in enumerate(PAIRS)])
def test_each_difference_of_two_schemas_has_its_kind_and_is_taken_over(old: Any, new: Any, change: Any) -> None:
    assert kinds(old, new) == [change]
    assert change[0] in KINDS
    before, now = document(old), document(new)
    assert taken_over(before, now, evolved(before, now)) == now.content
    assert kinds(new, new) == []


@pytest.mark.parametrize("same", [
    (REF, ITEM["Item"]),
    ({"type": "string", "title": "A"}, {"type": "string", "title": "B", "description": "c"}),
    ({"enum": ["a", "b"]}, {"type": "string", "enum": ["b", "a"]}),
    ({"const": "a"}, {"enum": ["a"]}),
    ({"type": "string", "deprecated": False}, STRING),
    ({"type": "object", "additionalProperties": True}, {"type": "object"}),
    ({"anyOf": UNION}, {"anyOf": UNION[::-1]}),
    ({"anyOf": UNION[:2]}, {"anyOf": [{**UNION[0], "description": "z"}, UNION[1]]}),
])  # fmt: skip
def test_what_is_only_said_in_another_way_is_no_difference(same: Any) -> None:
    assert evolved(document(same[0], schemas=ITEM), document(same[1])) == []


def test_operations_and_statuses_that_come_and_go_are_named() -> None:
    before = whole(_a={"get": operation(200, 404)}, _b={"get": operation(204)}, _c={"get": operation("default")})
    now = whole(_a={"get": operation(201)}, _d={"post": operation(200)})
    assert [(each.operation.name, each.status, each.difference.kind) for each in evolved(before, now)] == [
        ("GET /a", 200, "status-removed"),
        ("GET /a", 201, "status-added"),
        ("GET /a", 404, "error-status-removed"),
        ("GET /b", 204, "endpoint-removed"),
        ("GET /c", 200, "endpoint-removed"),
        ("POST /d", 200, "endpoint-added"),
    ]
    assert taken_over(before, now, evolved(before, now)) == now.content
    assert [each.difference.kind for each in evolved(now, before)][:3] == [
        "status-added",
        "status-removed",
        "error-status-added",
    ]


def test_an_operation_that_is_deprecated_says_so_as_a_whole() -> None:
    before = whole(_a={"get": operation(200)})
    now = whole(_a={"get": operation(200, **{"deprecated": True, "x-sunset": "2027-01-01"})})
    found = evolved(before, now)
    assert [(each.difference.kind, each.difference.path) for each in found] == [
        ("deprecated", "$operation"),
        ("sunset-set", "$operation"),
    ]
    half = taken_over(before, now, found[:1])
    assert half["paths"]["/a"]["get"]["deprecated"] is True
    assert "x-sunset" not in half["paths"]["/a"]["get"]


def test_headers_and_media_types_that_go_are_named() -> None:
    before = document(STRING, headers={"X-A": {"required": True}, "X-B": {"required": True}, "X-C": {}})
    now = document(STRING, headers={"X-B": {}, "X-C": {}, "X-D": {}})
    found = evolved(before, now)
    assert [(each.difference.kind, each.difference.path) for each in found] == [
        ("header-removed", "$headers.x-a"),
        ("header-became-optional", "$headers.x-b"),
    ]
    half = taken_over(before, now, found[:1])["paths"]["/x"]["get"]["responses"]["200"]["headers"]
    assert half == {"X-B": {"required": True}, "X-C": {}}
    assert taken_over(before, now, found) == now.content
    before, page = document(STRING), document(content={"text/html": {}})
    (difference,) = evolved(before, page)
    assert difference.difference.kind == "content-type-changed"
    assert (difference.difference.before, difference.difference.after) == ("application/json", "text/html")
    assert taken_over(before, page, [difference]) == page.content
    assert evolved(before, document())[0].difference.after == "no body"


def test_one_difference_is_taken_over_and_nothing_else() -> None:
    schemas = {"Item": obj(a=STRING, b=STRING)}
    before = Document(
        {
            "openapi": "3.1.0",
            "paths": {path: {"get": {"responses": {"200": {"content": {"application/json": {"schema": REF}}}}}}
                      for path in ("/x", "/y")},
            "components": {"schemas": schemas},
        }
    )  # fmt: skip
    content = copy.deepcopy(dict(before.content))
    content["components"]["schemas"]["Item"] = obj(a=INTEGER, b=INTEGER)
    now = Document(content)
    every = evolved(before, now)
    assert [(each.operation.name, each.difference.path) for each in every] == [
        ("GET /x", "$.a"), ("GET /x", "$.b"), ("GET /y", "$.a"), ("GET /y", "$.b"),
    ]  # fmt: skip
    half = Document(taken_over(before, now, every[:1]))
    assert evolved(half, now) == every[1:]
    assert half.content["paths"]["/y"] == before.content["paths"]["/y"]
    assert half.content["components"] == before.content["components"]


def test_a_shared_response_is_taken_apart_before_it_is_changed() -> None:
    response = {"description": "", "content": {"application/json": {"schema": obj(a=STRING)}}}
    content = {
        "openapi": "3.1.0",
        "paths": {path: {"get": {"responses": {"200": {"$ref": "#/components/responses/R"}}}} for path in ("/x", "/y")},
        "components": {"responses": {"R": response}},
    }
    changed = json.loads(json.dumps(content).replace('"string"', '"integer"'))
    before, now = Document(content), Document(changed)
    every = evolved(before, now)
    half = Document(taken_over(before, now, every[:1]))
    assert evolved(half, now) == every[1:]


_leaf = st.sampled_from([
    STRING, INTEGER, {"type": "number"}, {"type": ["string", "null"]}, {"enum": ["a", "b"]}, {"enum": ["a", "c"]},
    {"const": "a"},
    {"type": "string", "format": "uuid"}, {"type": "string", "deprecated": True}, {"type": "integer", "maximum": 3}, {},
    {"type": "integer", "maximum": 4, "minimum": 1}, {"type": "string", "default": "x"},
    {"type": "string", "pattern": "a"},
])  # fmt: skip


def _objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    properties = st.dictionaries(st.sampled_from("abcd"), inner, max_size=3)
    return properties.flatmap(
        lambda held: st.lists(st.sampled_from(sorted(held) or ["a"]), unique=True).map(
            lambda needed: obj([name for name in needed if name in held], **held)
        )
    )


_schemas = st.recursive(
    _leaf,
    lambda inner: (
        _objects(inner)
        | inner.map(lambda each: {"type": "array", "items": each})
        | inner.map(lambda each: {"type": "object", "additionalProperties": each})
        | st.tuples(inner, inner).map(lambda pair: {"anyOf": [{**pair[0], "title": "A"}, {**pair[1], "title": "B"}]})
    ),
    max_leaves=6,
)


@given(old=_schemas, new=_schemas)
def test_all_differences_taken_over_in_any_order_leave_none(old: Any, new: Any) -> None:
    before, now = document(old), document(new)
    every = evolved(before, now)
    assert taken_over(before, now, every) == now.content
    one_by_one = before
    for _ in range(len(every)):
        one_by_one = Document(taken_over(one_by_one, now, evolved(one_by_one, now)[-1:]))
    assert evolved(one_by_one, now) == []


_values = st.recursive(
    st.sampled_from(["a", "b", "x", 1, 2.5, 9, None, "6e6e2b0c-5f0c-4a51-8a0e-3a7f0d9b7f11"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=5,
)


@given(old=_schemas, new=_schemas, values=st.lists(_values, min_size=1, max_size=8))
def test_documents_that_allow_different_values_are_never_alike(old: Any, new: Any, values: list[Any]) -> None:
    before, now = (Draft202012Validator(each, validate_formats=True) for each in (old, new))
    if any(before.is_valid(value) != now.is_valid(value) for value in values):
        assert evolved(document(old), document(new)) != []


def test_differences_can_be_taken_over_in_every_order() -> None:
    before = document(obj(a=STRING, b={"enum": ["x", "y"]}, c={"type": "integer", "maximum": 5}))
    now = document(
        obj(
            ["c"], a={"type": ["string", "null"]}, b={"enum": ["x", "z"]}, c={"type": "integer", "maximum": 9}, d=STRING
        )
    )
    every = evolved(before, now)
    assert len(every) == 7
    for order in itertools.islice(itertools.permutations(every), 0, 5040, 97):
        assert _in_order(before, now, order) == now.content


def _in_order(before: Document, now: Document, order: tuple[Evolved, ...]) -> Any:
    for each in order:
        left = evolved(before, now)
        before = Document(taken_over(before, now, [each]))
        assert evolved(before, now) == [one for one in left if one != each]
    return before.content


def test_a_difference_says_both_sides() -> None:
    (each,) = evolved(document(obj(a=INTEGER)), document(obj(a={"type": ["integer", "null"]})))
    assert (each.difference.before, each.difference.after) == ("integer", "integer or null")
    (each,) = evolved(document(obj(a={"type": "integer", "maximum": 5})), document(obj(a=INTEGER)))
    assert (each.difference.before, each.difference.after) == ("maximum 5", "no maximum")
    (each,) = evolved(document(obj(a=STRING)), document(obj(a={"type": "string", "default": None})))
    assert (each.difference.before, each.difference.after) == (ABSENT, None)
