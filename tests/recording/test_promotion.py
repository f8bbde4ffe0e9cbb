"""A staged recording takes the place of its cassette when no change in it is undecided; or it is dropped."""

from __future__ import annotations

import os
import subprocess

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
    assert (done.swapped, done.waiting) == ((IT,), {})
    assert rewritten.exchanges() == [new]
    assert not rewritten.has(f".acetate/staged/{IT}.yaml")
    assert not rewritten.has(f".acetate/staged/{IT}.json")
    assert rewritten.acetate("check").returncode == 0
    assert rewritten.run().counts == "1 replayed, 0 live, 0 missed"


def test_accepting_one_of_two_changes_nothing_yet(rewritten):
    before = {path: path.read_bytes() for path in rewritten.root.glob("[cs]*/**/*.*") if path.is_file()}
    done = decided(rewritten, accept, lambda change: change.kind == "field-removed")
    assert (done.swapped, done.waiting) == ((), {IT: 1})
    assert {path: path.read_bytes() for path in before} == before
    assert {each.kind: each.decision for each in examine_staged(opened(rewritten), HERE).changes} == {
        "enum-value-replaced": None,
        "field-removed": "approved",
    }
    done = decided(rewritten, accept, lambda change: change.kind == "enum-value-replaced")
    assert (done.swapped, done.waiting) == ((IT,), {})
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
    assert (done.swapped, done.waiting) == ((), {IT: 1})


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


