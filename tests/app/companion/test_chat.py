"""`/api/chat`: a question is stored, answered, and the answer is stored, plain and as a stream."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest

from tests.app.companion.streams import events, text_of
from tests.app.engines import ONLY_SQLITE

CHAT = "/api/chat"
LLAMA = "meta-llama/Llama-3.3-70B-Instruct-Turbo"
LLAMA_TOOLS = "meta-llama/Meta-Llama-3.1-70B-Instruct-Turbo"
MAVERICK = "meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8"


def ask(user, message="Say hello.", **more):
    answer = user.post(CHAT, json={"message": message, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def streamed(user, message="Say hello.", **more):
    answer = user.post(CHAT, json={"message": message, "stream": True, **more})
    assert answer.status_code == 200, answer.text
    return events(answer.text)


def companion(user, **more):
    made = user.post("/api/v1/companions/", json={"name": "Ada", "remembers": False, **more})
    assert made.status_code == 201, made.text
    return made.json()["id"]


def sent(together):
    """The chat requests that arrived, in order."""
    return [arrival.json for arrival in together.requests if arrival.call == "POST /chat/completions"]


# --- plain ------------------------------------------------------------------------------------------------------------


def test_a_first_message_begins_a_conversation_that_is_named_after_it(user):
    body = ask(user, "What is the weather in Oslo?")
    talk = user.get(f"/api/v1/conversations/{body['conversation_id']}").json()
    assert talk["title"] == "What is the weather in Oslo?"
    assert talk["message_count"] == 2


def test_question_and_reply_are_stored_in_order_with_what_the_model_counted(user):
    body = ask(user)
    question, reply = user.get(CHAT, params={"conversation_id": body["conversation_id"]}).json()["items"]
    assert question == body["message"]
    assert reply == body["reply"]
    assert (question["role"], question["status"], question["position"]) == ("user", "answered", 1)
    assert (reply["role"], reply["status"], reply["position"]) == ("assistant", "complete", 2)
    assert reply["reply_to_id"] == question["id"]
    assert reply["usage"] == body["usage"]
    assert body["usage"]["total_tokens"] == sum(list(body["usage"].values())[:2])


@ONLY_SQLITE
def test_the_model_is_told_who_it_is_and_what_was_said_before(user, together):
    ada = companion(user, system_prompt="You are Ada.", temperature=0.2, top_p=0.9, max_tokens=50)
    first = ask(user, "One?", companion_id=ada)
    ask(user, "Two?", conversation_id=first["conversation_id"])
    assert sent(together)[-1] == {
        "model": LLAMA,
        "temperature": 0.2,
        "top_p": 0.9,
        "max_tokens": 50,
        "messages": [
            {"role": "system", "content": "You are Ada."},
            {"role": "user", "content": "One?"},
            {"role": "assistant", "content": first["reply"]["content"]},
            {"role": "user", "content": "Two?"},
        ],
    }


@ONLY_SQLITE
def test_somebody_who_never_chose_a_companion_keeps_the_same_one(user):
    talks = [ask(user)["conversation_id"] for _ in range(2)]
    companions = {user.get(f"/api/v1/conversations/{talk}").json()["companion_id"] for talk in talks}
    assert len(companions) == 1
    assert [each["id"] for each in user.get("/api/v1/companions/").json()["items"]] == list(companions)


def test_without_a_conversation_the_messages_of_all_are_there(user):
    ids = [ask(user, f"{number}?")["conversation_id"] for number in range(2)]
    page = user.get(CHAT).json()
    assert page["total"] == 4
    assert [item["conversation_id"] for item in page["items"]] == [ids[0], ids[0], ids[1], ids[1]]
    newest = user.get(CHAT, params={"order": "newest", "limit": 1}).json()
    assert newest["items"] == page["items"][-1:]


# --- what is refused --------------------------------------------------------------------------------------------------


@ONLY_SQLITE
@pytest.mark.parametrize(
    ("body", "at"),
    [
        ({}, "body.message"),
        ({"message": ""}, "body.message"),
        ({"message": " \n"}, "body.message"),
        ({"message": "x" * 16_001}, "body.message"),
        ({"message": None}, "body.message"),
        ({"message": 1}, "body.message"),
        ({"message": "x", "conversation_id": "no uuid"}, "body.conversation_id"),
        ({"message": "x", "stream": "perhaps"}, "body.stream"),
        ({"message": "x", "unknown": 1}, "body.unknown"),
        ([], "body"),
        (None, "body"),
    ],
)
def test_a_body_that_does_not_fit_is_a_422_that_says_where(user, together, body, at):
    answer = user.post(CHAT, json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [field["at"] for field in answer.json()["fields"]] == [at]
    assert together.calls == 0


@pytest.mark.parametrize("message", ["a\0b", "\ud800"])
def test_text_that_no_database_holds_is_a_422(user, together, message):
    answer = user.post(CHAT, content=json.dumps({"message": message}), headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert together.calls == 0


@ONLY_SQLITE
@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 10_000])
def test_a_body_that_is_not_json_is_a_4xx(user, content):
    answer = user.post(CHAT, content=content, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422)


@ONLY_SQLITE
def test_a_conversation_that_is_not_there_is_a_404(user, together):
    answer = user.post(CHAT, json={"message": "Hello?", "conversation_id": str(uuid4())})
    assert (answer.status_code, answer.json()["code"]) == (404, "conversation-not-found")
    assert together.calls == 0


@ONLY_SQLITE
def test_a_companion_that_is_not_there_is_a_422_with_a_code(user):
    answer = user.post(CHAT, json={"message": "Hello?", "companion_id": str(uuid4())})
    assert (answer.status_code, answer.json()["code"]) == (422, "companion-not-found")


@ONLY_SQLITE
def test_a_conversation_is_not_continued_with_another_companion(user):
    talk = ask(user)["conversation_id"]
    answer = user.post(CHAT, json={"message": "And you?", "conversation_id": talk, "companion_id": companion(user)})
    assert (answer.status_code, answer.json()["code"]) == (422, "another-companion")


def test_nobody_talks_in_the_conversation_of_another(user, other):
    talk = ask(user)["conversation_id"]
    answer = user.post(CHAT, json={"message": "Me too", "conversation_id": talk}, headers=other)
    assert answer.status_code == 404
    assert user.get(CHAT, params={"conversation_id": talk}, headers=other).status_code == 404
    assert user.get(CHAT, headers=other).json()["items"] == []


@ONLY_SQLITE
def test_a_body_that_is_too_large_is_a_413(client_told, together):
    user = client_told(max_body_bytes=2000)
    assert user.post(CHAT, json={"message": "x" * 3000}).status_code == 413
    assert together.calls == 0


@ONLY_SQLITE
def test_a_conversation_that_is_deleted_while_the_model_thinks_is_a_404(user, together, database):
    talk = ask(user)["conversation_id"]

    def deleted(body):
        user.delete(f"/api/v1/conversations/{talk}")
        return body

    together.script(edit=deleted)
    answer = user.post(CHAT, json={"message": "Still there?", "conversation_id": talk})
    assert (answer.status_code, answer.json()["code"]) == (404, "conversation-not-found")


# --- streams ----------------------------------------------------------------------------------------------------------


@ONLY_SQLITE
@pytest.mark.parametrize("model", [LLAMA, LLAMA_TOOLS, MAVERICK])
def test_a_stream_tells_the_question_then_the_pieces_then_all(user, model):
    told = streamed(user, companion_id=companion(user, model=model))
    names = [name for name, _ in told]
    assert names[0] == "start"
    assert set(names[1:-1]) == {"token"}
    assert names[-1] == "done"
    assert told[0][1]["message"]["status"] == "pending"
    assert text_of(told) == told[-1][1]["reply"]["content"]
    assert told[-1][1]["message"]["status"] == "answered"


@ONLY_SQLITE
def test_a_stream_says_the_same_as_a_plain_answer(user):
    ada = companion(user)
    plain, stream = ask(user, companion_id=ada), streamed(user, companion_id=ada)
    assert stream[-1][1]["reply"]["content"] == plain["reply"]["content"]
    assert stream[-1][1]["usage"] == plain["usage"]


@ONLY_SQLITE
def test_a_stream_is_not_kept_by_caches_or_proxies_and_says_what_is_left(user):
    answer = user.post(CHAT, json={"message": "Hello?", "stream": True})
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-accel-buffering"] == "no"
    assert "ratelimit" in answer.headers


@ONLY_SQLITE
def test_a_stream_without_usage_is_carried_on(user):
    told = streamed(
        user, "Is 2 and 2 the calculator?", companion_id=companion(user, model=LLAMA_TOOLS, tools=["clock"])
    )
    assert told[-1][0] == "done"
    assert told[-1][1]["usage"] is None


# --- tools ------------------------------------------------------------------------------------------------------------


@ONLY_SQLITE
@pytest.mark.parametrize("model", [LLAMA, LLAMA_TOOLS, MAVERICK])
@pytest.mark.parametrize("way", [ask, streamed])
def test_the_model_calls_a_tool_and_answers_with_what_it_said(user, together, model, way):
    ada = companion(user, model=model, tools=["clock"])
    body = way(user, "What does the clock say?", companion_id=ada)
    reply = (body[-1][1] if way is streamed else body)["reply"]
    first, second = sent(together)
    assert [tool["function"]["name"] for tool in first["tools"]] == ["clock"]
    call, result = second["messages"][-2:]
    assert call["tool_calls"][0]["function"]["name"] == "clock"
    assert (result["role"], result["tool_call_id"]) == ("tool", call["tool_calls"][0]["id"])
    assert result["content"] in reply["content"]


@ONLY_SQLITE
def test_usage_is_that_of_all_calls(user, together):
    ada = companion(user, tools=["clock"])
    body = ask(user, "What does the clock say?", companion_id=ada)
    assert body["usage"]["total_tokens"] > 40


@ONLY_SQLITE
def test_a_model_that_never_stops_calling_tools_is_stopped(user, together):
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "clock", "arguments": "{}"}}
    together.script(put={"$.choices[].message.tool_calls": [call]}, null=["$.choices[].message.content"])
    answer = user.post(CHAT, json={"message": "The clock?", "companion_id": companion(user, tools=["clock"])})
    assert (answer.status_code, answer.json()["code"]) == (502, "provider-malformed")
    assert [request["tool_choice"] for request in sent(together)] == ["auto", "auto", "none"]


@ONLY_SQLITE
def test_a_tool_that_the_companion_was_not_given_is_not_run(user, together):
    ada = companion(user, tools=["clock"])
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "calculator", "arguments": "{}"}}
    together.script(times=1, put={"$.choices[].message.tool_calls": [call]})
    ask(user, "The clock?", companion_id=ada)
    assert sent(together)[1]["messages"][-1]["content"] == "There is no tool 'calculator'."
