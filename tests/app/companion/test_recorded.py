"""`/api/chat` on both databases with recordings in place of the model: nothing listens where it is asked."""

from __future__ import annotations

from typing import Any

import pytest

import acetate
from app.settings import Settings
from tests.app.companion.conftest import told
from tests.app.companion.streams import events, text_of
from tests.recorded.models import ENGINES, NOT_SERVED
from tests.recorded.place import REPOSITORY, URL

CHAT = "/api/chat"
dialects = pytest.mark.parametrize("dialect", ENGINES)


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


@dialects
def test_a_reply_and_a_stream_say_the_same(user, dialect):
    asked = {"message": "Say hello.", "companion_id": companion(user, model=ENGINES[dialect])}
    with recording(f"replies/plain[{dialect}]"):
        plain = user.post(CHAT, json=asked).json()
    with recording(f"replies/stream[{dialect}]"):
        streamed = events(user.post(CHAT, json=asked | {"stream": True}).text)
    assert text_of(streamed) == streamed[-1][1]["reply"]["content"] == plain["reply"]["content"]
    assert plain["reply"]["content"].startswith("Voilà: you asked “Say hello.”")


@dialects
@pytest.mark.parametrize("way", ["plain", "stream"])
def test_a_tool_is_called_in_between(user, way, dialect):
    ada = companion(user, tools=["calculator"], model=ENGINES[dialect])
    asked = {"message": "What does the calculator say?", "companion_id": ada}
    with recording(f"replies/tools[{way}-{dialect}]") as cassette:
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


@pytest.mark.parametrize(("status", "told"), [(520, 502), (522, 502), (524, 504), (529, 502)])
def test_what_cloudflare_says_in_its_place_is_told_as_documented(user, status, told):
    with recording(f"refusals/cloudflare[{status}]"):
        answer = user.post(CHAT, json={"message": "Say hello.", "companion_id": companion(user)})
    assert (answer.status_code, answer.headers["content-type"]) == (told, "application/problem+json")


@pytest.mark.parametrize("model", NOT_SERVED)
def test_a_model_that_is_not_served_is_told_as_documented(user, model):
    with recording(f"refusals/model[{model}]"):
        answer = user.post(
            CHAT, json={"message": "Say hello.", "companion_id": companion(user, model=NOT_SERVED[model])}
        )
    assert (answer.status_code, answer.json()["code"]) == (502, "provider-model-unavailable")
