"""A chat in each of the dialects that Together's engines speak, plain and as a stream, with tools and with memory."""

from __future__ import annotations

import pytest

from tests.app.companion.streams import events, text_of
from tests.recorded.models import ENGINES

pytestmark = pytest.mark.vcr

CHAT = "/api/chat"
engines = pytest.mark.parametrize("model", ENGINES.values(), ids=ENGINES)


@engines
def test_plain(user, companion, model):
    answer = user.post(CHAT, json={"message": "Say hello.", "companion_id": companion(model=model)})
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert said["reply"]["content"].startswith("Voilà: you asked “Say hello.”")
    assert said["usage"]["total_tokens"] > 0
    kept = user.get(f"/api/v1/conversations/{said['conversation_id']}/messages").json()["items"]
    assert [each["content"] for each in kept] == ["Say hello.", said["reply"]["content"]]


@engines
def test_stream(user, companion, model):
    asked = {"message": "Say hello.", "stream": True, "companion_id": companion(model=model)}
    told = events(user.post(CHAT, json=asked).text)
    assert (told[0][0], told[-1][0]) == ("start", "done")
    assert text_of(told) == told[-1][1]["reply"]["content"] != ""


@engines
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_tools(user, companion, stream, model):
    ada = companion(tools=["calculator"], model=model)
    asked = {"message": "What does the calculator say?", "companion_id": ada}
    answer = user.post(CHAT, json=asked | {"stream": stream})
    assert answer.status_code == 200, answer.text
    reply = events(answer.text)[-1][1]["reply"] if stream else answer.json()["reply"]
    assert "the tool says" in reply["content"]


def test_conversation(user, companion):
    first = user.post(CHAT, json={"message": "My name is Ada.", "companion_id": companion()}).json()
    second = user.post(CHAT, json={"message": "Who am I?", "conversation_id": first["conversation_id"]}).json()
    assert second["conversation_id"] == first["conversation_id"]
    listed = user.get("/api/v1/conversations/").json()
    assert [each["id"] for each in listed["items"]] == [first["conversation_id"]]
    assert len(user.get(CHAT, params={"conversation_id": first["conversation_id"]}).json()["items"]) == 4


def test_memory(user, companion):
    ada = companion(remembers=True)
    user.post(CHAT, json={"message": "My sister is Edda.", "companion_id": ada})
    again = user.post(CHAT, json={"message": "My sister is Edda.", "companion_id": ada}).json()
    assert [each["content"] for each in again["recalled"]] == ["My sister is Edda."]
    (kept, *_) = user.get("/api/v1/memories/").json()["items"]
    assert user.delete(f"/api/v1/memories/{kept['id']}").status_code == 204
