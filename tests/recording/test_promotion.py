"""A staged recording takes the place of its cassette when no change in it is undecided; or it is dropped."""

from __future__ import annotations

import os

import pytest

from acetate.project import Project
from acetate.promotion import accept, examine_staged, reject
from acetate.verdict import Context

pytest_plugins = ["pytester"]

HERE = Context("suite", "test")
IT = "cassettes/test_chat/test_it"


@pytest.fixture
def rewritten(suite):
    """An approved recording, and a staged one in which two things have changed."""
    suite.tests("@pytest.mark.vcr\ndef test_it():\n    assert ask('hi').status_code == 200\n")
    suite.run("--record-mode=once")
    assert suite.acetate("accept", "--all").returncode == 0
    suite.standin.script(finish_reasons={"stop": "done"}, remove=["$.usage"])
    suite.run("--record-mode=rewrite")
    return suite


def opened(suite):
    return Project.open(suite.root, os.environ)


def decided(suite, decide, pick=lambda change: True):
    project = opened(suite)
    changes = [each for each in examine_staged(project, HERE).changes if pick(each)]
    return decide(project, changes, by="Ada <ada@example.org>", why="handled")


def test_what_is_staged_is_examined_under_the_name_of_its_cassette(rewritten):
    verdict = examine_staged(opened(rewritten), HERE)
    assert {each.kind for each in verdict.changes} == {"enum-value-replaced", "field-removed"}
    assert {where.cassette for each in verdict.changes for where in each.occurrences} == {IT}


def test_accepting_all_swaps_cassette_snapshot_and_contract(rewritten):
    (new,) = rewritten.staged()
    done = decided(rewritten, accept)
    assert (done.swapped, done.waiting) == ((IT,), ())
    assert rewritten.exchanges() == [new]
    assert not rewritten.has(f".acetate/staged/{IT}.yaml")
    assert not rewritten.has(f".acetate/staged/{IT}.json")
    assert rewritten.acetate("check").returncode == 0
    assert rewritten.run().counts == "1 replayed, 0 live, 0 missed"


def test_accepting_one_of_two_changes_nothing_yet(rewritten):
    before = {path: path.read_bytes() for path in rewritten.root.glob("[cs]*/**/*.*") if path.is_file()}
    done = decided(rewritten, accept, lambda change: change.kind == "field-removed")
    assert (done.swapped, done.waiting) == ((), ((IT, 1),))
    assert {path: path.read_bytes() for path in before} == before
    assert {each.kind: each.decision for each in examine_staged(opened(rewritten), HERE).changes} == {
        "enum-value-replaced": None,
        "field-removed": "approved",
    }
    done = decided(rewritten, accept, lambda change: change.kind == "enum-value-replaced")
    assert (done.swapped, done.waiting) == ((IT,), ())
    assert rewritten.acetate("check").returncode == 0


def test_rejecting_drops_the_recording_and_remembers_why(rewritten):
    before = (rewritten.root / f"{IT}.yaml").read_bytes()
    done = decided(rewritten, reject, lambda change: change.kind == "field-removed")
    assert done.dropped == (IT,)
    assert not rewritten.has(f".acetate/staged/{IT}.yaml")
    assert (rewritten.root / f"{IT}.yaml").read_bytes() == before
    assert rewritten.acetate("check").returncode == 0
    assert "handled" in rewritten.acetate("log").stdout


def test_a_change_that_was_rejected_keeps_a_new_recording_out(rewritten):
    decided(rewritten, reject, lambda change: change.kind == "field-removed")
    rewritten.run("--record-mode=rewrite")
    done = decided(rewritten, accept, lambda change: change.kind == "enum-value-replaced")
    assert (done.swapped, done.waiting) == ((), ((IT, 1),))


def test_a_recording_of_a_failed_test_comes_behind_what_the_cassette_holds(suite):
    suite.tests("@pytest.mark.vcr\ndef test_it():\n    ask('one')\n")
    suite.run("--record-mode=once")
    suite.tests(
        "@pytest.mark.vcr\ndef test_it():\n    ask('one')\n    ask('two')\n    assert os.environ.get('FIXED')\n"
    )
    suite.run("--record-mode=new_episodes")
    assert len(suite.staged()) == 1
    done = decided(suite, accept)
    assert done.swapped == (IT,)
    assert len(suite.exchanges()) == 2
    suite.env("FIXED", "1")
    assert suite.run().counts == "2 replayed, 0 live, 0 missed"


def test_whoever_was_killed_before_the_swap_swaps_later(rewritten, monkeypatch):
    def killed(*_args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("acetate.promotion._swap", killed)
        with pytest.raises(KeyboardInterrupt):
            decided(rewritten, accept)
    assert rewritten.has(f".acetate/staged/{IT}.yaml")
    assert examine_staged(opened(rewritten), HERE).changes == ()
    assert decided(rewritten, accept).swapped == (IT,)
    assert rewritten.acetate("check").returncode == 0


def test_the_day_six_weeks_later(suite):
    """The provider changes, the recording is staged, the code is fixed against it, and it is accepted."""
    test = "@pytest.mark.vcr\ndef test_it():\n    reason = ask('hi').json()['choices'][0]['finish_reason']\n"
    suite.tests(f"{test}    assert reason == 'eos'\n")
    suite.standin.script(finish_reasons={"stop": "eos"})
    suite.run("--record-mode=once")
    assert suite.acetate("accept", "--all").returncode == 0
    suite.standin.script(put={"$.usage.cached_tokens": 0})
    rewritten = suite.run("--record-mode=rewrite")
    assert rewritten.outcomes == {"failed": 1}
    assert 'finish_reason    "eos" -> "stop"' in rewritten.text
    assert suite.run().outcomes == {"passed": 1}
    assert suite.run("--acetate-staged").outcomes == {"failed": 1}
    suite.tests(f"{test}    assert reason in ('eos', 'stop')\n")
    assert suite.run("--acetate-staged").outcomes == {"passed": 1}
    assert decided(suite, accept).swapped == (IT,)
    suite.env("CI", "1")
    run = suite.run()
    assert (run.code, run.outcomes, run.counts) == (0, {"passed": 1}, "1 replayed, 0 live, 0 missed")