def test_whoever_was_killed_before_the_end_swaps_later(rewritten, monkeypatch):
    def killed(*_args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("acetate.promotion.set_aside", killed)
        with pytest.raises(KeyboardInterrupt):
            decided(rewritten, accept)
    assert rewritten.has(f".acetate/staged/{IT}.yaml")
    assert examine_staged(opened(rewritten), HERE).changes == ()
    assert rewritten.acetate("accept", "--staged", "--all").returncode == 0
    assert not rewritten.has(f".acetate/staged/{IT}.yaml")
    assert rewritten.acetate("check").returncode == 0


# What comes behind a cassette


def test_what_comes_behind_an_approved_exchange_is_not_taken_for_it(suite):
    suite.tests("@pytest.mark.vcr\ndef test_it():\n    ask('one')\n")
    suite.run("--record-mode=once")
    assert suite.acetate("accept", "--all").returncode == 0
    suite.tests("@pytest.mark.vcr\ndef test_it():\n    ask('one')\n    ask('two', seed=1)\n    assert 0\n")
    suite.standin.script(put={"$.later": 1})
    run = suite.run("--record-mode=new_episodes", "--tb=no")
    seen = examine_staged(opened(suite), HERE).changes
    assert {each.kind for each in seen} == {"exchange-unapproved", "field-added"}
    assert {where.exchange for each in seen for where in each.occurrences} == {1}
    assert "1 of 2 exchanges, in 1 test" in run.text
    replayed = suite.run("--acetate-staged", "--tb=no")
    assert replayed.counts == "2 replayed, 0 live, 0 missed"
    assert "1 of 2 exchanges, in 1 test" in replayed.text
    assert suite.acetate("accept", "--staged", "--all").returncode == 0
    assert len(suite.exchanges()) == 2
    done = suite.acetate("check")
    assert (done.returncode, "2 exchanges" in done.stdout) == (0, True), done.stdout


# As it is typed


def short(suite, kind):
    return next(each for each in examine_staged(opened(suite), HERE).changes if each.kind == kind).fingerprint[:8]


def files(suite):
    found = (path for folder in ("cassettes", "contracts", "snapshots") for path in (suite.root / folder).rglob("*"))
    return {path: path.read_bytes() for path in found if path.is_file() and ".reviews" not in path.parts}


def test_a_recording_run_says_what_to_type_and_that_works(rewritten):
    run = rewritten.run("--record-mode=rewrite")
    block = run.block("STAGED")
    assert block[1] == f"  .acetate/staged/{IT}.yaml   1 exchange: it replaces an approved recording"
    assert block[2:5] == [
        "  play them    pytest --acetate-staged",
        "  look         acetate check --staged",
        '  take them    acetate accept --staged --all --reason "..."',
    ]
    checked = rewritten.acetate("check", "--staged")
    assert checked.returncode == 1
    assert '"stop"' in checked.stdout
    done = rewritten.acetate("accept", "--staged", "--all", "--reason", "handled")
    assert done.returncode == 0, done.stderr
    assert f"in place  {IT}" in done.stdout
    assert "2 accepted, 3 approved files written; take it back: acetate undo" in done.stdout
    assert rewritten.acetate("check").returncode == 0


def test_check_points_to_what_is_staged_and_judges_without_it(rewritten):
    done = rewritten.acetate("check")
    assert done.returncode == 0
    assert done.stdout.endswith("staged, waiting for a decision: 1 recording; look: acetate check --staged\n")


def test_status_lists_what_is_staged(rewritten):
    said = rewritten.acetate("status").stdout
    assert f"staged, waiting for a decision: 1\n  {IT}.yaml\n  next: acetate check --staged\n" in said


def test_a_fingerprint_finds_a_staged_change(rewritten):
    shown = rewritten.acetate("show", short(rewritten, "field-removed"))
    assert shown.returncode == 0, shown.stderr
    assert '-      "finish_reason": "stop",\n  +      "finish_reason": "done",' in shown.stdout
    first = rewritten.acetate("accept", short(rewritten, "field-removed"), "--reason", "nobody reads it")
    assert first.returncode == 0, first.stderr
    assert f"staged  {IT}  1 change to decide: acetate check --staged" in first.stdout
    assert rewritten.has(f".acetate/staged/{IT}.yaml")
    second = rewritten.acetate("accept", short(rewritten, "enum-value-replaced"), "--reason", "both are read")
    assert f"in place  {IT}" in second.stdout
    assert rewritten.acetate("check").returncode == 0
    log = rewritten.acetate("log").stdout
    assert "both are read" in log


def test_undo_gives_cassette_snapshot_contract_and_staged_recording_back(rewritten):
    before = files(rewritten)
    (new,) = rewritten.staged()
    assert rewritten.acetate("accept", "--staged", "--all").returncode == 0
    assert files(rewritten) != before
    done = rewritten.acetate("undo")
    assert done.returncode == 0, done.stderr
    assert f"staged  {IT}  waits again" in done.stdout
    assert "2 undone; look again: acetate check --staged" in done.stdout
    assert files(rewritten) == before
    assert rewritten.staged() == [new]
    assert rewritten.acetate("accept", "--staged", "--all").returncode == 0
    assert rewritten.acetate("check").returncode == 0


def test_undoing_one_decision_takes_back_the_recording_with_all_that_came_with_it(rewritten):
    before = files(rewritten)
    name = short(rewritten, "field-removed")
    assert rewritten.acetate("accept", "--staged", "--all").returncode == 0
    done = rewritten.acetate("undo", name)
    assert "2 undone" in done.stdout
    assert files(rewritten) == before


def test_what_came_with_a_recording_is_not_taken_back_in_part(rewritten):
    one, other = short(rewritten, "field-removed"), short(rewritten, "enum-value-replaced")
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false")
    for words in (("init", "--quiet"), ("add", "."), ("commit", "--quiet", "-m", "before")):
        subprocess.run(["git", *who, *words], cwd=rewritten.root, check=True)
    assert rewritten.acetate("accept", "--staged", "--all").returncode == 0
    assert rewritten.acetate("reject", one, "--against", "HEAD").returncode == 0
    before = files(rewritten)
    done = rewritten.acetate("undo", other)
    assert done.returncode == 2
    assert "came with a recording, and what else came with it was decided again since" in done.stderr
    assert files(rewritten) == before


def test_a_rejected_recording_is_dropped_and_undo_brings_it_back(rewritten):
    before = files(rewritten)
    done = rewritten.acetate("reject", short(rewritten, "field-removed"), "--reason", "we bill by it")
    assert f"dropped  {IT}" in done.stdout
    assert not rewritten.has(f".acetate/staged/{IT}.yaml")
    assert f"staged  {IT}  waits again" in rewritten.acetate("undo").stdout
    assert rewritten.staged()
    assert files(rewritten) == before


@pytest.fixture
def unchanged(suite):
    """An approved recording, and a staged one in which nothing has changed but the words."""
    suite.tests("@pytest.mark.vcr\ndef test_it():\n    ask('hi')\n")
    suite.run("--record-mode=once")
    assert suite.acetate("accept", "--all").returncode == 0
    suite.standin.script(say="Something else.")
    suite.run("--record-mode=rewrite")
    return suite


def test_a_recording_without_a_change_is_taken_by_its_path(unchanged):
    suite = unchanged
    assert suite.acetate("check", "--staged").returncode == 0
    (new,) = suite.staged()
    assert suite.acetate("accept", "--all").stdout == "nothing to decide: no change is waiting\n"
    done = suite.acetate("accept", "--staged", f".acetate/staged/{IT}.yaml")
    assert done.returncode == 0, done.stderr
    assert f"in place  {IT}" in done.stdout
    assert "no change to decide; take it back: acetate undo" in done.stdout
    assert suite.exchanges() == [new]
    assert suite.acetate("check").returncode == 0


def test_a_recording_without_a_change_goes_back_to_where_it_waited(unchanged):
    before = files(unchanged)
    (new,) = unchanged.staged()
    assert unchanged.acetate("accept", "--staged", "--all").returncode == 0
    assert files(unchanged) != before
    done = unchanged.acetate("undo")
    assert f"staged  {IT}  waits again" in done.stdout, done.stderr
    assert (files(unchanged), unchanged.staged()) == (before, [new])
    assert unchanged.acetate("undo").stdout.startswith("undone  ")  # what was decided before it


def test_a_recording_without_a_change_is_not_put_back_over_a_newer_one(unchanged):
    assert unchanged.acetate("accept", "--staged", "--all").returncode == 0
    path = unchanged.root / f"{IT}.yaml"
    path.write_bytes(path.read_bytes() + b"# by hand\n")
    done = unchanged.acetate("undo")
    assert (done.returncode, "has moved on since its recording was accepted" in done.stderr) == (2, True)


@pytest.mark.parametrize("words", [("--all",), (IT,)], ids=["all", "path"])
def test_a_recording_without_a_change_can_be_dropped(unchanged, words):
    before = files(unchanged)
    done = unchanged.acetate("reject", "--staged", *words)
    assert f"dropped  {IT}" in done.stdout
    assert "no change to decide; take it back: acetate undo" in done.stdout
    assert not unchanged.has(f".acetate/staged/{IT}.yaml")
    assert f"staged  {IT}  waits again" in unchanged.acetate("undo").stdout
    assert len(unchanged.staged()) == 1
    assert files(unchanged) == before


def test_words_without_staged_speak_of_what_is_in_place(rewritten):
    done = rewritten.acetate("accept", "--all")
    assert done.stdout == "nothing to decide: no change is waiting\n"
    assert rewritten.has(f".acetate/staged/{IT}.yaml")


@pytest.mark.parametrize(
    "words", [("check",), ("accept", "--all"), ("reject", "--all")], ids=["check", "accept", "reject"]
)
def test_where_nothing_is_staged_that_is_said(suite, words):
    done = suite.acetate(*words, "--staged")
    assert done.returncode == 2
    assert done.stderr == (
        "acetate: nothing is staged\n  next: pytest --record-mode=rewrite   (records again, and stages)\n"
    )


def test_a_path_where_nothing_is_staged_is_said(rewritten):
    done = rewritten.acetate("accept", "--staged", "cassettes/other")
    assert done.returncode == 2
    assert "cassettes/other: nothing is staged there" in done.stderr


@pytest.mark.parametrize("verb", ["check", "accept"])
def test_staged_and_against_do_not_go_together(rewritten, verb):
    done = rewritten.acetate(verb, "--staged", "--against", "main", *["--all"] * (verb == "accept"))
    assert (done.returncode, "do not go together" in done.stderr) == (2, True)


def test_in_ci_nothing_staged_is_taken(rewritten):
    rewritten.env("CI", "1")
    assert rewritten.acetate("accept", "--staged", "--all").returncode == 2
    assert rewritten.has(f".acetate/staged/{IT}.yaml")


def test_what_is_printed_of_a_staged_recording_can_be_typed(suite):
    suite.tests("@pytest.mark.vcr\ndef test_it():\n    ask('hi')\n")
    suite.standin.script(remove=["$.usage", "$.created"])
    suite.run("--record-mode=once")
    assert suite.acetate("accept", "--all").returncode == 0
    suite.standin.script()
    suite.run("--record-mode=rewrite")
    said = suite.acetate("check", "--staged").stdout
    assert "  acetate accept --staged --severity info  take the 2 harmless ones" in said
    assert suite.acetate("accept", "--staged", "--severity", "info").returncode == 0
    assert not suite.has(f".acetate/staged/{IT}.yaml")
