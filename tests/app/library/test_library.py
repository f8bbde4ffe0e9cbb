"""What is approved in a project, as its runs brought it, on both databases."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest

from app.models import Role
from tests.app.bundles import bundle, change

USAGE = change("$.usage")
PATH = "contracts/together/chat.completions/200.json"


def contract(number: int, of: int, *, required: bool = False, field: str = "usage") -> str:
    """A contract in which `$.usage` was there so often."""
    held = {"type": "object", "x-acetate": {"presence": f"{number} of {of}"}} if number else None
    return json.dumps(
        {
            "type": "object",
            "properties": {field: held, "id": {"enum": ["a"], "type": "string"}} if held else {"id": {}},
            "required": [field] if required else [],
            "x-acetate": {
                "version": 1,
                "provider": "together",
                "operation": "chat.completions",
                "status": 200,
                "stream": False,
                "exchanges": of,
                "models": {"llama": of},
                "recorded": {"first": "2026-10-11", "last": "2026-11-22"},
            },
        }
    )


def with_contracts(body: dict[str, Any], **texts: str) -> dict[str, Any]:
    """A bundle that brings contracts too, the same on both sides."""
    for path, text in texts.items():
        digest = sha256(text.encode()).hexdigest()
        body["contracts"][path] = {"approved": digest, "now": digest}
        body["files"][digest] = text
    return body


@pytest.fixture
def push(client, ci_token):
    def push(body) -> str:
        answer = client.post("/api/v1/runs", json=body, headers=ci_token(body["project"]))
        assert answer.status_code in (200, 201), answer.text
        return answer.json()["id"]

    return push


@pytest.fixture
def ask(client, as_role):
    """The answer to a question to the library; its status where that is another than 200."""

    def ask(what: str = "", project: str = "chat", **asked):
        answer = client.get(
            f"/api/v1/library{what}", params={"project": project, **asked}, headers=as_role(Role.VIEWER)
        )
        return answer.json() if answer.status_code == 200 else answer.status_code

    return ask


FIELD = {"provider": "together", "operation": "chat.completions", "status": 200, "path": "$.usage"}


def test_the_shelf_holds_operations_documents_and_snapshots(push, ask):
    run = push(with_contracts(bundle(USAGE), **{PATH: contract(18, 20), "contracts/chat/openapi.json": "{}"}))
    assert ask() == {
        "run_id": run,
        "operations": [
            {
                "path": PATH,
                "provider": "together",
                "name": "chat.completions",
                "status": 200,
                "stream": False,
                "exchanges": 20,
                "models": [["llama", 20]],
                "fields": 2,
                "recorded": ["2026-10-11", "2026-11-22"],
            }
        ],
        "documents": ["contracts/chat/openapi.json"],
        "snapshots": ["cassettes/chat", "cassettes/other"],
    }


def test_a_pull_request_does_not_change_what_is_on_the_shelf(push, ask):
    run = push(with_contracts(bundle(commit="a" * 40), **{PATH: contract(1, 2)}))
    push(with_contracts(bundle(commit="b" * 40, pull_request="7", branch="x"), **{PATH: contract(2, 2)}))
    assert ask()["run_id"] == run


def test_where_there_are_only_pull_requests_the_newest_is_on_the_shelf(push, ask):
    run = push(bundle(pull_request="7"))
    assert ask()["run_id"] == run


def test_a_contract_is_told_field_by_field(push, ask):
    push(with_contracts(bundle(USAGE), **{PATH: contract(18, 20)}))
    found = ask("/contract", path=PATH)
    assert found["document"]["properties"]["id"]["enum"] == ["a"]
    by_path = {each["path"]: each for each in found["fields"]}
    assert by_path["$.usage"]["presence"] == "18 of 20"
    assert not by_path["$.usage"]["required"]
    assert by_path["$.id"]["values"] == ["a"]
    assert ask("/contract", path="contracts/other.json") == 404


def test_a_snapshot_is_shown_as_it_was_approved(push, ask):
    push(bundle(USAGE))
    (entry,) = ask("/snapshot", name="cassettes/chat")
    assert entry["operation"] == "together:chat.completions"
    assert entry["body"] == {"note": "approved"}
    assert ask("/snapshot", name="cassettes/none") == 404


def test_what_cannot_be_read_is_said_to_be_missing_and_breaks_nothing(push, ask):
    body = with_contracts(bundle(USAGE), **{PATH: "no JSON", "contracts/deep.json": "[" * 5000})
    broken = sha256(b"no snapshot").hexdigest()
    body["snapshots"]["cassettes/chat"] = {"approved": broken, "now": broken}
    body["files"][broken] = "no snapshot"
    push(body)
    assert ask()["operations"] == []
    assert ask("/contract", path=PATH) == 404
    assert ask("/snapshot", name="cassettes/chat") == 404
    assert ask("/field", **FIELD)["points"] == []


@pytest.mark.parametrize(
    "evidence",
    [
        {"exchanges": "x", "models": 5, "recorded": {"first": 1}, "provider": [], "operation": None},
        {"exchanges": None, "models": {"m": "x"}, "recorded": "x", "stream": "yes"},
    ],
)
@pytest.mark.parametrize("field", [{"enum": 5, "type": [1, "string"]}, {"x-acetate": {"presence": 3, "models": 1}}, {}])
def test_evidence_that_is_none_breaks_nothing(push, ask, evidence, field):
    known = {"provider": "together", "operation": "chat.completions", "status": 200, "version": 1}
    text = json.dumps({"properties": {"usage": field}, "x-acetate": {**known, **evidence}})
    push(with_contracts(bundle(USAGE), **{PATH: text}))
    assert ask()["operations"][0]["exchanges"] == 0
    assert {each["path"] for each in ask("/contract", path=PATH)["fields"]} == {"$", "$.usage"}
    assert ask("/field", **FIELD)["changes"]


def test_the_history_of_a_field_has_a_point_for_every_contract_that_differed(push, ask):
    for commit, text in (
        ("a", contract(20, 20, required=True)),
        ("b", contract(20, 20, required=True)),
        ("c", contract(18, 20)),
        ("d", contract(0, 20)),
    ):
        push(with_contracts(bundle(commit=commit * 40), **{PATH: text}))
    found = ask("/field", **FIELD)
    assert [(each["number"], each["of"], each["required"]) for each in found["points"]] == [
        (20, 20, True),
        (18, 20, False),
        (0, 20, False),
    ]
    assert found["first_seen"] == found["points"][0]["at"]


def test_a_field_whose_contract_counts_nothing_was_in_all_of_its_exchanges(push, ask):
    push(with_contracts(bundle(), **{PATH: contract(1, 20)}))
    found = ask("/field", **{**FIELD, "path": "$.id"})
    assert [(each["number"], each["of"]) for each in found["points"]] == [(20, 20)]


def test_another_operation_says_nothing_of_a_field(push, ask):
    push(with_contracts(bundle(USAGE), **{PATH: contract(1, 2)}))
    found = ask("/field", **{**FIELD, "status": 500})
    assert (found["points"], found["changes"], found["first_seen"]) == ([], [], None)


def test_the_history_of_a_field_has_its_changes_with_all_that_was_decided(push, ask, client, as_role):
    run = push(bundle(USAGE))
    reviewer = as_role(Role.REVIEWER)
    for decision in ("rejected", "undone", "approved"):
        (shown,) = client.get(f"/api/v1/runs/{run}/changes", headers=reviewer).json()
        body = {
            "decision": decision,
            "why": "because",
            "changes": [{"fingerprint": shown["fingerprint"], "state": shown["state"]}],
        }
        assert client.post(f"/api/v1/runs/{run}/decisions", json=body, headers=reviewer).status_code == 200
    (known,) = ask("/field", **FIELD)["changes"]
    assert known["kind"] == "field-removed"
    assert [each["decision"] for each in known["decisions"]] == ["rejected", "undone", "approved"]
    assert {each["by"] for each in known["decisions"]} == {"reviewer"}


@pytest.mark.parametrize("what", ["", "/contract", "/snapshot", "/field"])
def test_a_project_that_is_not_there_is_not_found(ask, what):
    assert ask(what, project="nobody", path=PATH, name="x", provider="p", operation="o", status=200) == 404
