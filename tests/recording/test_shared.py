"""Tests that share a cassette: who records again replaces what is theirs, and nothing else."""

from __future__ import annotations

import pytest

from tests.recording.conftest import content

pytest_plugins = ["pytester"]

BOTH = """
@pytest.mark.vcr
@pytest.mark.parametrize("q", ["a/b", "a:b"])
def test_q(q):
    ask(q)
"""
NAME = "test_chat/test_q[a-b]"
SLASH, COLON = (f"test_chat.py::test_q[{each}]" for each in ("a/b", "a:b"))


@pytest.fixture
def shared(suite):
    """A cassette of two tests, which nobody has approved."""
    suite.tests(BOTH)
    suite.run("--record-mode=once")
    assert asked(suite) == ["a/b", "a:b"]
    return suite


@pytest.fixture
def approved(shared):
    assert shared.acetate("accept", "--all").returncode == 0
    return shared


def asked(suite):
    return sorted(content(each) for each in suite.exchanges(NAME))


def when(suite, question):
    return next(each.recording.recorded_at for each in suite.exchanges(NAME) if content(each) == question)


def test_recording_one_of_them_again_keeps_the_others_recording(approved):
    before = when(approved, "a:b"), when(approved, "a/b")
    approved.run("--record-mode=rewrite", SLASH)
    assert "passed: no change" in approved.acetate("check", "--staged").stdout
    assert approved.run("--acetate-staged").counts == "2 replayed, 0 live, 0 missed"
    assert approved.acetate("accept", "--staged", "--all").returncode == 0
    assert asked(approved) == ["a/b", "a:b"]
    assert when(approved, "a:b") == before[0]
    assert when(approved, "a/b") > before[1]
    assert approved.run().counts == "2 replayed, 0 live, 0 missed"
    assert approved.acetate("check").returncode == 0


def test_a_recording_that_nobody_approved_is_kept_for_the_other_test_too(shared):
    before = when(shared, "a:b"), when(shared, "a/b")
    shared.run("--record-mode=rewrite", SLASH)
    assert asked(shared) == ["a/b", "a:b"]
    assert when(shared, "a:b") == before[0]
    assert when(shared, "a/b") > before[1]


def test_one_after_the_other_both_wait(approved):
    before = when(approved, "a:b"), when(approved, "a/b")
    for test in (SLASH, COLON):
        approved.run("--record-mode=rewrite", test)
    assert sorted(content(each) for each in approved.staged(NAME)) == ["a/b", "a:b"]
    assert approved.acetate("accept", "--staged", "--all").returncode == 0
    assert asked(approved) == ["a/b", "a:b"]
    assert when(approved, "a:b") > before[0]
    assert when(approved, "a/b") > before[1]


def test_a_change_is_seen_at_the_test_that_recorded_it(approved):
    approved.standin.script(finish_reasons={"stop": "done"})
    approved.run("--record-mode=rewrite", COLON)
    run = approved.run("--acetate-staged")
    assert f"1 of 2 exchanges, in 1 test; first {COLON}" in run.text
    assert "2 replayed, 0 live, 0 missed" in run.text


@pytest.mark.parametrize("decided", [True, False], ids=["approved", "not approved"])
def test_a_test_that_was_called_otherwise_does_not_stack_its_recordings(suite, decided):
    test = "@pytest.mark.vcr\n@pytest.mark.default_cassette('one')\ndef test_old():\n    ask('hi')\n    ask('ho')\n"
    suite.tests(test)
    suite.run("--record-mode=once")
    if decided:
        assert suite.acetate("accept", "--all").returncode == 0
    suite.tests(test.replace("old", "new"))
    suite.run("--record-mode=rewrite")
    if decided:
        assert suite.acetate("accept", "--staged", "--all").returncode == 0
    assert [each.recording.test for each in suite.exchanges("test_chat/one")] == ["test_chat.py::test_new"] * 2


def test_what_names_no_test_is_replaced(suite):
    suite.tests("@pytest.mark.vcr\ndef test_it():\n    ask('hi')\n")
    suite.run("--record-mode=once")
    path = suite.root / "cassettes/test_chat/test_it.yaml"
    lines = [line for line in path.read_text().splitlines(keepends=True) if "acetate:" not in line]
    path.write_text("".join(lines).replace("hi", "hello"))
    assert suite.exchanges()[0].recording.test is None
    suite.run("--record-mode=rewrite")
    assert [content(each) for each in suite.exchanges()] == ["hi"]


def test_a_part_that_waits_goes_with_the_test_that_was_recorded_whole_since(suite):
    suite.tests(BOTH + "    assert False\n")
    suite.run("--record-mode=once")
    assert len(suite.staged(NAME)) == 2
    suite.tests(BOTH)
    suite.run("--record-mode=once", SLASH)
    assert asked(suite) == ["a/b"]
    assert [content(each) for each in suite.staged(NAME)] == ["a:b"]
    assert suite.acetate("accept", "--staged", "--all").returncode == 0
    assert asked(suite) == ["a/b", "a:b"]
