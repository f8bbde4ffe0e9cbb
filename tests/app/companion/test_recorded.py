"""`/api/chat` on both databases with recordings in place of the model: nothing listens where it is asked."""

from __future__ import annotations

from typing import Any

import pytest

import acetate
from app.settings import Settings
from tests.app.companion.conftest import told
from tests.app.companion.streams import events, text_of
from tests.recorded.models import DEEPSEEK, LLAMA, LLAMA_TOOLS, MAVERICK
from tests.recorded.place import REPOSITORY, URL

CHAT = "/api/chat"
MODELS = {"vllm": LLAMA, "legacy": LLAMA_TOOLS, "maverick": MAVERICK, "reasoning": DEEPSEEK}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return told(settings, together_base_url=URL, companion_recall_threshold=0.99)


@pytest.fixture
def user(client, me):
    client.headers.update(me)
    return client


def recording(name: str) -> Any:
    return acetate.use_cassette(f"cassettes/companion/{name}", root=REPOSITORY)


def companion(user, **said):
    return user.post("/api/v1/companions/", json={"name": "Ada", "remembers": False, **said}).json()["id"]


@pytest.mark.parametrize("model", MODELS)
def test_a_reply_and_a_stream_say_the_same(user, model):
    asked = {"message": "Say hello.", "companion_id": companion(user, model=MODELS[model])}
    with recording(f"replies/plain[{model}]"):
        plain = user.post(CHAT, json=asked).json()
    with recording(f"replies/stream[{model}]"):
        streamed = events(user.post(CHAT, json=asked | {"stream": True}).text)
    assert text_of(streamed) == streamed[-1][1]["reply"]["content"] != ""
    assert plain["reply"]["content"]


@pytest.mark.parametrize("way", ["plain", "stream"])
def test_a_tool_is_called_in_between(user, way):
    asked = {"message": "What does the calculator say?", "companion_id": companion(user, tools=["calculator"])}
    with recording(f"replies/tools[{way}]") as cassette:
        answer = user.post(CHAT, json=asked | {"stream": way == "stream"})
    assert answer.status_code == 200
    assert "the tool says" in answer.text
    assert cassette.play_count == 2


def test_what_was_said_is_recalled(user):
    ada = companion(user, remembers=True)
    with recording("replies/memory"):
        user.post(CHAT, json={"message": "My sister is Edda.", "companion_id": ada})
        again = user.post(CHAT, json={"message": "My sister is Edda.", "companion_id": ada}).json()
    assert [each["content"] for each in again["recalled"]] == ["My sister is Edda."]


@pytest.mark.parametrize(
    ("status", "told"), [(401, 502), (402, 502), (404, 502), (422, 502), (429, 429), (503, 502), (504, 504)]
)
@pytest.mark.parametrize("form", ["json", "text", "html"])
def test_a_refusal_is_told_as_documented(user, status, told, form):
    with recording(f"refusals/status[{form}-{status}]"):
        answer = user.post(CHAT, json={"message": "Say hello.", "companion_id": companion(user)})
    assert answer.status_code == told
    assert answer.json()["code"].startswith("provider-")
