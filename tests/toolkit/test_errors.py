"""What is wrong is said in words for people, and what is to be typed can be typed."""

from __future__ import annotations

import shlex

import pytest

from acetate.cassette import read_exchanges
from acetate.decision import Decisions
from acetate.errors import ApprovedFileError, CassetteError, amiss
from acetate.missed import again
from acetate.openapi import read_document

NAME = "cassettes/it's a [test]"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{\n broken", "line 2 is not JSON"),
        (b'{"\xff": 1}', "byte 2 is not UTF-8"),
        (b"{}", "`version` is missing"),
        (b"[]", "a part of it is of another kind than what was written"),
        (b"[" * 100_000, "it is nested too deeply"),
    ],
)
def test_a_damaged_decision_is_told_in_our_words(content: bytes, said: str) -> None:
    class Tree:
        def read(self, path: str) -> bytes:
            return content

        def files(self, folder: str, suffix: str) -> list[str]:
            return [f"{folder}/a b.json"]

    with pytest.raises(ApprovedFileError) as error:
        Decisions(Tree(), "reviews").all()
    assert error.value.problem == f"is not a decision: {said}"
    assert shlex.split(error.value.next) == ["git", "checkout", "--", "reviews/a b.json"]


def test_our_own_words_stay() -> None:
    assert amiss(ValueError("`status` is no number")) == "`status` is no number"


@pytest.mark.parametrize("content", [b"{", b"[]", b"<<<<<<< ours\n"])
def test_a_document_that_is_none_names_a_command_that_can_be_typed(content: bytes) -> None:
    with pytest.raises(ApprovedFileError) as error:
        read_document(content, f"{NAME}.json")
    assert f"{NAME}.json" in shlex.split(error.value.next.partition(" (or")[0])


@pytest.mark.parametrize("text", ["a: [", "<<<<<<< ours\n"])
def test_a_cassette_that_is_none_names_a_command_that_can_be_typed(text: str) -> None:
    with pytest.raises(CassetteError) as error:
        read_exchanges(text, f"{NAME}.yaml")
    assert f"{NAME}.yaml" in shlex.split(error.value.next.split("`")[1])


@pytest.mark.parametrize("test", ["tests/a.py::test_b[llama]", "a.py::test[$x]", 'a.py::test["`]', "a.py::test[it's]"])
def test_a_test_is_named_as_a_shell_takes_it(test: str) -> None:
    assert shlex.split(again(test)) == ["pytest", "--record-mode=rewrite", test]


def test_a_plain_test_id_is_quoted_as_other_shells_take_it_too() -> None:
    assert again("a.py::test[b]", "once") == 'pytest --record-mode=once "a.py::test[b]"'
