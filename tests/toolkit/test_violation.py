"""Where a response breaks its contract."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acetate.change import ABSENT
from acetate.contract import Contract, Schema
from acetate.derivation import Sample, derive
from acetate.errors import ApprovedFileError
from acetate.mask import mask
from acetate.provider import Operation, RuleNode, Rules
from acetate.violation import Validator
from tests.toolkit.bodies import RULES, mutated, objects

CALL = Operation("generic", "POST /things")


def validator(
    *bodies: Any, pinned: dict[str, Schema] | None = None, rules: Rules = RULES, reply: Any = None
) -> Validator:
    """Of a contract that was derived from these bodies."""
    samples = [Sample("m", {}, (mask(body, rules),), mask(reply, rules)) for body in bodies]
    return Validator(Contract(derive(CALL, 200, reply is not None, samples, rules, pinned or {}), "contracts/x.json"))


def written(schema: Schema) -> Validator:
    """Of a contract that a person wrote at `$.x`."""
    return validator({"x": 1}, pinned={"$.x": {**schema, "x-acetate": {"pinned": True}}})


def found(check: Validator, body: Any) -> list[tuple[Any, ...]]:
    return [(each.kind, each.path, each.before, each.after) for each in check.check(body)]


BODY: dict[str, Any] = {
    "id": "x",
    "object": "list",
    "created_at": "2026-01-01T00:00:00Z",
    "status": "stop",
    "usage": {"tokens": 2**70},
    "tags": [{"role": "a", "score": 0.5}],
}


def test_what_was_approved_breaks_nothing() -> None:
    assert validator(BODY).check(BODY) == []


@given(st.lists(objects, min_size=1, max_size=3))
def test_no_approved_body_breaks_its_contract(bodies: list[Any]) -> None:
    check = validator(*bodies)
    assert [check.check(body) for body in bodies] == [[] for _ in bodies]


@given(objects.flatmap(lambda body: st.tuples(st.just(body), mutated(body))))
def test_no_body_makes_a_check_crash_or_reports_a_path_twice(both: tuple[Any, Any]) -> None:
    approved, body = both
    paths = [each.path for each in validator(approved).check(body) if not each.kind.startswith(("field-m", "body-"))]
    assert len(paths) == len(set(paths))


@pytest.mark.parametrize(
    ("edit", "difference"),
    [
        ({"id": None}, ("became-nullable", "$.id", "string", "null")),
        ({"usage": {"tokens": 1.5}}, ("type-widened", "$.usage.tokens", "integer", "number")),
        ({"usage": "none"}, ("object-became-scalar", "$.usage", "object", "string")),
        ({"status": "eos"}, ("enum-value-added", "$.status", ABSENT, "eos")),
        ({"status": None}, ("became-nullable", "$.status", "string", "null")),
        ({"object": "page"}, ("const-changed", "$.object", "list", "page")),
        ({"created_at": "yesterday"}, ("format-lost", "$.created_at", "date-time", "text")),
        ({"tags": []}, ("array-may-be-empty", "$.tags", "array", "empty array")),
        ({"text": 1}, ("field-added", "$.text", ABSENT, "integer")),
        ({"usage": {}}, ("field-removed", "$.usage.tokens", "integer", ABSENT)),
        ({"tags": [{"role": "a", "score": "high"}]}, ("type-changed", "$.tags[].score", "number", "string")),
        ({"usage": {"count": 7}}, ("field-renamed", "$.usage.tokens", "$.usage.tokens", "$.usage.count")),
    ],
)
def test_each_break_is_one_difference(edit: dict[str, Any], difference: tuple[Any, ...]) -> None:
    assert found(validator({**BODY, "status": "stop"}, BODY), {**BODY, **edit}) == [difference]


def test_a_field_that_moved_is_one_difference() -> None:
    body = {key: value for key, value in BODY.items() if key != "usage"}
    assert found(validator(BODY), {**body, "meta": {"usage": BODY["usage"]}}) == [
        ("field-moved", "$.usage", "$.usage", "$.meta.usage")
    ]


def test_a_body_in_an_envelope_is_one_difference() -> None:
    assert found(validator(BODY), {"data": BODY}) == [("body-wrapped", "$", "$", "$.data")]


def test_a_field_that_only_one_item_calls_otherwise_was_not_renamed() -> None:
    check = validator({"tags": [{"role": "a"}]})
    assert found(check, {"tags": [{"role": "a"}, {"name": "a"}]}) == [
        ("field-removed", "$.tags[].role", "string", ABSENT),
        ("field-added", "$.tags[].name", ABSENT, "string"),
    ]


def test_many_items_break_a_contract_in_the_same_way_once() -> None:
    check = validator({"tags": [{"score": 1.5}]})
    body = {"tags": [{"score": "a"}, {"score": "b"}, {"score": 1.5}]}
    assert [(each.path, each.at) for each in check.check(body)] == [("$.tags[].score", "$.tags[0].score")]


def test_the_values_of_a_map_are_checked_and_its_keys_are_free() -> None:
    rules = Rules(RuleNode(children={"scores": RuleNode(is_map=True)}), {})
    check = validator({"scores": {"a": 1}}, rules=rules)
    assert found(check, {"scores": {"b": 2, "properties": 3}}) == []
    [broken] = check.check({"scores": {"b.c": "x"}})
    assert (broken.kind, broken.path, broken.at) == ("type-changed", "$.scores{*}", '$.scores["b.c"]')


def test_odd_property_names_are_checked_like_any_other() -> None:
    odd = {"properties": {"items": [{"a.b": 1}]}, "required": "x"}
    assert validator(odd).check(odd) == []
    assert found(validator(odd), {**odd, "properties": {"items": [{"a.b": "1"}]}}) == [
        ("type-changed", '$.properties.items[]["a.b"]', "integer", "string")
    ]


def test_the_reply_of_a_stream_is_checked_by_itself() -> None:
    check = validator({"text": "a"}, reply={"usage": {"tokens": 1}})
    assert check.check_reply({"usage": {"tokens": 2**70}}) == []
    [broken] = check.check_reply({"usage": {"tokens": None}})
    assert (broken.kind, broken.path) == ("became-nullable", "$reply.usage.tokens")
    assert validator({"text": "a"}).check_reply({"anything": 1}) == []


@pytest.mark.parametrize("number", [2**53 + 1, 2**63, 2**64, 2**70, -(2**70), 10**400])
def test_integers_of_any_size_are_integers(number: int) -> None:
    check = validator(BODY)
    assert check.check({**BODY, "usage": {"tokens": number}}) == []
    assert [each[0] for each in found(check, {**BODY, "id": number})] == ["type-changed"]


def test_a_lone_surrogate_is_checked_like_any_other_text() -> None:
    check = validator(BODY)
    assert check.check({**BODY, "id": "\ud800"}) == []
    assert [each[0] for each in found(check, {**BODY, "id": "\ud800", "usage": 1})] == ["object-became-scalar"]
    assert [each[0] for each in found(check, {**BODY, "created_at": "\ud800"})] == ["format-lost"]


@pytest.mark.parametrize(
    ("schema", "value", "kind"),
    [
        ({"type": "integer", "maximum": 5}, 6, "range-widened"),
        ({"type": "integer", "minimum": 5}, 4, "range-widened"),
        ({"exclusiveMaximum": 5}, 5, "range-widened"),
        ({"exclusiveMinimum": 5}, 5, "range-widened"),
        ({"type": "string", "maxLength": 1}, "ab", "range-widened"),
        ({"type": "string", "minLength": 1}, "", "range-widened"),
        ({"type": "array", "maxItems": 1}, [1, 2], "range-widened"),
        ({"type": "array", "minItems": 2}, [1], "range-widened"),
        ({"type": "array", "minItems": 1}, [], "array-may-be-empty"),
        ({"type": "string", "pattern": "^a"}, "b", "pattern-changed"),
        ({"type": "string", "format": "uuid"}, "b", "format-lost"),
        ({"enum": ["a"]}, 1, "enum-value-added"),
        ({"const": "a"}, "b", "const-changed"),
        ({"type": "object", "required": ["a"]}, {}, "field-removed"),
        (
            {"type": "object", "additionalProperties": False, "patternProperties": {"^p": {}}},
            {"p": 1, "q": 1},
            "field-added",
        ),
        ({"type": "array", "prefixItems": [{"type": "integer"}]}, ["a"], "type-changed"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 1, "unclassified"),
        ({"not": {"type": "integer"}}, 1, "unclassified"),
        ({"type": "string", "pattern": "^\\p{Lu}"}, "b", "unclassified"),
    ],
)
def test_what_a_person_wrote_is_enforced(schema: Schema, value: Any, kind: str) -> None:
    assert [each[0] for each in found(written(schema), {"x": value})] == [kind]


def test_what_a_person_left_open_stays_open() -> None:
    assert found(written({"type": "object", "properties": {"a": {"type": "integer"}}}), {"x": {"a": 1, "b": 2}}) == []


def test_a_removed_field_without_a_type_was_anything() -> None:
    schema = {"type": "object", "required": ["a", "b"], "properties": {"b": True}}
    assert found(written(schema), {"x": {}}) == [
        ("field-removed", "$.x.a", "anything", ABSENT),
        ("field-removed", "$.x.b", "anything", ABSENT),
    ]


@pytest.fixture
def listener() -> Iterator[tuple[int, list[Any]]]:
    """A port of this machine, and everybody who came."""
    came: list[Any] = []
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.05)
    over = threading.Event()

    def listen() -> None:
        while not over.is_set():
            try:
                connection, address = server.accept()
            except TimeoutError:
                continue
            came.append(address)
            connection.close()

    thread = threading.Thread(target=listen)
    thread.start()
    yield server.getsockname()[1], came
    over.set()
    thread.join()
    server.close()


@pytest.mark.parametrize("keyword", ["$ref", "$dynamicRef"])
@pytest.mark.parametrize("address", ["http://127.0.0.1:{port}/x.json", "http://localhost:{port}/x.json#/a", "{file}"])
def test_no_reference_is_ever_fetched(
    keyword: str, address: str, listener: tuple[int, list[Any]], tmp_path: Path
) -> None:
    port, came = listener
    file = tmp_path / "x.json"
    file.write_text('{"type": "integer"}', encoding="utf-8")
    check = written({keyword: address.format(port=port, file=file.as_uri())})
    for body in ({"x": 1}, {"x": "\ud800"}):
        with pytest.raises(ApprovedFileError) as caught:
            check.check(body)
        assert caught.value.where == "contracts/x.json"
        assert "x.json" in caught.value.problem
    assert came == []


def test_a_listener_would_have_seen_a_fetch(listener: tuple[int, list[Any]]) -> None:
    port, came = listener
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.recv(1)
    assert len(came) == 1


@pytest.mark.parametrize(
    "schema", [{"type": "strin"}, {"$ref": "#/$defs/gone"}, {"$ref": "other.json"}, {"pattern": "("}, {"minimum": "1"}]
)
def test_a_contract_that_is_no_schema_is_a_named_error(schema: Schema) -> None:
    with pytest.raises(ApprovedFileError) as caught:
        written(schema).check({"x": 1})
    assert caught.value.where == "contracts/x.json"
    assert "accept --rebuild" in caught.value.next


def test_another_dialect_is_not_fetched(listener: tuple[int, list[Any]]) -> None:
    port, came = listener
    document = {"$schema": f"http://127.0.0.1:{port}/dialect", "$id": f"http://127.0.0.1:{port}/id", "type": "object"}
    assert [each.kind for each in Validator(Contract(document)).check([])] == ["type-changed"]
    assert came == []
