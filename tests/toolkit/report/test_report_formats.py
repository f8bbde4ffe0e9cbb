"""What all formats have in common: the door, the words, and that nothing from outside breaks a line."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acetate.change import ABSENT, Evidence, Occurrence
from acetate.errors import UsageError
from acetate.report import FORMATS, render
from acetate.report.wording import CUT, columns, counted, cut, place, printable, seen, side, summary
from acetate.verdict import as_json


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_renders_and_ends_with_one_line_end(format, verdict, change):
    text = render(verdict(change(before="eos", after="stop")), format)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


def test_a_format_that_does_not_exist_is_refused_with_those_that_do(verdict):
    with pytest.raises(UsageError, match="`yaml`") as caught:
        render(verdict(), "yaml")
    assert all(each in caught.value.next for each in FORMATS)


@pytest.mark.parametrize("format", FORMATS)
def test_the_same_verdict_always_gives_the_same_bytes(format, verdict, change):
    changes = (change(before="eos", after="stop"), change("c0", severity="info"))
    assert render(verdict(*changes), format) == render(verdict(*changes), format)


@pytest.mark.parametrize("format", FORMATS)
def test_hostile_text_never_moves_a_cursor_or_turns_a_line(format, hostile):
    text = render(hostile, format)
    assert all(line.isprintable() for line in text.split("\n"))
    text.encode()


@pytest.mark.parametrize("format", ["text", "junit", "markdown", "github"])
def test_a_megabyte_in_every_field_does_not_make_a_megabyte_of_report(format, everywhere):
    assert len(render(everywhere("x" * 1_000_000), format).encode()) < 65_000


def test_the_json_report_is_the_whole_verdict(hostile):
    assert json.loads(render(hostile, "json")) == as_json(hostile)


def test_writing_text_loads_no_library_that_only_other_formats_need():
    heavy = "{'xml', 'urllib.parse', 'jsonschema', 'asyncio'}"
    code = f"import sys; had = {{*sys.modules}}; import acetate.report.text; print(*{heavy} & {{*sys.modules}} - had)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("enum-value-replaced", "eos", '"eos"'),
        ("value-changed", None, "null"),
        ("value-changed", {"a": [1, "ü"]}, '{"a": [1, "ü"]}'),
        ("type-changed", "integer or null", "integer or null"),
        ("field-moved", "$.a.b", "$.a.b"),
        ("status-added", 201, "201"),
        ("made-up", "text", '"text"'),
        ("field-removed", ABSENT, "absent"),
    ],
)
def test_a_side_is_shown_as_what_it_is(kind, value, shown, change):
    assert side(change(kind=kind), value) == shown


def test_a_stream_is_named_as_one(change):
    assert place(change(stream=True)) == "together:chat.completions 200 stream"


def test_what_was_seen_is_counted_from_the_occurrences_where_there_is_no_evidence(change):
    twice = (Occurrence("a", 0, "$.x[0]"), Occurrence("a", 0, "$.x[1]"), Occurrence("b", 0, "$.x[0]"))
    assert seen(change(occurrences=twice)) == "2 exchanges, in 2 cassettes"
    assert seen(change()) == ""


def test_what_our_own_api_shows_is_counted_in_responses_and_tests(change):
    places = (
        Occurrence("shop/test_a", 0, "$.x"),
        Occurrence("shop/test_b", 0, "$.x"),
        Occurrence("shop/test_b", 1, "$.x"),
    )
    assert seen(change(edge="provide", occurrences=places)) == "3 responses, in 2 tests"
    told = change(edge="provide", occurrences=places, evidence=Evidence(now="3 of 4"))
    assert seen(told) == "3 of 4 responses, in 2 tests"
    document = (Occurrence("contracts/shop/openapi.json", 0, "$.x"),)
    assert seen(change(edge="provide", occurrences=document)) == "the OpenAPI document alone"


@pytest.mark.parametrize(("number", "text"), [(0, "0 exchanges"), (1, "1 exchange"), (2, "2 exchanges")])
def test_a_number_agrees_with_its_noun(number, text):
    assert counted(number, "exchange") == text


@given(st.text(max_size=300), st.integers(4, 100))
def test_a_cut_text_fits_and_is_printable(text, limit):
    shown = cut(text, limit)
    assert columns(shown) <= limit
    assert shown.isprintable()


@given(st.text(st.characters(categories=["L", "N", "P"]), max_size=20))
def test_a_short_text_is_not_touched(text):
    assert cut(text) == printable(text) == text


def test_a_wide_character_takes_two_columns_and_a_combining_one_none():
    assert (columns("日本"), columns("e\u0301"), columns("abc")) == (4, 1, 3)
    assert columns(cut("日" * 100)) == CUT - 1
    assert cut("日" * 100).endswith("...")


@pytest.mark.parametrize(
    ("text", "shown"), [("a\nb", "a\\nb"), ("\x1b[0m", "\\x1b[0m"), ("\u202e", "\\u202e"), ("\ud800", "\\ud800")]
)
def test_what_is_not_printable_is_written_as_an_escape(text, shown):
    assert printable(text) == shown


def test_the_summary_counts_each_group(verdict, change):
    changes = [
        change("a", severity="warn"),
        change("b"),
        change("c", severity="info"),
        change("d", decision="approved"),
    ]
    assert summary(verdict(*changes)) == "failed: 1 breaking, 1 to review, 1 harmless, 1 approved, 0 problems"
    assert "1 rejected" in summary(verdict(*changes, change("e", decision="rejected")))
    assert summary(verdict()) == "passed: no change, 0 problems"
    assert summary(verdict(examined=0)) == "unknown: nothing was examined"
