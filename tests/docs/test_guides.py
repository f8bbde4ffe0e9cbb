"""README and guides say what happens: their commands are run, and print what stands there."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from acetate.cli.main import parser
from acetate.config import load
from tests.docs.guide import GUIDES, READ, REPOSITORY, RUN, Step, agrees, blocks, line_of, promised, run, steps

ids = [page.relative_to(REPOSITORY).as_posix() for page in GUIDES]
guide = pytest.mark.parametrize("file", GUIDES, ids=ids)
TARGETS = set(re.findall(r"^([a-z-]+):.*## ", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))


def says_its_own_code(next_step: Step | None) -> bool:
    return next_step is not None and next_step.shell == "echo $?"


@guide
def test_every_command_prints_and_exits_as_the_page_says(file, tmp_path):
    page = file.read_text(encoding="utf-8")
    wanted, ran = steps(page), run(page, tmp_path)
    assert len(ran) == len(wanted), "the shell stopped on the way"
    followers = [after for _, after in pairwise([*wanted, None])]
    wrong = [
        f"{file.name}:{line_of(page, step)}: {step.shell}\nexit {result.code}\n{result.printed}"
        for step, result, after in zip(wanted, ran, followers, strict=True)
        if not agrees(step.expected or "", result.printed)
        or (result.code != promised(step.expected or "") and not says_its_own_code(after))
    ]
    assert wrong == [], "next, if the code is right: python tests/docs/guide.py PAGE"


@guide
def test_no_block_is_left_that_nobody_looks_at(file):
    page = file.read_text(encoding="utf-8")
    assert [block for block in blocks(page) if block.language not in RUN | READ] == []
    assert page.count("```") == 2 * len(blocks(page))
    assert [block.text for block in blocks(page) if block.language == "console" and block.text[:2] != "$ "] == []


@guide
def test_settings_on_a_page_are_settings(file, tmp_path):
    for number, block in enumerate(each for each in blocks(file.read_text("utf-8")) if each.language == "toml"):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / ("pyproject.toml" if "[tool.acetate" in block.text else "acetate.toml")).write_text(block.text)
        assert load(folder, folder).file is not None


@guide
def test_what_is_not_run_names_verbs_and_make_targets_that_exist(file):
    for block in (each for each in blocks(file.read_text("utf-8")) if each.language in READ):
        assert block.language != "yaml" or yaml.safe_load(block.text)
        assert set(re.findall(r"\bmake ([a-z-]+)", block.text)) <= TARGETS
        for line in re.findall(r"(?:^|[-:] )(acetate .*)$", block.text, re.MULTILINE):
            parser().parse_args(shlex.split(line, comments=True)[1:])


def test_the_pages_have_something_to_run():
    assert sum(len(steps(file.read_text("utf-8"))) for file in GUIDES) > 30


@pytest.mark.parametrize(
    ("expected", "printed"),
    [
        ("one\n", "one\n"),
        ("one\n\n", "one\n"),
        ("at ... o'clock\n", "at 12 o'clock\n"),
        ("one\n...\nfour\n", "one\ntwo\nthree\nfour\n"),
        ("one\n...\nfour\n", "one\nfour\n"),
        ('--reason "..."\n', '--reason "..."\n'),
        ("2026-01-02 03:04  by Ada\n", "2027-11-12 13:14  by Ada\n"),
        ('"at": "2026-01-02T03:04:05.678901Z"\n', '"at": "2027-11-12T13:14:15.161718Z"\n'),
        ("", ""),
    ],
)
def test_a_page_agrees_with(expected, printed):
    assert agrees(expected, printed)


@pytest.mark.parametrize(
    ("expected", "printed"),
    [
        ("one\n", "two\n"),
        ("one\n", "one\ntwo\n"),
        ("", "a warning\n"),
        ("one\n...\nfour\n", "one\nfour\nfive\n"),
        ("a ... b\n", "a\nb\n"),
        ("2026-01-02 03:04  by Ada\n", "2026-01-02  by Ada\n"),
    ],
)
def test_a_page_does_not_agree_with(expected, printed):
    assert not agrees(expected, printed)


@pytest.mark.parametrize(
    ("printed", "code"),
    [
        ("passed: no change, 0 problems\n", 0),
        ("failed: 1 breaking\n", 1),
        ("x\n\nneeds-review: 1\n", 1),
        ("unknown: nothing was examined\n", 2),
        ("acetate: git knows no commit `nope`\n", 2),
    ],
)
def test_what_is_printed_promises_an_exit_code(printed, code):
    assert promised(printed) == code


def test_a_page_that_says_something_wrong_is_noticed(tmp_path):
    page = "```console\n$ echo one\ntwo\n\n$ false\n\n$ cat acetate.toml\n```\n\n```toml\nproject = 'x'\n```\n"
    ran = run(page, tmp_path)
    assert [each.code for each in ran] == [0, 1, 1, 0]
    assert [agrees(step.expected or "", each.printed) for step, each in zip(steps(page), ran, strict=True)] == [
        False,
        True,
        False,
        True,
    ]
    assert Path(tmp_path / "shop" / "acetate.toml").read_text() == "project = 'x'\n"
