from __future__ import annotations

import pytest

from app.web.json_lines import Line, Place, lines


def text(line: Line) -> str:
    return "  " * line.depth + "".join(token.text for token in line.tokens)


def written(value) -> list[str]:
    return [text(line) for line in lines(value, Place("$"))]


def kinds(value) -> list[str]:
    return [token.kind for line in lines(value, Place("$")) for token in line.tokens]


def test_an_object_is_written_one_property_a_line_in_order():
    assert written({"b": True, "a": {"c": []}}) == ["{", '  "a": {', '    "c": []', "  }", '  "b": true', "}"]


def test_what_is_masked_is_named_and_not_shown_as_a_string():
    masked = ["<text>", "<id>", "<int>", "<number>", "<time>", "<bytes>"]
    assert written(masked)[1:-1] == ["  text", "  id", "  integer", "  number", "  time", "  bytes"]
    assert kinds(masked)[1:-1] == ["masked"] * 6


def test_the_note_of_a_list_is_told_in_words():
    assert written(["<int>", "n ≥ 1"])[2] == "  one or more of these"


@pytest.mark.parametrize(
    ("value", "kind", "shown"),
    [
        (None, "word", "null"),
        (False, "word", "false"),
        (3, "number", "3"),
        (1.5, "number", "1.5"),
        ("stop", "string", '"stop"'),
        ({}, "mark", "{}"),
        ([], "mark", "[]"),
    ],
)
def test_a_leaf_is_shown_as_json(value, kind, shown):
    (line,) = lines(value, Place("$"))
    assert line.tokens == ((kind, shown),)


def test_paths_are_those_of_changes():
    body = {
        "choices": [{"delta": {}}, "n ≥ 1"],
        "counts": {"{*}": ["<int>", "n ≥ 1"]},
        "odd name": {"<json>": {"x": 1}},
    }
    assert [line.path for line in lines(body, Place("$"))] == [
        "$",
        "$.choices",
        "$.choices[]",
        "$.choices[].delta",
        "$.choices[]",
        "$.choices[]",
        "$.choices",
        "$.counts",
        "$.counts{*}",
        "$.counts{*}",
        "$.counts{*}",
        "$.counts{*}",
        "$.counts",
        '$["odd name"]',
        '$["odd name"]',
        '$["odd name"].x',
        '$["odd name"]',
        '$["odd name"]',
        "$",
    ]


def test_the_events_of_a_stream_each_begin_at_the_root():
    events = list(lines([{"usage": None}], Place("$", list_of_forms=True)))
    assert [line.path for line in events] == ["$", "$", "$.usage", "$", "$"]


def test_a_key_that_stands_for_many_or_for_text_is_a_note():
    assert written({"{*}": ["<int>"]})[1] == "  each key: ["
    assert written({"<json>": {}})[1] == "  JSON in a text: {}"


def test_a_text_is_cut_and_can_move_no_cursor():
    (line,) = lines("x" * 5000 + "\x1b[2J", Place("$"))
    assert len(line.tokens[0].text) <= 400
    (line,) = lines("\u202eevil\x1b", Place("$"))
    assert line.tokens[0].text.isprintable()
