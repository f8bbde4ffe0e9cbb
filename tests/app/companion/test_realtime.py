"""`/api/v1/ws`: every device of a user hears everything new, in order, once, and nobody else does."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from app.companion.realtime import connection, events
from app.companion.realtime.bus import connected
from app.companion.realtime.events import KEPT, announce, since
from app.companion.realtime.hub import Device, Hub
from app.main import create_app
from app.models import DeviceEvent
from tests.app.companion.conftest import told
from tests.app.engines import ONLY_POSTGRESQL, ONLY_SQLITE

WS, CHAT, TALKS = "/api/v1/ws", "/api/chat", "/api/v1/conversations/"


def token_of(headers):
    return headers["Authorization"].removeprefix("Bearer ")


@contextmanager
def device(client, headers, last_seen=None):
    """A connection that has been welcomed."""
    with client.websocket_connect(WS) as socket:
        socket.send_json({"type": "auth", "token": token_of(headers), "last_seen": last_seen})
        assert socket.receive_json()["type"] == "welcome"
        yield socket


def heard(socket, count):
    """So many messages; pings are answered and left out."""
    messages = []
    while len(messages) < count:
        message = socket.receive_json()
        if message["type"] == "ping":
            socket.send_json({"type": "pong"})
        else:
            messages.append(message)
    return messages


def kinds(messages):
    return [message.get("kind", message["type"]) for message in messages]


def closed_with(socket):
    with pytest.raises(WebSocketDisconnect) as caught:
        heard_all(socket)
    return caught.value.code


def heard_all(socket):
    while True:
        heard(socket, 1)


def id_of(user):
    return UUID(user.get("/api/v1/me").json()["id"])


# --- who may listen ---------------------------------------------------------------------------------------------------


@ONLY_SQLITE
@pytest.mark.parametrize(
    ("first", "code"),
    [
        ('{"type": "auth", "token": "wrong"}', 4401),
        ('{"type": "auth", "token": 7}', 4400),
        ('{"type": "auth"}', 4400),
        ('{"type": "pong"}', 4400),
        ('{"type": "auth", "token": "x", "last_seen": -1}', 4400),
        ('{"type": "auth", "token": "x", "last_seen": true}', 4400),
        ('{"type": "auth", "token": "x", "last_seen": 1e999}', 4400),
        ("[]", 4400),
        ("{", 4400),
        ("[" * 4000, 4400),
        ("x" * 5000, 4400),
        ("", 4400),
    ],
)
def test_whoever_does_not_say_who_they_are_hears_nothing(client, first, code):
    with client.websocket_connect(WS) as socket:
        socket.send_text(first)
        assert closed_with(socket) == code


@ONLY_SQLITE
def test_bytes_are_not_understood(client):
    with client.websocket_connect(WS) as socket:
        socket.send_bytes(b"\xff")
        assert closed_with(socket) == 4400


@ONLY_SQLITE
def test_who_says_nothing_is_not_waited_for(client, monkeypatch):
    monkeypatch.setattr(connection, "FIRST_MESSAGE_SECONDS", 0.05)
    with client.websocket_connect(WS) as socket:
        assert closed_with(socket) == 4408


@ONLY_SQLITE
def test_a_token_in_the_address_does_not_count(client, me, monkeypatch):
    monkeypatch.setattr(connection, "FIRST_MESSAGE_SECONDS", 0.05)
    with client.websocket_connect(f"{WS}?token={token_of(me)}") as socket:
        assert closed_with(socket) == 4408


@ONLY_SQLITE
def test_who_signs_out_hears_nothing_more(client_told, me):
    user = client_told(companion_heartbeat_seconds=0.05)
    with device(user, me) as socket:
        user.post("/logout", headers=me)
        assert closed_with(socket) == 4401


@ONLY_SQLITE
def test_one_user_has_so_many_devices_and_no_more(client, me, monkeypatch):
    monkeypatch.setattr(connection, "MOST_DEVICES", 1)
    with device(client, me), client.websocket_connect(WS) as second:
        second.send_json({"type": "auth", "token": token_of(me)})
        assert closed_with(second) == 4429


def test_nobody_hears_what_another_is_told(user, me, other):
    with device(user, me) as mine, device(user, other) as theirs:
        user.post(CHAT, json={"message": "Mine"})
        heard(mine, 3)
        user.post(CHAT, json={"message": "Theirs"}, headers=other)
        assert [event["data"].get("content") for event in heard(theirs, 3)][1] == "Theirs"


# --- what is heard ----------------------------------------------------------------------------------------------------


def test_every_device_hears_question_and_reply_in_order(user, me):
    with device(user, me) as one, device(user, me) as two:
        body = user.post(CHAT, json={"message": "Hello?"}).json()
        for socket in (one, two):
            messages = heard(socket, 5)
            _, question, answered, reply, talk = messages
            assert kinds(messages) == [
                "conversation.created",
                "message.created",
                "message.changed",
                "message.created",
                "conversation.changed",
            ]
            assert [message["number"] for message in messages] == [1, 2, 3, 4, 5]
            assert question["data"]["status"] == "pending"
            assert answered["data"] == body["message"]
            assert reply["data"] == body["reply"]
            assert talk["data"]["message_count"] == 2


def test_every_device_hears_what_an_empty_conversation_is_called_after_its_first_message(user, me):
    talk = user.post(TALKS, json={"companion_id": companion(user)}).json()
    with device(user, me) as socket:
        user.post(CHAT, json={"message": "Hello?", "conversation_id": talk["id"]})
        asked, named = heard(socket, 2)
    assert kinds([asked, named]) == ["message.created", "conversation.changed"]
    assert (named["data"]["id"], named["data"]["title"]) == (talk["id"], "Hello?")


def test_every_device_hears_the_tokens_of_a_stream_before_the_reply(user, me, together):
    together.script(pause=0.05)
    with device(user, me) as socket:
        user.post(CHAT, json={"message": "Hello?", "stream": True})
        messages = []
        while kinds(messages).count("message.created") < 2:
            messages += heard(socket, 1)
    tokens = [message for message in messages if message["type"] == "token"]
    reply = messages[-1]["data"]
    assert tokens
    assert {token["reply_to_id"] for token in tokens} == {reply["reply_to_id"]}
    assert all(reply["content"][token["offset"] :].startswith(token["text"]) for token in tokens)


@ONLY_SQLITE
def test_changes_of_conversations_and_memories_are_heard(user, me):
    talk = user.post(CHAT, json={"message": "Hello?"}).json()["conversation_id"]
    with device(user, me) as socket:
        user.patch(TALKS + talk, json={"title": "New"})
        user.delete("/api/v1/memories/")
        user.delete(TALKS + talk)
        assert kinds(heard(socket, 3)) == ["conversation.changed", "memory.forgotten", "conversation.deleted"]


@ONLY_SQLITE
def test_a_question_that_stays_unanswered_is_heard(user, me, together):
    together.script(error=400)
    with device(user, me) as socket:
        user.post(CHAT, json={"message": "Hello?"})
        assert heard(socket, 3)[-1]["data"]["status"] == "unanswered"


def test_what_was_rolled_back_is_not_heard(user, me, database):
    user_id = id_of(user)
    with device(user, me) as socket:
        with database.write() as session:
            announce(session, user_id, "test.never", {})
            session.rollback()
        user.post(TALKS, json={"companion_id": companion(user)})
        (only,) = heard(socket, 1)
        assert (only["kind"], only["number"]) == ("conversation.created", 1)


def companion(user):
    return user.post("/api/v1/companions/", json={"name": "Ada", "remembers": False}).json()["id"]


# --- away and back ----------------------------------------------------------------------------------------------------


def test_who_was_away_hears_what_was_missed_once_and_in_order(user, me):
    with device(user, me, 0) as socket:
        user.post(CHAT, json={"message": "One?"})
        seen = heard(socket, 3)[-1]["number"]
    user.post(CHAT, json={"message": "Two?"})
    with device(user, me, seen) as socket:
        user.post(CHAT, json={"message": "Three?"})
        assert [message["number"] for message in heard(socket, 6)] == [4, 5, 6, 7, 8, 9]


def test_more_than_one_batch_may_have_been_missed(user, me, database, monkeypatch):
    monkeypatch.setattr(events, "MOST_AT_ONCE", 3)
    user_id = id_of(user)
    for number in range(8):
        with database.write() as session:
            announce(session, user_id, "test", {"n": number})
    with device(user, me, 0) as socket:
        assert [message["data"]["n"] for message in heard(socket, 8)] == list(range(8))


@ONLY_SQLITE
@pytest.mark.parametrize("last_seen", [0, 99])
def test_who_was_away_for_too_long_is_told_to_start_anew(user, me, database, monkeypatch, last_seen):
    monkeypatch.setattr(events, "KEPT", 2)
    user_id = id_of(user)
    for number in range(5):
        with database.write() as session:
            announce(session, user_id, "test", {"n": number})
    with device(user, me, last_seen) as socket:
        assert heard(socket, 1) == [{"type": "resync", "last_seen": 5}]
        user.post(TALKS, json={"companion_id": companion(user)})
        assert heard(socket, 1)[0]["number"] == 6


def test_events_are_numbered_without_gaps_and_the_oldest_are_dropped(database, create_user, monkeypatch):
    user_id = create_user("mara").id
    monkeypatch.setattr(events, "KEPT", 3)
    monkeypatch.setattr(events, "TRIMMED_EVERY", 5)
    for _ in range(5):
        with database.write() as session:
            announce(session, user_id, "test", {})
    with database.read() as session:
        assert [row.number for row in session.query(DeviceEvent).order_by(DeviceEvent.number)] == [3, 4, 5]
        assert [event.number for event in since(session, user_id, 3) or []] == [4, 5]
        assert since(session, user_id, 5) == []
        assert since(session, uuid4(), 0) == []
    assert KEPT == 1000


# --- heartbeats -------------------------------------------------------------------------------------------------------


@ONLY_SQLITE
def test_a_device_that_answers_stays_and_one_that_does_not_is_left(client_told, me):
    user = client_told(companion_heartbeat_seconds=0.05)
    with device(user, me) as socket:
        for _ in range(3):
            assert socket.receive_json() == {"type": "ping"}
            socket.send_json({"type": "pong"})
        assert socket.receive_json() == {"type": "ping"}
        assert socket.receive()["code"] == 4408


@ONLY_SQLITE
def test_news_without_a_pause_keep_nobody_from_the_heartbeat(client_told, me):
    """Whoever has signed out hears nothing more, and whoever does not answer is left, also while there is news."""
    user = client_told(companion_heartbeat_seconds=0.2)
    ada = companion(user)
    with device(user, me) as socket, ThreadPoolExecutor(1) as threads:
        stopped = threading.Event()

        def talk():
            while not stopped.is_set():
                user.post(TALKS, json={"companion_id": ada})

        talking = threads.submit(talk)
        messages = []
        while kinds(messages).count("ping") < 1:
            messages.append(socket.receive_json())
        while (message := socket.receive())["type"] == "websocket.send":
            pass
        stopped.set()
        talking.result()
    assert message["code"] == 4408


@ONLY_SQLITE
def test_who_reads_nothing_is_waited_for_no_longer(user, me, monkeypatch):
    monkeypatch.setattr(connection, "CLOSE_SECONDS", 0.05)
    closing = threading.Event()

    async def never(*_):
        closing.set()
        await asyncio.sleep(60)

    monkeypatch.setattr(connection.WebSocket, "close", never)
    with device(user, me) as socket:
        socket.send_json({"type": "subscribe"})
        assert closing.wait(5)
    hub = user.app.state.companion.bus.hub
    for _ in range(100):
        if hub.connected(id_of(user)) == 0:
            break
        time.sleep(0.02)
    assert hub.connected(id_of(user)) == 0


@ONLY_SQLITE
def test_a_device_that_says_something_else_is_left(user, me):
    with device(user, me) as socket:
        socket.send_json({"type": "subscribe"})
        assert closed_with(socket) == 4400


# --- slow devices -----------------------------------------------------------------------------------------------------


async def test_a_device_that_is_slow_loses_tokens_and_is_told_and_keeps_its_place():
    device = Device(most_tokens=3)
    assert device.news().events
    for number in range(5):
        device.offer({"n": number})
    device.wake()
    news = device.news()
    assert (news.tokens, news.missed, news.events) == ((), True, True)
    device.offer({"n": 5})
    assert device.news().tokens == ({"n": 5},)


async def test_news_are_waited_for_and_taken_once():
    device = Device()
    device.news()
    waiting = asyncio.ensure_future(device.stirred())
    await asyncio.sleep(0)
    assert not waiting.done()
    device.offer({"n": 1})
    await waiting
    assert device.news().tokens == ({"n": 1},)


async def test_the_hub_knows_who_is_there():
    hub, user_id = Hub(), uuid4()
    with hub.joined(user_id) as one, hub.joined(user_id) as two:
        one.news(), two.news()
        assert hub.connected(user_id) == 2
        hub.offer(user_id, {"n": 1})
        hub.offer(uuid4(), {"n": 2})
        assert one.news().tokens == two.news().tokens == ({"n": 1},)
        hub.wake_all()
        assert one.news().events
    assert hub.connected(user_id) == 0
    hub.wake(user_id)


@ONLY_SQLITE
def test_a_device_that_missed_tokens_is_told_to_resync(user, me, together, monkeypatch):
    sent, replied = connection.Connection._send, threading.Event()

    async def slow(self, message):
        while message["type"] == "event" and not replied.is_set():
            await asyncio.sleep(0.01)
        await sent(self, message)

    monkeypatch.setattr(connection.Connection, "_send", slow)
    together.script(say=" ".join(["word"] * 2000))
    with device(user, me) as socket:
        user.post(CHAT, json={"message": "Hello?", "stream": True})
        replied.set()
        messages = []
        while kinds(messages)[-1:] != ["resync"]:
            messages += heard(socket, 1)
    told = [message["data"].get("role") for message in messages if message.get("kind") == "message.created"]
    assert told == ["user", "assistant"]


@ONLY_POSTGRESQL
async def test_who_stops_while_connecting_leaves_no_connection(database):
    address = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    connecting = asyncio.create_task(connected(address))
    await asyncio.sleep(0)
    connecting.cancel()
    await asyncio.wait([connecting])
    assert connecting.cancelled()


# --- two processes ----------------------------------------------------------------------------------------------------


@ONLY_POSTGRESQL
def test_a_device_hears_what_was_said_to_another_process(settings, me, user, together):
    together.script(pause=0.05, say=" ".join(["word"] * 30))
    with (
        TestClient(create_app(told(settings, companion_chats="999/minute"))) as elsewhere,
        device(elsewhere, me) as socket,
    ):
        body = user.post(CHAT, json={"message": "Hello?", "stream": True}).text
        messages = []
        while kinds(messages).count("message.created") < 2:
            messages += heard(socket, 1)
    assert messages[-1]["data"]["content"] in body
    tokens = [message for message in messages if message["type"] == "token"]
    assert len(tokens) > 2
    assert "".join(token["text"] for token in tokens) in messages[-1]["data"]["content"]


@ONLY_POSTGRESQL
def test_a_channel_that_is_lost_is_opened_again_and_nothing_is_missed(user, me, database):
    with device(user, me) as socket:
        user.post(TALKS, json={"companion_id": companion(user)})
        assert heard(socket, 1)[0]["number"] == 1
        with database.write() as session:
            session.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE query LIKE 'LISTEN%' AND datname = current_database()"
                )
            )
        user.post(TALKS, json={"companion_id": companion(user)})
        assert heard(socket, 1)[0]["number"] == 2
