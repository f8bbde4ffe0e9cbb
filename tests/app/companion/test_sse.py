"""Server-sent events, read in any pieces and written in one form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.companion.sse import EventReader, OversizedEvent, event


def read(*pieces):
    reader = EventReader()
    return [data for piece in pieces for data in reader.feed(piece)]


def test_each_event_is_given_when_it_ends():
    assert read(b"data: a\n", b"\nda", b"ta: b\n\ndata: c\n") == ["a", "b"]


def test_lines_of_one_event_are_joined_and_other_fields_left_out():
    assert read(b": hello\nevent: x\nid: 1\nretry: 5\ndata: a\ndata:b\n\n\n\n") == ["a\nb"]


def test_lines_may_end_as_on_windows():
    assert read(b"data: a\r\n\r", b"\n") == ["a"]


def test_what_is_no_utf_8_is_replaced():
    assert read(b"data: \xff\n\n") == ["�"]


def test_an_event_that_does_not_end_is_refused():
    with pytest.raises(OversizedEvent):
        read(*[b"data: " + b"x" * 100_000] * 12)


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n")), max_size=4), st.data())
def test_it_does_not_matter_where_the_bytes_are_cut(texts, data):
    body = "".join(f"data: {text}\n\n" for text in texts).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=6)))
    pieces = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    assert read(*pieces) == texts


def test_an_event_is_written_on_two_lines_whatever_is_in_it():
    written = event("token", {"text": "à\n\r “x”"})
    assert written == 'event: token\ndata: {"text":"à\\n\\r “x”"}\n\n'.encode()
    assert read(written) == ['{"text":"à\\n\\r “x”"}']
