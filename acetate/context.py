"""Context: where a run takes place, as the environment of a CI job and git tell it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import acetate
from acetate.verdict import Context

__all__ = ["Head", "context_of", "git", "head_of", "in_ci", "uncommitted"]


class Head(NamedTuple):
    """What is checked out: a commit, and the branch, if it is on one."""

    commit: str | None
    branch: str | None


def in_ci(environ: Mapping[str, str]) -> bool:
    """True if `CI` is set, unless it is empty, `0` or `false`: nothing approved is written then."""
    return environ.get("CI", "").strip().lower() not in ("", "0", "false")


def context_of(project: str, root: Path, environ: Mapping[str, str], *, quick: bool = False) -> Context:
    """The context of a run: GitHub and GitLab by their variables (for a pull request its head, not the merge commit
    that is checked out), everything else by git. A `quick` one asks nobody: for texts that do not show it."""
    if quick:
        return Context(project=project, acetate=acetate.__version__)
    if environ.get("GITHUB_ACTIONS"):
        return _github(project, environ)
    if environ.get("GITLAB_CI"):
        return Context(
            project=project,
            acetate=acetate.__version__,
            commit=environ.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA") or environ.get("CI_COMMIT_SHA"),
            branch=environ.get("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME") or environ.get("CI_COMMIT_BRANCH"),
            base=environ.get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME"),
            pull_request=environ.get("CI_MERGE_REQUEST_IID"),
            author=environ.get("GITLAB_USER_LOGIN"),
            ci_url=environ.get("CI_JOB_URL"),
        )
    commit, branch = head_of(root)
    author = git(root, "log", "-1", "--format=%an <%ae>")
    return Context(project=project, acetate=acetate.__version__, commit=commit, branch=branch, author=author)


def head_of(root: Path) -> Head:
    """What git has checked out."""
    return Head(git(root, "rev-parse", "HEAD"), git(root, "symbolic-ref", "--short", "HEAD"))


def uncommitted(root: Path, patterns: Iterable[str]) -> str | None:
    """A file that fits one of these globs and is not as it was committed; None where there is none, or no git."""
    said = git(root, "status", "--porcelain", "-z", "--", *(f":(glob){pattern}" for pattern in patterns))
    return said.split("\0")[0].partition(" ")[2].strip() if said else None


def git(root: Path, *words: str) -> str | None:
    """What git answers, without its last line end; None where it answers nothing or is not there."""
    # A check that prints only text asks git nothing, and does not wait for this.
    import subprocess

    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return None
    # Names of files are bytes to git, and they come back as they are.
    return done.stdout.decode("utf-8", "surrogateescape").strip() or None


def _github(project: str, environ: Mapping[str, str]) -> Context:
    pull: dict[str, object] = {}
    try:
        event = json.loads(Path(environ.get("GITHUB_EVENT_PATH", "")).read_bytes())
        pull = event.get("pull_request") or {}
    except (OSError, ValueError, AttributeError):
        pass
    head = pull.get("head")
    user = pull.get("user")
    run = f"{environ.get('GITHUB_SERVER_URL', '')}/{environ.get('GITHUB_REPOSITORY', '')}/actions/runs/"
    return Context(
        project=project,
        acetate=acetate.__version__,
        commit=str(head["sha"]) if isinstance(head, dict) and "sha" in head else environ.get("GITHUB_SHA"),
        branch=environ.get("GITHUB_HEAD_REF") or environ.get("GITHUB_REF_NAME"),
        base=environ.get("GITHUB_BASE_REF") or None,
        pull_request=str(pull["number"]) if "number" in pull else None,
        author=str(user["login"]) if isinstance(user, dict) and "login" in user else environ.get("GITHUB_ACTOR"),
        ci_url=f"{run}{environ['GITHUB_RUN_ID']}" if environ.get("GITHUB_RUN_ID") else None,
    )
