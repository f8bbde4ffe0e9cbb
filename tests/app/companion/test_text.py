"""Text as it is stored, searched and counted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.companion.text import clean, folded, like, tokens

ANY = st.text(st.characters(codec=None, categories=None))


@given(ANY)
def test_clean_text_can_be_stored_and_cleaning_twice_is_cleaning_once(text):
    cleaned = clean(text)
    assert "\0" not in cleaned
    cleaned.encode()
    assert clean(cleaned) == cleaned


def test_folding_knows_more_than_ascii():
    assert folded("ÄÖÜ ẞ Ｆｕｌｌ") == folded("äöü ss full")


def test_a_pattern_takes_wildcards_literally():
    assert like("50%_\\X") == r"%50\%\_\\x%"


@given(ANY, ANY)
def test_more_text_never_costs_less(one, other):
    assert tokens("") <= tokens(one) <= tokens(one + other)


def test_about_four_bytes_are_a_token():
    assert tokens("x" * 400) == 104
