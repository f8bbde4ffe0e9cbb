"""Where a run takes place: a CI job says it in variables, a developer's machine in git."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

import acetate
from acetate.context import context_of, git, in_ci, uncommitted


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for words in (
        ("init", "--quiet", "--initial-branch=trunk"),
        ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "--quiet", "--allow-empty", "-m", "x"),
    ):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True)
    return tmp_path


@pytest.mark.parametrize(("ci", "expected"), [("", False), ("0", False), (" False ", False), ("1", True), ("no", True)])
def test_ci_is_set_unless_it_is_empty_or_switched_off(ci: str, expected: bool) -> None:
    assert in_ci({"CI": ci}) is expected


def test_without_the_variable_there_is_no_ci() -> None:
    assert not in_ci({})


def test_a_developers_machine_is_described_by_git(repository: Path) -> None:
    context = context_of("chat", repository, {})
    assert (context.project, context.acetate) == ("chat", acetate.__version__)
    assert context.commit == git(repository, "rev-parse", "HEAD")
    assert context.branch == "trunk"
    assert context.author == "Ada <ada@example.org>"
    assert (context.base, context.pull_request, context.ci_url) == (None, None, None)


def test_a_detached_commit_has_no_branch(repository: Path) -> None:
    git(repository, "checkout", "--quiet", "--detach")
    assert context_of("chat", repository, {}).branch is None


def test_without_a_repository_only_the_project_is_known(tmp_path: Path) -> None:
    context = context_of("chat", tmp_path, {})
    assert (context.commit, context.branch, context.author) == (None, None, None)


def test_a_quick_context_asks_nobody(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    context = context_of("chat", repository, {"GITHUB_ACTIONS": "true", "GITHUB_SHA": "a1"}, quick=True)
    assert (context.project, context.commit) == ("chat", None)


def test_without_git_nothing_is_known(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert git(repository, "rev-parse", "HEAD") is None


GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SHA": "merge00",
    "GITHUB_ACTOR": "ada",
    "GITHUB_SERVER_URL": "https://git.example",
    "GITHUB_REPOSITORY": "team/chat",
    "GITHUB_RUN_ID": "77",
}


def test_a_push_to_github_is_described_by_its_variables(tmp_path: Path) -> None:
    context = context_of("chat", tmp_path, {**GITHUB, "GITHUB_REF_NAME": "main", "GITHUB_BASE_REF": ""})
    assert (context.commit, context.branch, context.base) == ("merge00", "main", None)
    assert (context.pull_request, context.author) == (None, "ada")
    assert context.ci_url == "https://git.example/team/chat/actions/runs/77"


def test_a_pull_request_is_described_by_its_head_and_not_by_the_merge_commit(tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text(
        json.dumps({"pull_request": {"number": 12, "head": {"sha": "head00"}, "user": {"login": "grace"}}})
    )
    environ = {
        **GITHUB,
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_HEAD_REF": "feature",
        "GITHUB_REF_NAME": "12/merge",
        "GITHUB_BASE_REF": "main",
    }
    context = context_of("chat", tmp_path, environ)
    assert (context.commit, context.branch, context.base) == ("head00", "feature", "main")
    assert (context.pull_request, context.author) == ("12", "grace")


@pytest.mark.parametrize("event", ["", "{", "[]", '{"pull_request": null}', '{"pull_request": {"head": 1, "user": 2}}'])
def test_an_event_that_cannot_be_read_is_none(tmp_path: Path, event: str) -> None:
    (tmp_path / "event.json").write_text(event)
    context = context_of("chat", tmp_path, {**GITHUB, "GITHUB_EVENT_PATH": str(tmp_path / "event.json")})
    assert (context.commit, context.pull_request, context.author) == ("merge00", None, "ada")


def test_a_github_job_without_a_run_has_no_link(tmp_path: Path) -> None:
    assert context_of("chat", tmp_path, {"GITHUB_ACTIONS": "true"}).ci_url is None


def test_a_gitlab_merge_request_is_described_by_its_source(tmp_path: Path) -> None:
    environ = {
        "GITLAB_CI": "true",
        "CI_COMMIT_SHA": "merge00",
        "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": "head00",
        "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "feature",
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
        "CI_MERGE_REQUEST_IID": "12",
        "GITLAB_USER_LOGIN": "grace",
        "CI_JOB_URL": "https://git.example/jobs/77",
    }
    context = context_of("chat", tmp_path, environ)
    assert (context.commit, context.branch, context.base) == ("head00", "feature", "main")
    assert (context.pull_request, context.author) == ("12", "grace")
    assert context.ci_url == "https://git.example/jobs/77"


def test_a_gitlab_branch_is_described_by_its_commit(tmp_path: Path) -> None:
    context = context_of("chat", tmp_path, {"GITLAB_CI": "true", "CI_COMMIT_SHA": "a1", "CI_COMMIT_BRANCH": "main"})
    assert (context.commit, context.branch, context.base) == ("a1", "main", None)


def test_what_is_not_committed_is_found_where_it_is_asked_for(repository: Path) -> None:
    assert uncommitted(repository, ["cassettes/**"]) is None
    (repository / "cassettes").mkdir()
    (repository / "cassettes/a b.yaml").write_text("1")
    assert uncommitted(repository, ["contracts/**"]) is None
    assert uncommitted(repository, ["contracts/**", "cassettes/**"]) == "cassettes/"
    subprocess.run(["git", "-C", str(repository), "add", "."], check=True)
    assert uncommitted(repository, ["cassettes/**"]) == "cassettes/a b.yaml"
    assert uncommitted(repository / "nowhere", ["cassettes/**"]) is None
