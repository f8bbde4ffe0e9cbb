"""`/api/v1/companions/`: personas, each its owner's."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.app.engines import ONLY_SQLITE

COMPANIONS = "/api/v1/companions/"
ADA = {
    "name": " Ada ",
    "system_prompt": "You are Ada.",
    "model": "deepseek-ai/DeepSeek-V3.1",
    "temperature": 0.5,
    "top_p": 1,
    "max_tokens": 100,
    "tools": ["clock"],
    "remembers": False,
}


def test_a_companion_is_kept_as_it_was_described(user):
    made = user.post(COMPANIONS, json=ADA)
    assert made.status_code == 201
    body = made.json()
    assert {name: body[name] for name in ADA} == ADA | {"name": "Ada"}
    assert user.get(COMPANIONS + body["id"]).json() == body
    assert user.get(COMPANIONS).json() == {"items": [body], "total": 1}


@ONLY_SQLITE
def test_a_name_is_enough(user, settings):
    body = user.post(COMPANIONS, json={"name": "Ada"}).json()
    assert body["model"] == settings.companion_model
    assert (body["tools"], body["remembers"], body["temperature"]) == ([], True, None)


@ONLY_SQLITE
@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": "  "},
        {"name": "x" * 101},
        {"name": None},
        {"temperature": 2.1},
        {"temperature": "hot"},
        {"top_p": 0},
        {"max_tokens": 0},
        {"max_tokens": 10**30},
        {"tools": ["no such tool"]},
        {"tools": "clock"},
        {"system_prompt": "x" * 8001},
        {"model": ""},
        {"owner": "me"},
    ],
    ids=str,
)
def test_what_does_not_fit_is_a_422_in_making_and_in_changing(user, change):
    assert user.post(COMPANIONS, json={"name": "Ada", **change}).status_code == 422
    made = user.post(COMPANIONS, json={"name": "Ada"}).json()
    assert user.patch(COMPANIONS + made["id"], json=change).status_code == 422
    assert user.get(COMPANIONS + made["id"]).json() == made


@ONLY_SQLITE
def test_not_a_number_is_a_422(user):
    content = b'{"name": "Ada", "temperature": NaN}'
    assert user.post(COMPANIONS, content=content, headers={"content-type": "application/json"}).status_code == 422


def test_what_is_left_out_stays_and_null_is_the_models_own(user):
    made = user.post(COMPANIONS, json=ADA).json()
    changed = user.patch(COMPANIONS + made["id"], json={"temperature": None, "name": "Eve"}).json()
    same = {name for name in made if made[name] == changed[name]}
    assert set(made) - same == {"temperature", "name", "updated_at"}
    assert changed["temperature"] is None


def test_a_tool_is_given_once(user):
    given = user.post(COMPANIONS, json=ADA | {"tools": ["clock", "calculator", "clock"]}).json()["tools"]
    assert given == ["clock", "calculator"]


def test_who_names_nobody_talks_to_their_first_companion(user):
    first, _ = (user.post(COMPANIONS, json=ADA | {"name": name}).json()["id"] for name in ("Ada", "Bob"))
    answer = user.post("/api/chat", json={"message": "Hello?"}).json()
    talk = user.get(f"/api/v1/conversations/{answer['conversation_id']}").json()
    assert talk["companion_id"] == first
    assert user.get(COMPANIONS).json()["total"] == 2


def test_a_companion_with_conversations_is_not_deleted(user):
    made = user.post(COMPANIONS, json=ADA).json()
    talk = user.post("/api/v1/conversations/", json={"companion_id": made["id"]}).json()
    refused = user.delete(COMPANIONS + made["id"])
    assert (refused.status_code, refused.json()["code"]) == (409, "companion-in-use")
    user.delete(f"/api/v1/conversations/{talk['id']}")
    assert user.delete(COMPANIONS + made["id"]).status_code == 204
    assert user.get(COMPANIONS + made["id"]).status_code == 404


@ONLY_SQLITE
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_what_is_anothers_or_nobodys_is_a_404(user, other, method):
    made = user.post(COMPANIONS, json=ADA).json()["id"]
    body = {"json": {"name": "Mine"}} if method == "PATCH" else {}
    for companion, headers in ((made, other), (str(uuid4()), {})):
        answer = user.request(method, COMPANIONS + companion, headers=headers, **body)
        assert (answer.status_code, answer.json()["code"]) == (404, "companion-not-found")
    assert user.get(COMPANIONS, headers=other).json()["total"] == 0


@ONLY_SQLITE
@pytest.mark.parametrize("wrong", ["1", "not-a-uuid", "%00", "a" * 500])
def test_an_id_that_is_no_uuid_is_a_422(user, wrong):
    assert user.get(COMPANIONS + wrong).status_code == 422


@ONLY_SQLITE
def test_the_tools_that_there_are_can_be_listed(user):
    assert [tool["name"] for tool in user.get("/api/v1/tools/").json()["items"]] == ["calculator", "clock"]
