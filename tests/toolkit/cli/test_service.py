"""push, pull and check --service where the service is not there; with one that is: tests/app/reviews."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from acetate.cli.service import job_of
from acetate.service import TOKEN, URL
from tests.toolkit.loopback import Loopback, answer, listening

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def approved(sandbox: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A green project, and a token."""
    monkeypatch.setenv(TOKEN, "act_secret")
    sandbox.record("a", sandbox.reply())
    sandbox.accept()
    return sandbox


@pytest.fixture
def there() -> Iterator[Loopback]:
    with listening() as loopback:
        yield loopback


@pytest.mark.parametrize("says", [answer(b"oops", "500 Internal Server Error"), answer(b"<html>"), b""])
def test_a_service_that_fails_never_makes_a_green_run_red(approved, run, there, says):
    there.says = says
    approved.record("b", approved.reply())
    assert run("check").code == 1
    approved.accept()
    done = run("check", "--service", there.url)
    assert (done.code, done.err) == (0, "")
    approved.record("b", approved.reply(tier=1))
    done = run("check", "--service", there.url)
    assert (done.code, "passed" in done.out) == (0, True)
    assert done.err.endswith(": this verdict is from the files alone\n")
    assert done.err.startswith(there.url)


def test_a_service_that_is_away_is_one_line_beside_the_verdict_of_the_files(approved, run):
    approved.record("a", approved.reply(usage=None))
    alone, asked = run("check"), run("check", "--service", NOWHERE)
    assert (asked.code, asked.out) == (alone.code, alone.out) == (1, alone.out)
    assert asked.err == (f"{NOWHERE} cannot be reached: Connection refused: this verdict is from the files alone\n")


def test_a_fork_without_a_token_is_checked_by_its_files(approved, run, monkeypatch):
    monkeypatch.delenv(TOKEN)
    approved.record("a", approved.reply(tier=1))
    done = run("check", "--service", NOWHERE)
    assert (done.code, TOKEN in done.err) == (0, True)


def test_a_report_for_a_program_is_not_mixed_with_that_line(approved, run):
    approved.record("a", approved.reply(tier=1))
    done = run("check", "--format", "json", "--service", NOWHERE)
    assert json.loads(done.out)["outcome"] == "passed"


def test_nothing_is_asked_where_nothing_changed(approved, run, there):
    assert run("check", "--service", there.url).code == 0
    assert there.asked == []


def test_check_takes_the_service_of_the_configuration(approved, run):
    (approved.root / "acetate.toml").write_text(f'project = "sandbox"\nservice_url = "{NOWHERE}"\n')
    approved.record("a", approved.reply(tier=1))
    assert NOWHERE in run("check", "--service").err


def test_a_path_is_not_taken_for_a_service(approved, run):
    done = run("check", "--service", "cassettes")
    assert (done.code, "not the address of a service" in done.err) == (2, True)


@pytest.mark.parametrize("verb", ["push", "pull"])
def test_a_service_has_to_be_named_and_reached(approved, run, verb):
    done = run(verb)
    assert (done.code, "--service URL" in done.next) == (2, True)
    approved.record("a", approved.reply(tier=1))
    done = run(verb, "--service", NOWHERE)
    assert (done.code, "Connection refused" in done.err, bool(done.next)) == (2, True, True)


def test_pull_is_refused_in_ci(approved, run, monkeypatch):
    monkeypatch.setenv("CI", "1")
    done = run("pull", "--service", NOWHERE)
    assert (done.code, "CI never does" in done.err) == (2, True)


def test_push_takes_what_is_a_report_and_nothing_else(approved, run, tmp_path):
    other = tmp_path / "other.json"
    other.write_text("{}")
    assert "is not a report" in run("push", str(other), "--service", NOWHERE).err


@pytest.mark.parametrize("url", ["acetate.example.org", "https://user:secret@example.org", "https://example.org/?a", 1])
def test_an_address_in_the_configuration_is_one(approved, run, url):
    (approved.root / "acetate.toml").write_text(f"service_url = {json.dumps(url)}\n")
    done = run("check")
    assert (done.code, "service_url" in done.err) == (2, True)


@pytest.mark.parametrize(
    ("environ", "job"),
    [
        ({"GITHUB_ACTIONS": "true", "GITHUB_WORKFLOW": "ci", "GITHUB_JOB": "test"}, "ci/test"),
        ({"CI_JOB_NAME": "test 1/3"}, "test 1/3"),
        ({}, "local"),
    ],
)
def test_a_job_is_called_as_its_ci_calls_it(environ, job):
    assert job_of(environ) == job


def test_problems_are_said_and_leave_a_pull_incomplete(approved, run, there):
    there.says = answer(b'{"require_approval": false, "decisions": []}')
    (approved.root / "cassettes" / "bad.yaml").write_text("{")
    done = run("pull", "--service", there.url)
    assert (done.code, "nothing to take" in done.out, "not looked at  cassettes/bad.yaml" in done.out) == (
        2,
        True,
        True,
    )


def test_the_variable_names_the_service_too(approved, run, monkeypatch):
    monkeypatch.setenv(URL, NOWHERE)
    approved.record("a", approved.reply(tier=1))
    assert NOWHERE in run("check", "--service").err


def test_what_is_not_committed_is_pushed_without_the_commit(approved, run, git, there):
    git("add", ".")
    git("commit", "--quiet", "--message", "first")
    there.says = answer(b"{}", "500 Internal Server Error")
    assert "is not committed" not in run("push", "--service", there.url).out
    approved.record("a", approved.reply(usage=None))
    said = run("push", "--service", there.url).out
    assert said == "note: cassettes/a.yaml is not committed, so this run is pushed without its commit\n"
