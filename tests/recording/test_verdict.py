"""What a run has played and recorded is examined: listed at the end, failing the run in CI only."""

from __future__ import annotations

import json
import subprocess

import pytest

pytest_plugins = ["pytester"]

TWO = """
@pytest.mark.vcr
@pytest.mark.parametrize("n", range(4))
def test_it(n):
    ask(f"question {n}")
"""


@pytest.fixture
def changed(suite):
    """Four recordings whose approved form had another finish reason."""
    suite.tests(TWO)
    suite.standin.script(finish_reasons={"stop": "eos"})
    suite.run("--record-mode=once")
    assert suite.acetate("accept", "--all").returncode == 0
    for path in (suite.root / "cassettes/test_chat").glob("*.yaml"):
        path.write_text(path.read_text().replace('"eos"', '"stop"'))
    return suite


def test_changes_are_listed_once_with_their_tests(changed):
    run = changed.run()
    assert run.code == 0
    block = "\n".join(run.block("CHANGED"))
    assert '$.choices[].finish_reason    "eos" -> "stop"' in block
    assert "4 of 4 exchanges, in 4 tests; first test_chat.py::test_it[0]" in block
    assert "what together returns to us" in block
    assert "This change does not fail a run on this machine; with CI set it does." in block
    assert run.counts == "4 replayed, 0 live, 0 missed"


def test_only_what_was_played_is_examined(changed):
    block = "\n".join(changed.run("-k", "0 or 1").block("CHANGED"))
    assert "in 2 tests; first test_chat.py::test_it[0]" in block


def test_with_ci_set_they_fail_the_run(changed):
    changed.env("CI", "1")
    run = changed.run()
    assert (run.outcomes, run.code) == ({"passed": 4}, 1)
    assert "do not fail a run on this machine" not in run.text


def test_what_is_approved_is_silent_and_passes_in_ci(suite):
    suite.tests(TWO)
    suite.run("--record-mode=once")
    assert suite.acetate("accept", "--all").returncode == 0
    suite.env("CI", "1")
    run = suite.run()
    assert (run.code, run.counts) == (0, "4 replayed, 0 live, 0 missed")
    assert "CHANGED" not in run.text


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_the_report_says_the_same_from_one_process_and_from_workers(changed, workers):
    changed.env("CI", "1")
    run = (changed.spawn if workers else changed.run)("--acetate-report", "out/acetate.json", *workers)
    assert run.counts == "4 replayed, 0 live, 0 missed"
    report = json.loads((changed.root / "out/acetate.json").read_text())
    assert report["schema"] == "acetate.report/1"
    assert report["outcome"] == "failed"
    assert report["counts"] | {"exchanges": 4} == {
        "cassettes": 4,
        "exchanges": 4,
        "examined": 4,
        "replayed": 4,
        "live": 0,
        "missed": 0,
    }
    tests = {one["test"] for each in report["changes"] for one in each["occurrences"]}
    assert tests == {f"test_chat.py::test_it[{n}]" for n in range(4)}


def test_misses_are_problems_of_the_report(suite):
    suite.tests("@pytest.mark.vcr\ndef test_it():\n    ask('hi')\n")
    suite.run("--acetate-report", "acetate.json")
    report = json.loads((suite.root / "acetate.json").read_text())
    assert report["outcome"] == "unknown"
    assert report["counts"]["missed"] == 1
    assert report["problems"] == [
        {
            "where": "test_chat.py::test_it",
            "problem": "POST together:chat.completions has no recording",
            "next": 'pytest --record-mode=once "test_chat.py::test_it"',
        }
    ]


def context(suite):
    """What the report of a run says of where it took place."""
    suite.run("--acetate-report", "acetate.json")
    found = json.loads((suite.root / "acetate.json").read_text())["context"]
    return {name: value for name, value in found.items() if name not in ("acetate", "project")}


def test_the_context_of_a_pull_request_at_github_is_its_head(changed):
    event = {"pull_request": {"number": 7, "head": {"sha": "0ff1ce"}, "user": {"login": "ada"}}}
    changed.write("event.json", json.dumps(event))
    for name, value in {
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_PATH": str(changed.root / "event.json"),
        "GITHUB_SHA": "the merge commit that is checked out",
        "GITHUB_HEAD_REF": "new-engine",
        "GITHUB_BASE_REF": "main",
        "GITHUB_REF_NAME": "7/merge",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "ada/shop",
        "GITHUB_RUN_ID": "77",
    }.items():
        changed.env(name, value)
    assert context(changed) == {
        "commit": "0ff1ce",
        "branch": "new-engine",
        "base": "main",
        "pull_request": "7",
        "author": "ada",
        "ci_url": "https://github.com/ada/shop/actions/runs/77",
    }


