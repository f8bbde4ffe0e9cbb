"""Two processes of the service on one PostgreSQL: what is said to one is heard at the other, also when it dies."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta

import httpx
import pytest
from websockets.sync.client import connect

from app.database import Database
from app.models import Message, now
from tests.app.companion.live import Live, serving
from tests.app.engines import ONLY_POSTGRESQL
from tests.app.postgres import Server
from tests.standin.server import Standin

CHAT = "/api/chat"
WORDS = [f"word{number}" for number in range(60)]

pytestmark = ONLY_POSTGRESQL


@pytest.fixture
def model() -> Iterator[Standin]:
    with Standin() as standin:
        standin.script(pause=0.05, say=" ".join(WORDS))
        yield standin


@pytest.fixture
def processes(engine: str, postgres_server: Server, model: Standin) -> Iterator[tuple[Live, Live]]:
    url = postgres_server.empty()
    with serving(url, model) as here, serving(url, model) as there:
        yield here, there
    postgres_server.drop(url)


@contextmanager
def device(live: Live, headers: dict[str, str]) -> Iterator[Iterator[dict]]:
    """What a device of the user hears at this process from now on."""
    with connect(f"{live.url.replace('http', 'ws', 1)}/api/v1/ws") as socket:
        socket.send(json.dumps({"type": "auth", "token": headers["Authorization"].removeprefix("Bearer ")}))
        heard = (json.loads(socket.recv(timeout=30)) for _ in iter(int, 1))
        assert next(heard)["type"] == "welcome"
        yield heard


def until(heard: Iterator[dict], kind: str, status: str) -> list[dict]:
    """All that is heard up to the news of a message with that status."""
    messages = []
    for message in heard:
        messages.append(message)
        if message.get("kind") == kind and message["data"]["status"] == status:
            break
    return messages


def test_a_device_at_one_process_hears_tokens_and_messages_that_the_other_has(processes):
    here, there = processes
    mara, vera = here.signed_up("mara"), here.signed_up("vera")
    with device(there, mara) as heard, httpx.Client(base_url=here.url, timeout=30) as client:
        client.post(CHAT, json={"message": "Not for Mara."}, headers=vera)
        answer = client.post(CHAT, json={"message": "Hello?", "stream": True}, headers=mara)
        messages = until(heard, "message.created", "complete")
    events = [message for message in messages if message["type"] == "event"]
    assert [message["number"] for message in events] == list(range(1, len(events) + 1))
    assert [event["data"]["content"] for event in events if event["kind"] == "message.created"] == [
        "Hello?",
        " ".join(WORDS),
    ]
    said = "".join(message["text"] for message in messages if message["type"] == "token")
    assert said
    assert " ".join(WORDS).startswith(said)
    assert events[-1]["data"]["id"] in answer.text


def test_what_a_killed_process_left_is_ended_by_the_other_and_heard_there(processes, model):
    here, there = processes
    mara = here.signed_up("mara")
    with device(there, mara) as heard, httpx.Client(base_url=here.url, headers=mara, timeout=30) as client:
        with client.stream("POST", CHAT, json={"message": "Hello?", "stream": True}) as answer:
            lines = answer.iter_lines()
            assert any("word3" in line for line in lines)
            here.process.send_signal(signal.SIGKILL)
            with pytest.raises(httpx.RemoteProtocolError):
                list(lines)
        with closing(Database(there.settings.database_url)) as database, database.write() as session:
            session.query(Message).update({"pending_until": now() - timedelta(seconds=1)})  # its time goes by
        messages = until(heard, "message.changed", "unanswered")
        question = messages[-1]["data"]
        model.script(say="There I am.")
        again = {"message": "Still there?", "conversation_id": question["conversation_id"]}
        answered = httpx.post(there.url + CHAT, json=again, headers=mara, timeout=30).json()
    assert question["content"] == "Hello?"
    assert answered["reply"]["content"] == "There I am."
