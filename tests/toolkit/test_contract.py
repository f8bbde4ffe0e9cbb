"""What a contract document says, and documents that cannot be read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from acetate.contract import VERSION, Contract, pinned_in, read_contract
from acetate.errors import ApprovedFileError

PINNED = {"type": "string", "pattern": "^a", "x-acetate": {"pinned": True}}
DOCUMENT: dict[str, Any] = {
    "type": "object",
    "required": ["id", "choices"],
    "properties": {
        "id": PINNED,
        "choices": {
            "type": "array",
            "minItems": 1,
            "x-acetate": {"presence": "3 of 3"},
            "items": {
                "type": "object",
                "properties": {
                    "finish_reason": {
                        "type": ["null", "string"],
                        "enum": ["eos", "stop", None],
                        "x-acetate": {"values": {"a": ["eos"], "b": ["stop"]}},
                    },
                    "anything": True,
                },
            },
        },
        "object": {"const": "list"},
        "scores": {"type": "object", "additionalProperties": {"type": "number"}},
        "tags": {"type": ["array", "null"]},
    },
    "$defs": {"reply": {"type": "object", "properties": {"text": PINNED}}},
    "x-acetate": {"version": VERSION},
}
CONTRACT = Contract(DOCUMENT, "contracts/x.json")


def test_a_contract_knows_the_paths_of_the_body_and_of_the_reply() -> None:
    assert set(CONTRACT.facts) == {
        "$", "$.id", "$.choices", "$.choices[]", "$.choices[].finish_reason", "$.object", "$.scores", "$.scores{*}",
        "$.tags", "$reply", "$reply.text",
    }  # fmt: skip


def test_a_property_is_required_where_the_document_says_so() -> None:
    assert [CONTRACT.requires(path) for path in ("$.id", "$.object", "$.gone")] == [True, False, False]


def test_types_are_those_of_the_document() -> None:
    assert CONTRACT.types("$.choices[].finish_reason") == {"null", "string"}
    assert CONTRACT.types("$.scores{*}") == {"number"}
    assert CONTRACT.types("$.gone") == frozenset()


def test_values_are_told_by_model_where_models_differ() -> None:
    path = "$.choices[].finish_reason"
    assert CONTRACT.values(path, "a") == {"eos"}
    assert CONTRACT.values(path, "another") == frozenset()
    assert CONTRACT.values(path, None) == {"eos", "stop", None}
    assert CONTRACT.values("$.object", "another") == {"list"}
    assert CONTRACT.values("$.gone", None) == frozenset()


def test_values_that_are_no_scalars_are_nobody_s_literals() -> None:
    assert Contract({"enum": [["a"], "b", {}]}).values("$", None) == {"b"}


def test_an_array_may_be_empty_where_no_items_are_demanded() -> None:
    assert [CONTRACT.may_be_empty(path) for path in ("$.tags", "$.choices", "$.id", "$.gone")] == [
        True, False, False, False,
    ]  # fmt: skip


def test_presence_is_told_where_it_was_counted() -> None:
    assert CONTRACT.presence("$.choices") == "3 of 3"
    assert CONTRACT.presence("$.id") is None
    assert CONTRACT.presence("$.gone") is None


def test_what_a_person_wrote_is_found_by_its_path() -> None:
    assert pinned_in(DOCUMENT) == {"$.id": PINNED, "$reply.text": PINNED}


def test_what_lies_inside_a_pinned_part_belongs_to_it() -> None:
    outer = {"properties": {"id": PINNED}, "x-acetate": {"pinned": True}}
    assert pinned_in({"items": outer, "additionalProperties": outer}) == {"$[]": outer, "${*}": outer}
    assert pinned_in(outer) == {"$": outer}


def test_a_document_is_read_as_it_was_written() -> None:
    assert read_contract(json.dumps(DOCUMENT).encode(), "here").document == DOCUMENT


def test_a_document_without_evidence_is_a_contract_too() -> None:
    assert read_contract(b'{"type": "object"}', "here").types("$") == {"object"}


def test_conflict_markers_are_named_with_their_cure() -> None:
    with pytest.raises(ApprovedFileError) as caught:
        read_contract(b'{\n<<<<<<< HEAD\n"a": 1\n=======\n>>>>>>> b\n}', "contracts/x.json")
    assert "merge conflict" in caught.value.problem
    assert caught.value.where == "contracts/x.json"
    assert "acetate accept --rebuild" in caught.value.next


def test_text_that_only_speaks_of_conflict_markers_is_none() -> None:
    assert read_contract(b'{"description": "the sign <<<<<<< HEAD"}', "here").document


def test_a_newer_contract_is_not_guessed_at() -> None:
    with pytest.raises(ApprovedFileError, match="newer Acetate"):
        read_contract(b'{"x-acetate": {"version": 99}, "properties": []}', "here")


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"[]",
        b"7",
        b"[" * 100_000,
        b'{"x-acetate": []}',
        b'{"x-acetate": {"version": "1"}}',
        b'{"properties": []}',
        b'{"required": 7}',
        b'{"type": [[]]}',
        b'{"properties": {"a": {"x-acetate": 7}}}',
        b'{"$defs": []}',
    ],
)
def test_a_damaged_contract_is_a_named_error(damaged: bytes) -> None:
    with pytest.raises(ApprovedFileError) as caught:
        read_contract(damaged, "contracts/x.json")
    assert caught.value.where == "contracts/x.json"
    assert "rebuild" in caught.value.next
