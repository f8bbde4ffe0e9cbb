"""Streams that others recorded. What is expected of them is computed here from their lines, not by the toolkit."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from acetate.reply import Reply, read
from acetate.stream import Decoder, events

WITHOUT_TERMINATOR = ("chatlas--test_huggingface", "with_stream[cerebras,", "test_cancel_recorded", "replicate")


class Stream(NamedTuple):
    name: str
    body: bytes
    reply: Reply

    @property
    def chunks(self) -> list[dict[str, Any]]:
        """The JSON of every `data:` line, read without a decoder."""
        lines = [line[6:] for line in self.body.split(b"\n") if line.startswith(b"data: {")]
        return [json.loads(line) for line in lines]

    @property
    def said(self) -> Any:
        return self.reply.body


def bodies(file: Path) -> Iterator[bytes]:
    """The response bodies of a vcrpy cassette or a HAR; compressed ones are JSON and left out."""
    if file.suffix == ".har":
        entries = json.loads(file.read_text())["log"]["entries"]
        texts = [entry["response"]["content"].get("text") for entry in entries]
    else:
        interactions = yaml.load(file.read_bytes(), yaml.CSafeLoader)["interactions"]
        texts = [(interaction["response"].get("body") or {}).get("string") for interaction in interactions]
    for text in texts:
        if text:
            yield text.encode() if isinstance(text, str) else text


@pytest.fixture(scope="module")
def streams(real_cassettes: Path) -> list[Stream]:
    found = [
        Stream(str(file.relative_to(real_cassettes)), body, read(body))
        for file in sorted(real_cassettes.rglob("*"))
        if file.suffix in (".har", ".yaml")
        for body in bodies(file)
        if body.startswith((b"data:", b"event:", b":"))
    ]
    assert len(found) >= 50
    return found


@pytest.fixture(scope="module")
def together(streams: list[Stream]) -> list[Stream]:
    found = [stream for stream in streams if stream.name.startswith("together/")]
    assert len(found) >= 11
    return found


def test_every_stream_is_read_without_a_problem(streams: list[Stream]) -> None:
    for stream in streams:
        reply = stream.reply
        choices = stream.said.get("choices", []) if stream.said else []
        reasons = [choice.get("finish_reason") for choice in choices]
        length = sum(len(text(chunk) or "") for chunk in stream.chunks if chunk.get("choices"))
        row = (stream.name, reply.dialect, reply.events, reply.complete, reply.terminator, reasons, length)
        sys.stdout.write("  ".join(map(str, row)) + "\n")
    assert [(stream.name, stream.reply.problems) for stream in streams if stream.reply.problems] == []
    assert [stream.name for stream in streams if stream.reply.error is not None] == []
    assert {stream.reply.dialect for stream in streams} == {
        *("chat", "completion", "responses", "messages", "cohere", "generic")
    }


def test_every_stream_has_its_terminator_but_those_that_were_recorded_without(streams: list[Stream]) -> None:
    for stream in streams:
        expected = not any(part in stream.name for part in WITHOUT_TERMINATOR)
        assert (stream.reply.terminator is not None) == expected, stream.name
        assert stream.reply.complete == (expected or stream.reply.dialect == "generic"), stream.name


def test_only_streams_without_a_known_form_have_no_reply(streams: list[Stream]) -> None:
    assert [
        stream.name for stream in streams if (stream.reply.body is None) != (stream.reply.dialect == "generic")
    ] == []


def test_the_words_are_those_of_the_lines(streams: list[Stream]) -> None:
    for stream in streams:
        if stream.reply.dialect not in ("chat", "completion"):
            continue
        pieces = [piece for chunk in stream.chunks if chunk["choices"] and (piece := text(chunk)) is not None]
        choice = stream.said["choices"][0]
        whole = choice["message"].get("content") if stream.reply.dialect == "chat" else choice["text"]
        assert (whole or "") == "".join(pieces), stream.name


def text(chunk: dict[str, Any]) -> str | None:
    choice = chunk["choices"][0]
    return (
        choice["text"] if chunk["object"] in ("completion.chunk", "text_completion") else choice["delta"].get("content")
    )


@pytest.mark.parametrize("size", [1, 7, 1024])
def test_bytes_that_arrive_in_pieces_make_the_same_events(streams: list[Stream], size: int) -> None:
    for stream in streams:
        body, decoder = stream.body[:50_000], Decoder()
        pieces = [body[at : at + size] for at in range(0, len(body), size)]
        assert [event for piece in pieces for event in decoder.feed(piece)] == events(body), stream.name


def test_tool_calls_have_an_id_a_name_and_arguments_that_are_json(streams: list[Stream]) -> None:
    called = [
        (stream.name, call)
        for stream in streams
        if stream.reply.dialect == "chat"
        for call in stream.said["choices"][0]["message"].get("tool_calls") or []
    ]
    assert len(called) >= 5
    for name, call in called:
        assert call["id"], name
        assert call["function"]["name"], name
        assert isinstance(json.loads(call["function"]["arguments"]), dict), name


def test_together_streams_end_with_done_and_use_no_field_but_data(together: list[Stream]) -> None:
    for stream in together:
        found = events(stream.body)
        assert (stream.reply.terminator, found[-1].data, stream.reply.complete) == ("[DONE]", "[DONE]", True)
        assert {(event.type, event.id, event.retry) for event in found} == {("message", None, None)}
        assert len(stream.reply.data) == len(found) - 1 == len(stream.chunks)


def test_together_streams_have_the_usage_of_their_last_chunk(together: list[Stream]) -> None:
    for stream in together:
        usage = stream.chunks[-1]["usage"]
        assert usage["total_tokens"] > 0, stream.name
        assert stream.said["usage"] == usage, stream.name


def test_together_seeds_of_64_bits_survive(together: list[Stream]) -> None:
    seeds = {seed for stream in together if (seed := stream.said["choices"][0].get("seed")) is not None}
    assert seeds == {
        choice["seed"]
        for stream in together
        for chunk in stream.chunks
        for choice in chunk["choices"]
        if choice.get("seed") is not None
    }
    assert max(seeds) > 2**63


def test_a_together_stream_that_is_cut_is_never_complete(together: list[Stream]) -> None:
    for stream in together:
        for cut in range(0, len(stream.body) - 1, len(stream.body) // 25 + 1):
            reply = read(stream.body[:cut])
            assert not reply.complete, (stream.name, cut)
            assert reply.problems == (), (stream.name, cut)
