"""What a client of ours sees when the provider fails: the documented status and code, and never a 500. How each fault
of the provider is understood is tested beside its door, in test_provider.py."""

from __future__ import annotations

import socket

import pytest

from tests.app.companion.streams import events, text_of
from tests.app.engines import ONLY_SQLITE

CHAT = "/api/chat"
LONG = " ".join(f"word{number}" for number in range(40))


def after(user, message="Say hello.", **more):
    """The answer, and the messages that are stored afterwards."""
    answer = user.post(CHAT, json={"message": message, **more})
    return answer, user.get(CHAT).json()["items"]


def forgetful(user):
    """A companion that does not ask for embeddings, so that every call is a chat."""
    return user.post("/api/v1/companions/", json={"name": "Ada", "remembers": False}).json()["id"]


FAULTS = {
    "timeout": ({"error": 504}, 504, "provider-timeout"),
    "rate limit": ({"error": 429}, 429, "provider-rate-limited"),
    "Cloudflare's page": ({"error": 520}, 502, "provider-unavailable"),
    "no such model": ({"error": 404}, 502, "provider-model-unavailable"),
    "key refused": ({"error": 401}, 502, "provider-account"),
    "request refused": ({"error": 422}, 502, "provider-refused"),
    "not JSON": ({"edit": lambda body: "<html>"}, 502, "provider-malformed"),
    "no choices": ({"remove": ["$.choices"]}, 502, "provider-malformed"),
    "no text": ({"say": ""}, 502, "provider-malformed"),
    "cut": ({"cut": 40}, 502, "provider-cut"),
}


@ONLY_SQLITE
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_before_the_reply_is_a_problem_and_the_question_is_kept(user, together, fault, stream):
    script, status, code = FAULTS[fault]
    together.script(headers={"retry-after": "0"}, **script)
    answer, stored = after(user, stream=stream)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert [(message["role"], message["status"]) for message in stored] == [("user", "unanswered")]
    assert (problem["message_id"], problem["conversation_id"]) == (stored[0]["id"], stored[0]["conversation_id"])
    assert "reply" not in problem


@ONLY_SQLITE
def test_nobody_there_is_a_502(client_told):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    answer, _ = after(client_told(together_base_url=f"http://127.0.0.1:{port}"))
    assert (answer.status_code, answer.json()["code"]) == (502, "provider-unreachable")


@ONLY_SQLITE
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_a_turn_that_takes_too_long_is_a_504(client_told, together, stream):
    user = client_told(companion_turn_seconds=0.4)
    ada = forgetful(user)
    together.script(chunk_size=10, pause=0.05, say=LONG)
    answer, _ = after(user, stream=stream, companion_id=ada)
    error = events(answer.text)[-1][1] if answer.status_code == 200 else answer.json()
    assert (error["status"], error["code"]) == (504, "provider-timeout")


@ONLY_SQLITE
def test_no_answer_says_what_the_provider_said(user, together):
    together.script(error=401)
    answer, _ = after(user)
    assert "API key" not in answer.text
    assert "together" not in answer.text.lower()


@ONLY_SQLITE
@pytest.mark.parametrize(("said", "told"), [("17", "17"), ("17.2", "18"), ("nan", "1"), ("inf", "1"), ("-3", "1")])
def test_a_rate_limit_says_when_to_ask_again(user, together, said, told):
    together.script(error=429, headers={"retry-after": said})
    answer, _ = after(user)
    assert answer.headers["retry-after"] == told


@ONLY_SQLITE
def test_what_passes_is_asked_again(user, together):
    ada = forgetful(user)
    together.script(times=2, error=503, headers={"retry-after": "0"})
    answer, stored = after(user, companion_id=ada)
    assert answer.status_code == 200
    assert [message["status"] for message in stored] == ["answered", "complete"]


@ONLY_SQLITE
def test_the_next_prompt_leaves_out_what_was_not_answered(user, together):
    ada = forgetful(user)
    together.script(times=1, error=400)
    failed, _ = after(user, "Lost?", companion_id=ada)
    after(user, "Found?", conversation_id=failed.json()["conversation_id"])
    assert together.requests[-1].json["messages"] == [{"role": "user", "content": "Found?"}]


def test_a_nul_in_a_reply_is_left_out(user, together):
    together.script(put={"$.choices[].message.content": "a\0b"})
    answer, stored = after(user)
    assert answer.status_code == 200
    assert stored[1]["content"] == "ab"


@pytest.mark.parametrize("cut_by", ["reset", "end"])
def test_half_a_stream_is_kept_and_marked(user, together, cut_by):
    ada = forgetful(user)
    together.script(say=LONG, cut="event", cut_by=cut_by)
    answer, stored = after(user, stream=True, companion_id=ada)
    told = events(answer.text)
    name, error = told[-1]
    assert (name, error["status"], error["code"]) == ("error", 502, "provider-cut")
    question, reply = stored
    assert (question["status"], reply["status"], reply["finish_reason"]) == ("unanswered", "partial", "error")
    assert reply["content"] == text_of(told)
    assert error["reply"] == reply
    assert LONG.startswith(reply["content"])


@pytest.mark.parametrize(
    "script",
    [{"error": 500}, {"cut": 10}, {"put": {"$.data[].embedding": [0, 0]}}],
    ids=["error", "cut", "no direction"],
)
def test_embeddings_that_fail_never_break_a_chat(user, together, script):
    together.script(times=1, **script)
    answer, stored = after(user)
    assert answer.status_code == 200
    assert answer.json()["recalled"] == []
    assert [message["status"] for message in stored] == ["answered", "complete"]
    assert user.get("/api/v1/memories/").json()["total"] == 0


@ONLY_SQLITE
def test_embeddings_that_are_slow_hold_up_a_chat_for_a_moment_only(client_told, together):
    user = client_told(companion_recall_seconds=0.1)
    together.script(times=1, delay=5)
    answer, _ = after(user)
    assert answer.status_code == 200
    assert answer.elapsed.total_seconds() < 4
