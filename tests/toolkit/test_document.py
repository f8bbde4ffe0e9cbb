"""Documents: two readers that agree, and a careful one that cannot be hurt."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from vcr.serializers import yamlserializer

from acetate.document import Malformed, careful, fast

ODD = " \n\t\r#:-?[]{}\"'\\ab&*!|>%@`,.0eE_+~=<yn\x85\u2028\ufeff\x00\x07\x7f\xa0é😀"
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=80) | st.text(ODD, max_size=40)
scalars = st.none() | st.booleans() | st.integers(-(2**62), 2**62) | texts | st.binary(max_size=60)
headers = st.dictionaries(texts, st.lists(texts, max_size=3), max_size=3)
messages = st.fixed_dictionaries({"headers": headers, "body": texts | st.binary(max_size=99) | st.none()})
interactions = st.fixed_dictionaries({"request": messages, "response": messages})
cassettes = st.fixed_dictionaries({"interactions": st.lists(interactions, max_size=3), "version": st.just(1)})


def dumped(value: Any) -> str:
    """As vcrpy writes it."""
    return str(yamlserializer.serialize(value)).replace("\r\n", "\n").replace("\r", "\n")


@given(cassettes)
def test_both_readers_read_what_vcrpy_writes(cassette: dict[str, Any]) -> None:
    text = dumped(cassette)
    assert careful(text) == yamlserializer.deserialize(text) == cassette
    assert fast(text) in (None, cassette)


@given(st.dictionaries(texts.filter(lambda key: key != "<<"), scalars, max_size=4))
def test_where_the_fast_reader_makes_text_bytes_or_null_the_careful_one_does_too(values: dict[str, Any]) -> None:
    text = dumped(values)
    quick = fast(text) or {}
    slow = careful(text)
    assert slow == values
    for key, value in quick.items():
        if isinstance(key, str | bytes) and isinstance(value, str | bytes | None) and key in slow:
            assert value == slow[key]


@given(texts)
def test_the_fast_reader_is_used_for_plain_bodies(body: str) -> None:
    safe = "".join(c for c in body if c not in "\x85\u2028\u2029&*?")
    text = dumped({"interactions": [{"body": safe}], "version": 1})
    if not any(mark in text.replace(" ", "").replace("\n", "") for mark in ("}:", "]:", "---")):
        assert fast(text) == {"interactions": [{"body": safe}], "version": 1}


@pytest.mark.parametrize(
    "text",
    [
        "a: &x 1\nb: *x\n",
        "a: 1\n---\nb: 2\n",
        "a: 1\n...\n",
        "? a\n: b\n",
        "a: {? b : c}\n",
        "a: {[b]: c}\n",
        "- " * 20 + "a\n",
        ": " * 20 + "a\n",
        "a: 'x\u2028y'\n",
        "a:\n" + " " * 200 + "b: 1\n",
        "a: !!binary a\n",
        "a: !!binary ü\n",
        "{",
    ],
)
def test_the_fast_reader_keeps_off_what_it_may_read_otherwise(text: str) -> None:
    assert fast(text) is None


@pytest.mark.parametrize("text", ["who? & what *that*\n", "a: https://x/?a=1&b=2*c\n", "{}\n"])
def test_the_fast_reader_is_not_put_off_by_ordinary_text(text: str) -> None:
    assert fast(text) == yaml.safe_load(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text(),
        st.lists,
    )
)
def test_json_keeps_every_number(value: Any) -> None:
    assert fast(json.dumps({"a": value})) == {"a": value}


def test_json_with_two_halves_of_a_character_is_read_as_json() -> None:
    assert fast('{"a": "\\ud83d\\ude00"}') == {"a": "😀"}


def test_a_flow_mapping_that_is_not_json_is_yaml() -> None:
    assert careful("{a: 1}") == {"a": 1}


def test_the_tags_that_vcrpy_writes_are_read_as_the_data_they_hold() -> None:
    text = """
    a: !!python/unicode 'text'
    b: !!python/str text
    c: !!python/tuple [1, [2]]
    d: !!python/object/new:_io.BytesIO {state: !!python/tuple [!!binary aGk=, 0, null]}
    e: !!python/object/apply:builtins.iter {args: [[!!binary aGk=, "!"]]}
    f: !!python/object/new:_io.BytesIO {}
    g: !!python/object/apply:builtins.iter {}
    """
    assert careful(text) == {"a": "text", "b": "text", "c": [1, [2]], "d": b"hi", "e": b"hi!", "f": b"", "g": b""}


def test_an_alias_stands_for_what_was_anchored() -> None:
    assert careful("a: &x [1]\nb: *x\n") == {"a": [1], "b": [1]}


@pytest.mark.parametrize(
    ("text", "problem", "line"),
    [
        ("a: !!python/object/apply:os.system ['true']", "could not determine a constructor", 1),
        ("a:\n- !!python/name:os.system ''", "could not determine a constructor", 2),
        ("a: !mine 1", "could not determine a constructor", 1),
        ("a: 'b", "found unexpected end of stream", 1),
        ("a: 1\nb: c: d\n", "mapping values are not allowed", 2),
        ("a: 1\n---\nb: 2\n", "but found another document", 2),
        ("a: *b\n", "found undefined alias", 1),
        ("a: &a [*a]\n", "more than 1,000,000 values", 1),
        ("[" * 101 + "]" * 101, "nested deeper than 100", 1),
        ("a: 'b\x07'", "control characters", None),
        ("a: " + "9" * 5000, "a value cannot be read", None),
        ("a: 2026-02-31", "a value cannot be read", None),
        ("a: !!binary 'a'", "failed to decode base64", 1),
        ("a: '\\ud800'\nb: \"\\ud800\"", "invalid Unicode character escape", 2),
        ("? [a]\n: b\n", "unhashable", 1),
    ],
)
def test_what_may_not_be_read_is_refused_with_its_line(text: str, problem: str, line: int | None) -> None:
    with pytest.raises(Malformed, match=problem) as caught:
        careful(text)
    assert caught.value.line == line


def test_a_hundred_levels_are_read() -> None:
    assert careful("[" * 100 + "]" * 100) is not None


def test_merged_mappings_count_as_often_as_they_are_merged() -> None:
    bomb = "- &a0 {k: 1}\n" + "".join(f"- &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 9))
    with pytest.raises(Malformed, match="more than 1,000,000 values"):
        careful(bomb)
