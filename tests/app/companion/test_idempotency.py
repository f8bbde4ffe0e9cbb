"""With an idempotency key a message is stored and answered once, however often and however concurrently it is sent."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from app.models import ChatKey, Message, now
from tests.app.companion.streams import events
from tests.app.engines import ONLY_SQLITE

CHAT = "/api/chat"
LONG = " ".join(f"word{number}" for number in range(40))


def send(user, message="Say hello.", key="key-1", **more):
    return user.post(CHAT, json={"message": message, **more}, headers={"Idempotency-Key": key})


def stored(user):
    return [(message["role"], message["status"]) for message in user.get(CHAT).json()["items"]]


def chats(together):
    return sum(arrival.call == "POST /chat/completions" for arrival in together.requests)


def test_the_second_answer_is_the_first_and_nothing_is_asked_again(user, together):
    first, second = send(user), send(user)
    assert (second.status_code, second.json()) == (200, first.json())
    assert chats(together) == 1
    assert stored(user) == [("user", "answered"), ("assistant", "complete")]


@ONLY_SQLITE
def test_the_repeated_answer_may_be_a_stream(user, together):
    first = send(user)
    told = events(send(user, stream=True).text)
    assert [name for name, _ in told] == ["start", "token", "done"]
    assert told[-1][1] == first.json()
    assert chats(together) == 1


@ONLY_SQLITE
def test_another_key_is_another_message_and_without_one_each_is(user):
    send(user, key="a")
    send(user, key="b")
    user.post(CHAT, json={"message": "Say hello."})
    user.post(CHAT, json={"message": "Say hello."})
    assert len(stored(user)) == 8


def test_a_key_that_was_used_for_another_message_is_a_422(user):
    send(user)
    again = send(user, "Something else.")
    assert (again.status_code, again.json()["code"]) == (422, "idempotency-key-reused")
    assert len(stored(user)) == 2


@ONLY_SQLITE
def test_keys_of_two_users_are_two_keys(user, other):
    mine = send(user)
    theirs = user.post(CHAT, json={"message": "Other."}, headers=other | {"Idempotency-Key": "key-1"})
    assert theirs.status_code == 200
    assert theirs.json() != mine.json()


@ONLY_SQLITE
@pytest.mark.parametrize("key", ["", "a b", "x" * 201, "ü"])
def test_a_key_that_is_none_is_a_422(user, key):
    assert send(user, key=key.encode()).status_code == 422


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_what_failed_is_asked_again_with_the_same_question(user, together, stream):
    ada = user.post("/api/v1/companions/", json={"name": "Ada", "remembers": False}).json()["id"]
    together.script(error=400)
    assert send(user, companion_id=ada, stream=stream).status_code == 502
    together.script()
    assert send(user, companion_id=ada, stream=stream).status_code == 200
    assert stored(user) == [("user", "answered"), ("assistant", "complete")]


@ONLY_SQLITE
def test_half_a_reply_is_replaced_by_a_whole_one(user, together):
    ada = user.post("/api/v1/companions/", json={"name": "Ada", "remembers": False}).json()["id"]
    together.script(say=LONG, cut="stream")
    send(user, companion_id=ada, stream=True)
    assert stored(user) == [("user", "unanswered"), ("assistant", "partial")]
    together.script(say=LONG)
    assert send(user, companion_id=ada).json()["reply"]["content"] == LONG
    assert stored(user) == [("user", "answered"), ("assistant", "complete")]


def test_of_many_at_once_one_is_answered_and_the_others_are_told_to_wait(user, together):
    together.script(delay=0.3)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: send(user), range(8)))
    assert sorted({answer.status_code for answer in answers}) == [200, 409]
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert (refused.json()["code"], refused.headers["retry-after"]) == ("chat-in-progress", "1")
    assert send(user).json() == next(answer for answer in answers if answer.status_code == 200).json()
    assert chats(together) == 1
    assert stored(user) == [("user", "answered"), ("assistant", "complete")]


@ONLY_SQLITE
def test_a_key_whose_process_died_can_be_taken_over_after_its_time(user, together, database):
    arrived = threading.Event()
    together.script(delay=0.3, edit=lambda body: arrived.set() or body)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(send, user)
        while not together.calls:
            pass
        with database.write() as session:
            session.query(Message).update({"pending_until": now() - timedelta(seconds=1)})
        assert send(user).status_code == 200
        assert first.result().status_code == 200
    assert stored(user) == [("user", "answered"), ("assistant", "complete")]


@ONLY_SQLITE
def test_a_key_is_forgotten_after_a_day(user, database):
    send(user)
    with database.write() as session:
        session.query(ChatKey).update({"created_at": now() - timedelta(hours=25)})
    send(user)
    assert len(stored(user)) == 4
