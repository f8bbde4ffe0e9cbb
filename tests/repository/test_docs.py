"""docs/reference/ says what the code says, and the code leaves nothing unsaid."""

from __future__ import annotations

import pytest

from acetate.cli.main import parser
from acetate.config import KEYS
from acetate.kind import KINDS
from docs import generate

VERBS = [parser(), *generate.below(parser())]


@pytest.mark.parametrize("name", generate.PAGES)
def test_a_page_is_what_the_code_says(name):
    assert (generate.FOLDER / name).read_text() == generate.PAGES[name](), "next: make docs"


def test_no_page_is_left_over():
    assert {file.name for file in generate.FOLDER.glob("*.md")} == set(generate.PAGES)


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.prog)
def test_a_verb_says_what_it_does_and_what_each_argument_means(verb):
    assert verb.description
    silent = [generate.written(action) for action in verb._actions if generate.listed(action) and not action.help]
    assert silent == []


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_a_setting_says_its_type_and_meaning(key):
    assert key.type
    assert key.doc


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.id)
def test_a_kind_is_explained(kind):
    assert kind.explanation
