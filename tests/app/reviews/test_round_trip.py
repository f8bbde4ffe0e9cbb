"""A developer's project and the service, over HTTP: push, decide, check --service, pull, and a check that passes."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from acetate.change import Change
from acetate.cli.main import main
from acetate.service import TOKEN, URL
from app.models import Role, StoredFile
from app.reviews import service
from app.runs import service as runs
from app.runs import store
from tests.app.engines import ONLY_SQLITE
from tests.app.serving import served
from tests.toolkit.conftest import Sandbox

pytestmark = ONLY_SQLITE


class Shop:
    """A project whose CI token is set, and a reviewer at the service."""

    def __init__(self, sandbox: Sandbox, url: str, reviewer: dict[str, str], capsys: Any) -> None:
        self.sandbox = sandbox
        self.url = url
        self.reviewer = reviewer
        self.capsys = capsys

    def run(self, *words: str) -> tuple[int, str, str]:
        """Exit code, output and errors of a command as one types it."""
        self.capsys.readouterr()
        code = main(["--root", str(self.sandbox.root), *words])
        said = self.capsys.readouterr()
        return code, said.out, said.err

    def push(self, *words: str) -> str:
        """The id of the run that was pushed."""
        code, out, err = self.run("push", *words)
        assert code == 0, err
        return out.rpartition("/runs/")[2].strip()

    def ask(self, path: str, body: Any = None) -> Any:
        """What the service answers the reviewer."""
        request = urllib.request.Request(f"{self.url}/api/v1/{path}", headers=self.reviewer)
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read())

    def decide(self, run: str, decision: str, *paths: str, why: str = "because") -> None:
        changes = [each for each in self.ask(f"runs/{run}/changes") if not paths or each["path"] in paths]
        assert changes
        chosen = [{"fingerprint": each["fingerprint"], "state": each["state"]} for each in changes]
        self.ask(f"runs/{run}/decisions", {"decision": decision, "why": why, "changes": chosen})


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    root = tmp_path / "shop"
    root.mkdir()
    (root / "acetate.toml").write_text('project = "shop"\n')
    return Sandbox(root)


@pytest.fixture
def shop(
    app: Any, sandbox: Sandbox, create_user: Any, sign_in: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shop]:
    create_user("root", Role.ADMIN)
    create_user("mara", Role.REVIEWER)
    with served(app) as url:
        shop = Shop(sandbox, url, sign_in("root"), capsys)
        monkeypatch.setenv(TOKEN, shop.ask("tokens", {"project": "shop", "name": "CI"})["secret"])
        monkeypatch.setenv(URL, url)
        shop.reviewer = sign_in("mara")
        yield shop


def broken(sandbox: Sandbox) -> list[Change]:
    """Two approved recordings that are recorded anew: a field is gone from both, and another one is new in one."""
    for name in ("a", "b"):
        sandbox.record(name, sandbox.reply())
    sandbox.accept()
    without = {key: value for key, value in sandbox.reply().items() if key != "usage"}
    sandbox.record("a", without)
    sandbox.record("b", {**without, "tier": 1})
    return list(sandbox.check().changes)


def test_what_is_approved_at_the_service_ends_in_the_files(shop, sandbox):
    broken(sandbox)
    assert shop.run("check")[0] == 1
    run = shop.push()
    assert shop.run("check", "--service")[0] == 1
    shop.decide(run, "approved", "$.usage", "$.tier", why="the parser does without")
    code, out, _ = shop.run("check", "--service")
    assert (code, "decided   approved: the parser does without (mara)" in out) == (0, True)
    assert shop.run("check")[0] == 1
    before = sandbox.approved()
    code, out, _ = shop.run("pull")
    assert (code, "2 decisions taken" in out) == (0, True)
    assert shop.run("check")[0] == 0
    changed = {path for path, content in sandbox.approved().items() if before.get(path) != content}
    assert changed == {
        "snapshots/cassettes/a.json",
        "snapshots/cassettes/b.json",
        "contracts/together/chat.completions/200.json",
    }
    made = sandbox.project().decisions.all()[-2:]
    assert {(each.via, each.by, each.why) for each in made} == {("service", "mara", "the parser does without")}
    assert "nothing to take" in shop.run("pull")[1]
    shop.push()
    assert shop.ask("inbox") == []


def test_the_service_shows_both_sides_of_what_was_pushed(shop, sandbox, database):
    changes = broken(sandbox)
    run = shop.push()
    gone = next(each for each in changes if each.path == "$.usage")
    with database.read() as session:
        shown = service.exchange(session, UUID(run), gone.occurrences[0].cassette, 0)
    assert "usage" in shown.approved.body
    assert "usage" not in shown.now.body
    assert shown.now.body["choices"][0]["message"]["content"] == "<text>"


def test_nothing_that_was_recorded_leaves_as_it_was(shop, sandbox, database):
    sandbox.record("a", sandbox.reply(extra="recorded word for word"))
    shop.push()
    with database.read() as session:
        digests = session.scalars(select(StoredFile.digest)).all()
        held = b"".join(store.contents(session, "shop", digests).values())
    assert b"chat.completion" in held
    assert b"recorded word for word" not in held
    assert b"The sky is blue" not in held


def test_only_what_changed_is_sent_again(shop, sandbox):
    broken(sandbox)
    assert "4 new files" in shop.run("push")[1]
    assert "0 new files" in shop.run("push")[1]


def test_a_rejection_is_noted_in_the_files_and_fails_every_check(shop, sandbox):
    broken(sandbox)
    run = shop.push()
    before = sandbox.approved()
    shop.decide(run, "rejected", "$.usage", why="not before March")
    assert "rejected: not before March (mara)" in shop.run("check", "--service")[1]
    assert shop.run("pull")[0] == 0
    assert sandbox.approved() == before
    assert "rejected: not before March" in shop.run("check")[1]


def test_an_approval_of_other_files_than_these_is_not_taken(shop, sandbox):
    broken(sandbox)
    run = shop.push()
    shop.decide(run, "approved", "$.usage")
    assert shop.run("check", "--service")[0] == 0
    sandbox.accept(lambda change: change.path == "$.tier")
    assert shop.run("check", "--service")[0] == 1
    assert "nothing to take" in shop.run("pull")[1]


def test_pull_is_refused_in_ci_unless_the_job_commits(shop, sandbox, monkeypatch):
    broken(sandbox)
    run = shop.push()
    shop.decide(run, "approved")
    monkeypatch.setenv("CI", "true")
    code, _, err = shop.run("pull")
    assert (code, "CI never does" in err) == (2, True)
    assert shop.run("pull", "--in-ci")[0] == 0
    assert shop.run("check")[0] == 0


def test_a_report_that_was_written_earlier_can_be_pushed(shop, sandbox, tmp_path):
    broken(sandbox)
    report = tmp_path / "acetate.json"
    shop.run("check", "--report", f"json={report}")
    run = shop.push(str(report))
    assert {each["path"] for each in shop.ask(f"runs/{run}/changes")} == {"$.usage", "$.tier"}


def test_jobs_are_told_apart_by_their_names(shop, sandbox):
    broken(sandbox)
    run = shop.push("--job", "unit")
    assert [report["job"] for report in shop.ask(f"runs/{run}")["reports"]] == ["unit"]


def test_a_token_of_another_project_is_refused_and_says_so(shop, sandbox):
    (sandbox.root / "acetate.toml").write_text('project = "another"\n')
    sandbox.record("a", sandbox.reply())
    code, _, err = shop.run("push")
    assert (code, "This token is of another project." in err, "next: " in err) == (2, True, True)


def test_a_green_run_stays_green_when_the_service_refuses(shop, sandbox, monkeypatch):
    sandbox.record("a", sandbox.reply())
    sandbox.accept()
    sandbox.record("a", sandbox.reply(tier=1))
    monkeypatch.setenv(TOKEN, "act_wrong")
    code, _, err = shop.run("check", "--service")
    assert (code, err) == (
        0,
        f"{shop.url} says: The token is not valid, or no longer.: this verdict is from the files alone\n",
    )


def git(root: Path, *words: str) -> None:
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(root), *who, *words], check=True, capture_output=True)


def test_what_an_author_accepts_in_a_pull_request_waits_for_a_second_person(shop, sandbox, database):
    sandbox.record("a", sandbox.reply())
    sandbox.accept()
    git(sandbox.root, "init", "--quiet", "--initial-branch=main")
    (sandbox.root / ".gitignore").write_text(".acetate/\n")
    git(sandbox.root, "add", ".")
    git(sandbox.root, "commit", "--quiet", "-m", "approved")
    sandbox.record("a", {key: value for key, value in sandbox.reply().items() if key != "usage"})
    shop.run("accept", "--all", "--reason", "mine")
    git(sandbox.root, "add", ".")
    git(sandbox.root, "commit", "--quiet", "-m", "accepted by its author")
    against = ("--against", "HEAD~1")
    run = shop.push(*against)
    assert shop.run("check", *against, "--service")[0] == 0
    with database.write() as session:
        runs.change_project(session, "shop", require_approval=True)
    assert shop.ask(f"runs/{run}/status")["outcome"] == "failed"
    assert shop.run("check", *against)[0] == 0
    assert shop.run("check", *against, "--service")[0] == 1
    shop.decide(run, "approved", "$.usage", why="seen")
    code, out, _ = shop.run("check", *against, "--service")
    assert (code, "approved: seen (mara)" in out) == (0, True)