def test_the_context_of_a_merge_request_at_gitlab_is_its_source(changed):
    for name, value in {
        "CI": "true",
        "GITLAB_CI": "true",
        "CI_COMMIT_SHA": "the merged result",
        "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": "0ff1ce",
        "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "new-engine",
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
        "CI_MERGE_REQUEST_IID": "7",
        "GITLAB_USER_LOGIN": "ada",
        "CI_JOB_URL": "https://gitlab.com/ada/shop/-/jobs/77",
    }.items():
        changed.env(name, value)
    assert context(changed) == {
        "commit": "0ff1ce",
        "branch": "new-engine",
        "base": "main",
        "pull_request": "7",
        "author": "ada",
        "ci_url": "https://gitlab.com/ada/shop/-/jobs/77",
    }


def test_the_context_anywhere_else_is_what_git_says(changed):
    changed.env("CI", "1")

    def git(*words):
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false")
        done = subprocess.run(["git", *who, *words], cwd=changed.root, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "--quiet", "--initial-branch=new-engine")
    git("commit", "--quiet", "--allow-empty", "-m", "work")
    assert context(changed) == {
        "commit": git("rev-parse", "HEAD"),
        "branch": "new-engine",
        "base": None,
        "pull_request": None,
        "author": "Ada <ada@example.org>",
        "ci_url": None,
    }


def test_a_report_that_cannot_be_written_is_said(changed):
    changed.write("out", "a file\n")
    run = changed.run("--acetate-report", "out/acetate.json")
    assert run.code == 1
    assert "out/acetate.json: the report cannot be written: " in run.text
    assert run.counts == "4 replayed, 0 live, 0 missed"


def test_workers_find_the_misses_and_the_refusals_together(suite):
    suite.tests(
        """
        @pytest.mark.vcr
        @pytest.mark.parametrize("n", range(4))
        def test_it(n):
            ask(f"question {n}")

        def test_out():
            ask("unmarked")
        """
    )
    run = suite.spawn("-n", "2", "--acetate-replay-only", "--tb=no")
    assert run.counts == "0 replayed, 0 live, 5 missed (4 without a recording, 1 refused)"
    assert run.hits == 0
    assert "MISSED  4 requests have no recording" in run.text
    assert "REFUSED  1 connection was stopped" in run.text


def test_a_worker_that_dies_is_a_problem(suite):
    suite.tests(
        """
        @pytest.mark.vcr
        def test_it():
            os._exit(1)
        """
    )
    run = suite.spawn("-n", "1", "--max-worker-restart=0")
    assert "it ended early: what its tests played and missed is not counted" in run.text


def test_cassettes_that_check_does_not_look_at_are_named_with_what_makes_it(suite):
    suite.tests("@pytest.mark.vcr\ndef test_it():\n    ask('hi')\n", "tests2/test_chat.py")
    suite.env("PYTHONPATH", str(suite.root))
    said = suite.spawn("--record-mode=once").text
    note = next(line for line in said.splitlines() if line.startswith("note: "))
    path = "tests2/cassettes/test_chat/test_it.yaml"
    assert note.startswith(f"note: `acetate check` does not look at {path}; so it does: cassettes = ")
    suite.write("acetate.toml", note.partition("so it does: ")[2])
    assert "note:" not in suite.spawn().text
    assert "1 cassette, 1 exchange" in suite.acetate("check").stdout


def test_a_miss_says_that_a_recording_waits(suite):
    suite.tests("@pytest.mark.vcr\ndef test_it():\n    ask('hi')\n    assert False\n")
    suite.run("--record-mode=once")
    assert "play staged     pytest --acetate-staged" in suite.run().text
    assert "play staged" not in suite.run("--acetate-staged").text


def test_many_recordings_are_listed_in_order_and_the_rest_is_counted(suite):
    suite.tests("@pytest.mark.vcr\n@pytest.mark.parametrize('n', range(12))\ndef test_it(n):\n    ask(f'{n}')\n")
    block = suite.run("--record-mode=once").block("RECORDED")
    paths = [line.split()[0] for line in block if "cassettes/" in line]
    assert (len(paths), paths) == (10, sorted(paths))
    assert "  and 2 more" in block
