"""What a model thinks before it speaks is not said, wherever its text is cut."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.companion.reply import Assembly, whole
from app.companion.thought import Outspoken, outspoken

SAID = {
    "Hello.": "Hello.",
    "": "",
    " \n": " \n",
    "  Hello.": "  Hello.",
    "<think>\nThey greet.\n</think>\n\nHello.": "Hello.",
    "\n<think></think>Hello.": "Hello.",
    "<think>A tag of HTML is <b>, and </thin is none.</think> Hello.\n": "Hello.\n",
    "<think>never ends": "",
    "<think></think>": "",
    "<think>one</think>Hello. <think>two</think>": "Hello. <think>two</think>",
    "<thinking> is no tag": "<thinking> is no tag",
    "<thi": "<thi",
    "< think>": "< think>",
    "Hello. <think>late</think>": "Hello. <think>late</think>",
}


@pytest.mark.parametrize(("text", "said"), SAID.items())
def test_thoughts_before_a_reply_are_not_said(text, said):
    assert outspoken(text) == said


@given(st.lists(st.sampled_from(["<th", "ink>", "</thi", "nk>", " ", "\n", "<", ">", "a"]), max_size=12))
@example(list("<think>a</think> b"))
def test_it_does_not_matter_where_a_text_is_cut(pieces):
    mouth = Outspoken()
    assert "".join(map(mouth.feed, pieces)) + mouth.end() == outspoken("".join(pieces))


def test_a_letter_is_said_as_soon_as_it_can_be_no_tag():
    mouth = Outspoken()
    assert [mouth.feed(each) for each in ("<", "b", ">!")] == ["", "<b", ">!"]


def test_a_whole_reply_is_without_its_thoughts():
    body = {"choices": [{"message": {"content": "<think>\nThey greet.\n</think>\n\nHello."}, "finish_reason": "stop"}]}
    assert whole(body).content == "Hello."


@pytest.mark.parametrize("delta", [{"content": ""}, {}, None])
def test_a_stream_says_at_its_end_what_might_have_become_a_tag(delta):
    assembly = Assembly()
    said = [
        assembly.add({"choices": [{"delta": {"content": "<thin"}, "finish_reason": None}]}),
        assembly.add({"choices": [{"delta": delta, "finish_reason": "stop"}]}),
    ]
    assert said == ["", "<thin"]
    assert assembly.reply().content == "<thin"
