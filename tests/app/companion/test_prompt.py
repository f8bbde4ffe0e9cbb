"""The prompt: what goes in, in which order, and what is left out where the budget ends."""

from __future__ import annotations

from app.companion.prompt import Said, compose, tool_round, wire
from app.companion.reply import Reply, ToolCall
from app.companion.text import tokens

ASKED, REPLIED = Said("user", "What?"), Said("assistant", "That.")


def turns(*numbers):
    return [(Said("user", f"question {number}"), Said("assistant", f"answer {number}")) for number in numbers]


def test_persona_memories_history_and_question_come_in_this_order():
    messages = wire(compose("You are Ada.", [ASKED], turns(1), "And now?", budget=1000))
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "user"]
    assert messages[0]["content"].startswith("You are Ada.\n\nWhat you remember")
    assert messages[0]["content"].endswith("\n- user: What?")
    assert [message["content"] for message in messages[1:]] == ["question 1", "answer 1", "And now?"]


def test_without_persona_and_memories_there_is_no_system_message():
    assert wire(compose("", [], [], "Hello?", budget=1000)) == [{"role": "user", "content": "Hello?"}]


def test_a_further_instruction_is_a_paragraph():
    prompt = compose("You are Ada.", [], [], "Hello?", budget=1000).told("Be brief.")
    assert wire(prompt)[0]["content"] == "You are Ada.\n\nBe brief."


def test_the_newest_turns_are_kept_and_the_rest_is_left_out():
    each = tokens("question 1") + tokens("answer 1")
    fixed = tokens("Ada") + tokens("Hello?")
    prompt = compose("Ada", [], turns(1, 2, 3), "Hello?", budget=fixed + 2 * each)
    assert [said.content for said in prompt.history] == ["question 2", "answer 2", "question 3", "answer 3"]
    assert compose("Ada", [], turns(1), "Hello?", budget=fixed + each - 1).history == ()


def test_a_turn_that_does_not_fit_ends_the_history_without_a_gap():
    long = (Said("user", "x" * 4000), Said("assistant", "y"))
    prompt = compose("", [], [*turns(1), long, *turns(2)], "Hello?", budget=200)
    assert [said.content for said in prompt.history] == ["question 2", "answer 2"]


def test_question_and_persona_are_in_whatever_they_cost():
    prompt = compose("x" * 100, [], turns(1), "y" * 100, budget=10)
    assert [len(message["content"]) for message in wire(prompt)] == [100, 100]


def test_a_round_of_tools_repeats_the_calls_and_answers_each():
    reply = Reply("", (ToolCall("call_1", "clock", "{}"), ToolCall("call_2", "clock", "{}")))
    call, first, second = tool_round(reply, ["now", "later"])
    assert [each["id"] for each in call["tool_calls"]] == ["call_1", "call_2"]
    assert call["content"] is None
    assert (first["tool_call_id"], first["content"]) == ("call_1", "now")
    assert (second["tool_call_id"], second["content"]) == ("call_2", "later")
