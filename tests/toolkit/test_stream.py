"""Server-sent events: the examples of the standard, and a slow transcription of it as the oracle."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from acetate.stream import Decoder, Event, events


def data(body: bytes) -> list[str]:
    return [event.data for event in events(body)]


def test_an_event_is_dispatched_by_its_blank_line() -> None:
    assert events(b"data: hello\n\n") == [Event("message", "hello", id=None, retry=None, offset=0)]


def test_lines_of_data_are_joined_with_a_line_feed() -> None:
    assert data(b"data: YHOO\ndata: +2\ndata: 10\n\n") == ["YHOO\n+2\n10"]


def test_comments_are_ignored_and_an_id_stays_in_force_until_it_is_sent_again() -> None:
    body = b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n"
    assert [(event.data, event.id) for event in events(body)] == [
        ("first event", "1"),
        ("second event", ""),
        (" third event", ""),
    ]


def test_data_without_a_value_is_an_event_with_empty_data() -> None:
    assert data(b"data\n\ndata\ndata\n\ndata:\n\n") == ["", "\n", ""]


def test_only_one_leading_space_is_removed() -> None:
    assert data(b"data:test\n\ndata: test\n\ndata:  test\n\ndata:\ttest\n\n") == ["test", "test", " test", "\ttest"]


def test_an_event_without_data_is_not_dispatched_and_leaves_no_type_behind() -> None:
    body = b"event: add\n\ndata: 1\n\nevent: remove\ndata: 2\n\ndata: 3\n\n"
    assert [(event.type, event.data) for event in events(body)] == [("message", "1"), ("remove", "2"), ("message", "3")]


def test_an_id_or_a_retry_without_data_is_in_force_for_the_next_event() -> None:
    assert events(b"id: 7\nretry: 3000\n\ndata: x\n\n") == [Event("message", "x", "7", 3000, offset=19)]


@pytest.mark.parametrize("line", [b"id: a\0b", b"ID: a", b" id: a", b"id : a"])
def test_an_id_with_nul_or_under_another_name_is_ignored(line: bytes) -> None:
    assert events(line + b"\ndata: x\n\n")[0].id is None


@pytest.mark.parametrize(
    ("value", "milliseconds"),
    [
        (b"1500", 1500),
        (b"007", 7),
        (b"", None),
        (b"1s", None),
        (b"-1", None),
        (b"1.5", None),
        (b"10\0", None),
        ("٣".encode(), None),
        (b"9" * 5000, None),
    ],
)
def test_a_retry_is_ascii_digits_or_ignored(value: bytes, milliseconds: int | None) -> None:
    assert events(b"retry: " + value + b"\ndata: x\n\n")[0].retry == milliseconds


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_every_line_end_ends_a_line(end: bytes) -> None:
    assert data(b"data: a" + end + b"data: b" + end + end + b"data: c" + end + end) == ["a\nb", "c"]


def test_line_ends_of_other_standards_are_text() -> None:
    assert data("data: a\u2028b\u0085c\x0bd\x0ce\n\n".encode()) == ["a\u2028b\u0085c\x0bd\x0ce"]


def test_a_crlf_over_two_feeds_is_one_line_end() -> None:
    decoder = Decoder()
    assert decoder.feed(b"data: a\r") == []
    assert decoder.feed(b"") == []
    assert decoder.feed(b"\ndata: b\r\n\r") == [Event("message", "a\nb", offset=0)]
    assert decoder.feed(b"\ndata: c\n\n") == [Event("message", "c", offset=20)]


def test_a_line_feed_after_an_unfinished_line_ends_it() -> None:
    decoder = Decoder()
    assert decoder.feed(b"data: a\rdata: b") == []
    assert [event.data for event in decoder.feed(b"\n\n")] == ["a\nb"]


def test_a_byte_order_mark_is_stripped_once_and_only_at_the_start() -> None:
    bom = b"\xef\xbb\xbf"
    assert data(bom + b"data: a\n\n") == ["a"]
    assert data(bom + bom + b"data: a\n\ndata: b\n\n") == ["b"]
    assert data(b"data: a\n\n" + bom + b"data: b\n\n") == ["a"]
    assert data(bom + b"\ndata: a\n\n") == ["a"]


def test_a_character_over_two_feeds_is_whole() -> None:
    decoder = Decoder()
    body = "data: 🥐é\n\n".encode()
    assert [event.data for cut in range(len(body)) for event in decoder.feed(body[cut : cut + 1])] == ["🥐é"]


def test_bytes_that_are_not_utf_8_become_replacement_characters() -> None:
    assert data(b"data: a\xffb\xf0\x9f\n\n") == ["a\ufffdb\ufffd"]


def test_an_unfinished_event_is_discarded_and_reported() -> None:
    decoder = Decoder()
    assert [event.data for event in decoder.feed(b"data: 1\n\nid: 2\r\ndata: 2\r\nda")] == ["1"]
    assert decoder.incomplete == b"id: 2\ndata: 2\nda"


@pytest.mark.parametrize(
    "body",
    [b"", b"\xef\xbb\xbf", b"\xef\xbb\xbf: hi", b"data: 1\n\n", b"data: 1\n\n: bye\n", b"data: 1\n\n: by", b"\r"],
)
def test_comments_and_byte_order_marks_are_not_unfinished_events(body: bytes) -> None:
    decoder = Decoder()
    decoder.feed(body)
    assert decoder.incomplete == b""


def test_a_line_fed_byte_by_byte_takes_linear_time() -> None:
    def seconds(size: int) -> float:
        decoder = Decoder()
        started = time.process_time()
        for _ in range(size):
            decoder.feed(b"x")
        return time.process_time() - started

    seconds(1000)
    assert seconds(160_000) < 60 * max(seconds(10_000), 0.001)


class Oracle:
    """Sections 9.2.5 and 9.2.6 of the standard, word by word, one character at a time; no offsets."""

    def __init__(self) -> None:
        self.dispatched: list[tuple[str, str, str | None, int | None]] = []
        self.data_buffer = self.type_buffer = ""
        self.last_event_id_buffer: str | None = None
        self.last_event_id: str | None = None
        self.reconnection_time: int | None = None

    def interpret(self, body: bytes) -> None:
        stream = body.decode("utf-8", errors="replace")
        if stream[:1] == "\ufeff":
            stream = stream[1:]
        line, position = "", 0
        while position < len(stream):
            character = stream[position]
            position += 1
            if character not in "\r\n":
                line += character
                continue
            if character == "\r" and stream[position : position + 1] == "\n":
                position += 1
            self.process_line(line)
            line = ""

    def process_line(self, line: str) -> None:
        if line == "":
            self.dispatch()
        elif line[0] == ":":
            return
        elif ":" in line:
            colon = line.index(":")
            field, value = line[:colon], line[colon + 1 :]
            if value[:1] == " ":
                value = value[1:]
            self.process_field(field, value)
        else:
            self.process_field(line, "")

    def process_field(self, field: str, value: str) -> None:
        if field == "event":
            self.type_buffer = value
        elif field == "data":
            self.data_buffer += value
            self.data_buffer += "\n"
        elif field == "id":
            if "\0" not in value:
                self.last_event_id_buffer = value
        elif field == "retry" and value != "" and all(character in "0123456789" for character in value):
            self.reconnection_time = int(value)

    def dispatch(self) -> None:
        self.last_event_id = self.last_event_id_buffer
        if self.data_buffer == "":
            self.type_buffer = ""
            return
        if self.data_buffer[-1] == "\n":
            self.data_buffer = self.data_buffer[:-1]
        kind = self.type_buffer or "message"
        self.dispatched.append((kind, self.data_buffer, self.last_event_id, self.reconnection_time))
        self.data_buffer = self.type_buffer = ""


FIELDS = [b"data", b"data:", b"data: ", b"event: ", b"id: ", b"retry: ", b":", b" "]
ENDS = [b"\n", b"\r", b"\r\n", b"\n\n"]
VALUES = [b"\0", b"42", b"x", "é🥐".encode(), "\u2028".encode(), b"\xf0\x9f", b"\xff", b"\xef\xbb\xbf", b"[DONE]"]
BODIES = st.lists(st.sampled_from([*FIELDS, *ENDS, *VALUES]), max_size=60).map(b"".join)


@given(BODIES)
@example(b"\xef\xbb\xbfdata: a\r\r\ndata: b\n\n")
def test_events_are_those_of_the_standard(body: bytes) -> None:
    oracle = Oracle()
    oracle.interpret(body)
    assert [(event.type, event.data, event.id, event.retry) for event in events(body)] == oracle.dispatched


@given(BODIES, st.lists(st.integers(0, 120), max_size=12))
def test_every_cut_of_the_bytes_gives_the_same_events(body: bytes, cuts: list[int]) -> None:
    whole, cut = Decoder(), Decoder()
    edges = sorted({0, len(body), *(at for at in cuts if at < len(body))})
    pieces = [body[start:end] for start, end in pairwise(edges)]
    assert [event for piece in pieces for event in cut.feed(piece)] == whole.feed(body)
    assert cut.incomplete == whole.incomplete


@given(BODIES)
def test_byte_by_byte_gives_the_same_events(body: bytes) -> None:
    decoder = Decoder()
    assert [event for at in range(len(body)) for event in decoder.feed(body[at : at + 1])] == events(body)


@given(BODIES)
def test_an_offset_is_where_its_event_begins(body: bytes) -> None:
    for event in events(body):
        again = events(body[event.offset :])[0]
        assert (again.type, again.data, again.offset) == (event.type, event.data, 0)


@given(st.binary(max_size=300))
def test_no_bytes_raise(body: bytes) -> None:
    assert all(event.offset < len(body) for event in events(body))
