"""`acetate prune` as a user types it."""

from __future__ import annotations

import json

import pytest

from tests.toolkit.tapes import asked, ran, tape

TEST = "tests/test_chat.py::test_hello"
NAME = "cassettes/one"


@pytest.fixture
def used(sandbox, git):
    """Two exchanges of which a complete run asked for one, approved and committed."""
    tape(sandbox.project(), NAME, asked("a", "1"), asked("b", "2"))
    sandbox.accept()
    git("add", "--all")
    git("commit", "--quiet", "--message", "as it is")
    return ran(sandbox.project(), [TEST], {NAME: [0]})


def test_by_default_it_lists_and_removes_nothing(run, used, files):
    before = files()
    done = run("prune")
    assert done.code == 0
    assert f"sandbox  1 leftover, by the complete run of {used.at[:16].replace('T', ' ')} (1 test)" in done.out
    assert "UNUSED  recorded, and no test of a complete run asks for it\n" in done.out
    assert f"  {NAME}#1  together:chat.completions 200  " in done.out
    assert "Nothing was removed. 1 leftover, with what is approved of it: " in done.out
    assert files() == before


def test_yes_removes_and_says_how_to_take_it_back(run, used, files, git, sandbox):
    before = files()
    done = run("prune", "--yes")
    assert done.code == 0
    assert "1 leftover removed" in done.out
    assert run("check").code == 0
    assert files() != before
    advice = done.out.partition("take it back: ")[2].strip()
    assert advice == "git checkout --pathspec-from-file=.acetate/pruned HEAD && acetate accept --rebuild"
    git("checkout", "--pathspec-from-file=.acetate/pruned", "HEAD")
    assert run("accept", "--rebuild").code == 0
    assert files() == before


def test_the_bytes_that_are_told_are_those_that_go(run, used, files):
    def size():
        return sum(len(content) for path, content in files().items() if not path.startswith("contracts/"))

    told = json.loads(run("prune", "--format", "json").out)["bytes"]
    before = size()
    run("prune", "--yes")
    assert before - size() == told


def test_ci_may_look_and_not_remove(run, used, monkeypatch, files):
    monkeypatch.setenv("CI", "true")
    before = files()
    assert run("prune").code == 0
    done = run("prune", "--yes")
    assert (done.code, files()) == (2, before)
    assert "CI never does" in done.err


def test_without_a_complete_run_it_says_what_to_run(run, sandbox):
    tape(sandbox.project(), NAME, asked("a", "1"))
    done = run("prune")
    assert done.code == 0
    assert "No complete run is known yet" in done.out
    assert done.out.endswith("nothing to remove\n")


def test_an_orphan_snapshot_needs_no_run(run, sandbox, git):
    path = tape(sandbox.project(), NAME, asked("a", "1"))
    sandbox.accept()
    path.unlink()
    done = run("prune")
    assert f"  snapshots/{NAME}.json  1 approved entry" in done.out
    assert (
        "CONTRACT  nothing approved speaks for it any more\n  contracts/together/chat.completions/200.json\n"
        in done.out
    )


def test_a_cassette_that_nobody_opened_stays_unless_it_is_named(run, sandbox, git):
    path = tape(sandbox.project(), "cassettes/by-hand", asked("a", "1"))
    git("add", "--all")
    git("commit", "--quiet", "--message", "as it is")
    ran(sandbox.project(), [TEST], {})
    assert "NOT OPENED" in run("prune", "--yes").out
    assert "nothing was removed" in run("prune", "--yes", "cassettes").out
    assert path.exists()
    assert "1 leftover removed" in run("prune", "--yes", "cassettes/by-hand").out
    assert not path.exists()


@pytest.mark.parametrize("path", ["cassettes/one.yaml", "cassettes/one", "cassettes", "."])
def test_paths_narrow_it(run, used, path):
    assert "1 leftover" in run("prune", path).out


def test_a_path_without_leftovers_has_none(run, used, sandbox):
    tape(sandbox.project(), "other/two", asked("a", "1"))
    assert "0 leftovers" in run("prune", "other").out


@pytest.mark.parametrize("path", ["cassettes/none", ".."])
def test_a_path_that_is_not_there_is_an_error(run, used, path):
    done = run("prune", path)
    assert done.code == 2
    assert "there is no such file in this project" in done.err


def test_what_git_does_not_have_is_told_and_stays(run, sandbox, git):
    path = tape(sandbox.project(), NAME, asked("a", "1"))
    ran(sandbox.project(), [TEST], {NAME: []})
    done = run("prune", "--yes")
    assert done.code == 2
    assert f"not looked at  {NAME}.yaml\n  git does not have it as it is" in done.out
    assert path.exists()


def test_a_cassette_that_has_changed_since_the_run_is_listed_apart(run, used, sandbox):
    tape(sandbox.project(), NAME, asked("c", "3"))
    done = run("prune")
    assert f"NOT JUDGED  it has changed since the complete run\n  {NAME}.yaml\n" in done.out


def test_different_reasons_stand_in_their_lines(run, sandbox):
    gone = "tests/test_chat.py::test_gone"
    tape(sandbox.project(), NAME, asked("a", "1", test=gone), asked("b", "2"))
    ran(sandbox.project(), [TEST], {NAME: []})
    out = run("prune").out
    assert f"  the test that recorded it is gone: {gone}\n" in out
    assert "  no test asked for it\n" in out


def test_json_says_the_same(run, used):
    document = json.loads(run("prune", "--format", "json").out)
    assert document["schema"] == "acetate.prune/1"
    assert document["removed"] is False
    assert document["runs"] == [{"suite": ".", "at": used.at, "tests": 1}]
    (leftover,) = document["leftovers"]
    assert (leftover["kind"], leftover["position"], leftover["entry"], leftover["goes"]) == ("unused", 1, 1, True)
    assert (document["contracts"], document["stale"], document["problems"]) == ([], [], [])
