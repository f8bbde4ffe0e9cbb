"""check and report: a verdict, in five formats, with its exit code."""

from __future__ import annotations

import io
import json
import shlex
import sys
import xml.etree.ElementTree
from pathlib import Path
from typing import Any

import pytest

from acetate.cli import progress
from acetate.cli.main import main
from acetate.report import FORMATS


def test_an_approved_project_passes(sandbox: Any, run: Any) -> None:
    sandbox.record("a", sandbox.reply())
    run("accept", "--all")
    done = run("check")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[-1] == "1 examined"


def test_a_new_recording_needs_review(sandbox: Any, run: Any) -> None:
    sandbox.record("a", sandbox.reply())
    done = run("check")
    assert done.code == 1
    assert "needs-review:" in done.out
    assert "acetate accept --all" in done.out


def test_a_break_fails_and_the_text_says_what_to_type(sandbox: Any, run: Any) -> None:
    sandbox.record("a", sandbox.reply())
    run("accept", "--all")
    sandbox.record("a", sandbox.reply(usage=None))
    done = run("check")
    assert done.code == 1
    assert "failed:" in done.out
    prefix = sandbox.check().changes[0].fingerprint[:8]
    assert f"acetate accept {prefix}" in done.out
    assert f"acetate reject {prefix}" in done.out


def test_nothing_to_examine_is_unknown_and_says_how_to_begin(run: Any) -> None:
    done = run("check")
    assert done.code == 2
    assert "unknown: nothing was examined" in done.out
    assert "acetate init" in done.out


@pytest.mark.parametrize(
    "named", ["cassettes/chat/one.yaml", "cassettes/chat/one", "cassettes/chat", "./cassettes/chat/"]
)
def test_a_path_is_a_file_a_name_or_a_folder(sandbox: Any, run: Any, named: str) -> None:
    sandbox.record("chat/one", sandbox.reply())
    sandbox.record("two", sandbox.reply())
    assert "1 examined" in run("check", named).out


def test_a_path_is_looked_for_from_the_current_folder_first(
    sandbox: Any, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.record("chat/one", sandbox.reply())
    sandbox.record("two", sandbox.reply())
    monkeypatch.chdir(sandbox.root / "cassettes" / "chat")
    assert "cassettes/chat/one#0" in run("check", "one").out
    assert "cassettes/two#0" in run("check", "../two.yaml").out
    assert "2 examined" in run("check", "cassettes").out


def test_a_folder_that_holds_other_yaml_too_means_the_projects_cassettes(sandbox: Any, run: Any) -> None:
    sandbox.record("a", sandbox.reply())
    run("init", "--workflow")
    run("accept", "--all")
    done = run("check", ".")
    assert (done.code, "1 examined" in done.out) == (0, True)


def test_a_path_that_holds_no_cassette_is_said(run: Any) -> None:
    done = run("check", "nowhere")
    assert done.code == 2
    assert "nowhere: is no cassette" in done.err
    assert done.next.startswith("acetate status")


def test_part_of_the_project_says_nothing_of_the_rest(sandbox: Any, run: Any) -> None:
    sandbox.record("good", sandbox.reply())
    sandbox.record("bad", {"error": {"message": "slow down"}}, status=429)
    run("accept", "--all")
    (sandbox.root / "cassettes/good.yaml").unlink()
    assert "status-removed" in run("check").out
    assert run("check", "cassettes/bad").code == 0


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_is_printed_or_written_alike(sandbox: Any, run: Any, format: str) -> None:
    sandbox.record("a", sandbox.reply())
    printed = run("check", "--format", format)
    written = sandbox.root / "out" / "report"
    done = run("check", "--report", f"{format}={written}")
    assert printed.code == done.code == 1
    assert written.read_text(encoding="utf-8") == printed.out


def test_reports_can_be_written_in_several_formats_at_once(sandbox: Any, run: Any) -> None:
    sandbox.record("a", sandbox.reply())
    done = run("check", "--report", "json=a.json", "--report", "junit=a.xml", "--report", "markdown=a.md")
    assert "needs-review" in done.out
    assert json.loads((sandbox.root / "a.json").read_text())["outcome"] == "needs-review"
    assert xml.etree.ElementTree.parse(sandbox.root / "a.xml").getroot().tag == "testsuites"
    assert (sandbox.root / "a.md").read_text().startswith("<!-- acetate:comment -->")


@pytest.mark.parametrize("said", ["json", "json=", "=a.json", "xml=a.xml"])
def test_a_report_without_format_or_path_is_said_before_any_work(sandbox: Any, run: Any, files: Any, said: str) -> None:
    sandbox.record("a", sandbox.reply())
    before = files()
    done = run("check", "--report", said)
    assert done.code == 2
    assert done.out == ""
    assert done.next.startswith("--report json=acetate.json")
    assert files() == before


def test_a_report_that_cannot_be_written_is_said(sandbox: Any, run: Any) -> None:
    sandbox.record("a", sandbox.reply())
    done = run("check", "--report", "json=cassettes")
    assert done.code == 2
    assert "cassettes: the report cannot be written" in done.err
    assert done.next


def test_the_report_knows_where_it_was_made(sandbox: Any, run: Any, git: Any, monkeypatch: Any) -> None:
    sandbox.record("a", sandbox.reply())
    git("add", ".")
    git("commit", "--quiet", "--message", "first")
    context = json.loads(run("check", "--format", "json").out)["context"]
    assert context["project"] == "sandbox"
    assert context["commit"] == git("rev-parse", "HEAD")
    assert context["branch"] == "main"
    assert context["author"] == "Ada <ada@example.org>"


def damaged(path: Path, how: str) -> None:
    text = path.read_text()
    path.write_text(
        {"conflict": f"<<<<<<< ours\n{text}=======\n{text}>>>>>>> theirs\n", "cut": text[: len(text) // 2]}[how]
    )


@pytest.mark.parametrize("how", ["conflict", "cut"])
@pytest.mark.parametrize(
    ("file", "cure"),
    [
        ("cassettes/a.yaml", "git checkout"),
        ("snapshots/cassettes/a.json", "git checkout"),
        ("contracts/together/chat.completions/200.json", "acetate accept --rebuild"),
    ],
)
def test_a_damaged_file_is_a_problem_that_names_its_cure(
    sandbox: Any, run: Any, file: str, cure: str, how: str
) -> None:
    sandbox.record("a", sandbox.reply())
    run("accept", "--all")
    damaged(sandbox.root / file, how)
    done = run("check")
    assert done.code == 2
    assert file in done.out
    assert f"next: {cure}" in done.out or f"`{cure}" in done.out


@pytest.mark.parametrize("how", ["conflict", "cut"])
def test_a_damaged_decision_names_its_cure(sandbox: Any, run: Any, how: str) -> None:
    sandbox.record("a", sandbox.reply())
    run("accept", "--all")
    sandbox.record("a", sandbox.reply(usage=None))
    decision = next((sandbox.root / "contracts/.reviews").iterdir())
    damaged(decision, how)
    done = run("check")
    assert done.code == 2
    assert decision.name in done.err
    assert done.next.startswith("git checkout")


@pytest.mark.parametrize(
    ("file", "newer"),
    [
        ("snapshots/cassettes/a.json", '{"version": 2, "exchanges": []}'),
        ("contracts/together/chat.completions/200.json", '{"x-acetate": {"version": 2}}'),
    ],
)
def test_a_file_of_a_newer_version_asks_for_an_upgrade(sandbox: Any, run: Any, file: str, newer: str) -> None:
    sandbox.record("a", sandbox.reply())
    run("accept", "--all")
    (sandbox.root / file).write_text(newer)
    done = run("check")
    assert done.code == 2
    assert "newer Acetate" in done.out
    assert "pip install --upgrade acetate" in done.out


def test_a_contract_that_is_missing_is_derived_again(sandbox: Any, run: Any) -> None:
    sandbox.record("a", sandbox.reply())
    run("accept", "--all")
    contract = sandbox.root / "contracts/together/chat.completions/200.json"
    before = contract.read_bytes()
    contract.unlink()
    done = run("check")
    assert done.code == 2
    assert "acetate accept --rebuild" in done.out
    assert run("accept", "--rebuild").code == 0
    assert contract.read_bytes() == before
    assert run("check").code == 0


def test_one_bad_cassette_does_not_hide_the_others(sandbox: Any, run: Any) -> None:
    sandbox.record("a", sandbox.reply())
    sandbox.record("b", sandbox.reply())
    run("accept", "--all")
    (sandbox.root / "cassettes/a.yaml").write_text("- nothing")
    sandbox.record("b", sandbox.reply(usage=None))
    done = run("check")
    assert done.code == 2
    assert "became-nullable" in done.out


# report


def test_reports_of_shards_become_one(sandbox: Any, run: Any) -> None:
    for name in ("a", "b"):
        sandbox.record(name, sandbox.reply())
    run("accept", "--all")
    for name in ("a", "b"):
        sandbox.record(name, sandbox.reply(usage=None))
        run("check", f"cassettes/{name}", "--report", f"json={name}.json")
    done = run("report", "a.json", "b.json", "--format", "json", "--report", "text=both.txt")
    assert done.code == 1
    merged = json.loads(done.out)
    assert merged["counts"]["examined"] == 2
    assert [len(each["occurrences"]) for each in merged["changes"]] == [2]
    assert "2 examined" in (sandbox.root / "both.txt").read_text()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot be read"),
        ("{", "is not a report"),
        ("[]", "is not a report"),
        ('{"schema": "acetate.report/2"}', "newer Acetate"),
    ],
)
def test_what_is_no_report_is_said_with_its_name(sandbox: Any, run: Any, content: str | None, problem: str) -> None:
    if content is not None:
        (sandbox.root / "a.json").write_text(content)
    done = run("report", "a.json")
    assert done.code == 2
    assert done.err.startswith("acetate: a.json: ")
    assert problem in done.err
    assert done.next


# progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_long_work_is_counted_on_a_terminal_and_the_line_is_cleared(
    sandbox: Any, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "LONG", 9)
    for number in range(10):
        sandbox.record(f"c{number}", sandbox.reply())
    terminal = Terminal()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", terminal)
        main(["check"])
    assert terminal.getvalue() == f"\r10 of 10 cassettes\r{' ' * 18}\r"


@pytest.mark.parametrize(("long", "stream"), [(9, io.StringIO), (10, Terminal)])
def test_neither_a_pipe_nor_short_work_is_counted(
    sandbox: Any, run: Any, monkeypatch: pytest.MonkeyPatch, long: int, stream: type[io.StringIO]
) -> None:
    monkeypatch.setattr(progress, "LONG", long)
    for number in range(10):
        sandbox.record(f"c{number}", sandbox.reply())
    errors = stream()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", errors)
        main(["check"])
    assert errors.getvalue() == ""


# --against


@pytest.fixture
def base(sandbox: Any, run: Any, git: Any) -> None:
    """A commit on `main` with two approved cassettes, and a branch that starts there."""
    sandbox.record("a", sandbox.reply())
    sandbox.record("b", sandbox.reply())
    run("accept", "--all")
    git("add", ".")
    git("commit", "--quiet", "--message", "first")
    git("switch", "--quiet", "--create", "branch")


@pytest.mark.usefixtures("base")
def test_a_branch_that_changes_nothing_passes(run: Any) -> None:
    done = run("check", "--against", "main")
    assert (done.code, "2 examined" in done.out) == (0, True)
    assert "  acetate " not in done.out


@pytest.mark.usefixtures("base")
def test_what_the_author_accepted_is_shown_as_approved(sandbox: Any, run: Any) -> None:
    sandbox.record("a", sandbox.reply(usage=None))
    run("accept", "--all", "--reason", "handled in #88")
    done = run("check", "--against", "main")
    assert done.code == 0
    assert "became-nullable" in done.out
    assert "approved: handled in #88" in done.out


@pytest.mark.usefixtures("base")
def test_an_approved_file_edited_by_hand_needs_review_and_can_be_decided(sandbox: Any, run: Any, files: Any) -> None:
    snapshot = sandbox.root / "snapshots/cassettes/a.json"
    snapshot.write_text(snapshot.read_text().replace('"stop"', '"halt"'))
    done = run("check", "--against", "main")
    assert done.code == 1
    assert "enum-value-replaced" in done.out
    printed = [line.split("  ")[1] for line in done.out.splitlines() if line.startswith("  acetate ")]
    assert [each.partition(" --reason")[0].split(" ", 3)[1::2] for each in printed] == [
        ["accept", "--against main"],
        ["reject", "--against main"],
    ]
    assert run(*shlex.split(printed[1].replace("reject", "show").partition(" --reason")[0])[1:]).code == 0
    before = files()
    assert run("accept", "--all", "--against", "main", "--reason", "typed by hand").code == 0
    written = {path for path in files() if path not in before}
    assert len(written) == 1
    assert written.pop().startswith("contracts/.reviews/")
    assert {path: files()[path] for path in before} == before
    assert run("check", "--against", "main").code == 0
    run("undo")
    assert run("check", "--against", "main").code == 1


@pytest.mark.usefixtures("base")
def test_a_cassette_that_the_branch_adds_or_removes_is_a_change(sandbox: Any, run: Any) -> None:
    sandbox.record("new", sandbox.reply())
    run("accept", "--all")
    (sandbox.root / "cassettes/a.yaml").unlink()
    (sandbox.root / "snapshots/cassettes/a.json").unlink()
    run("accept", "--rebuild")
    seen = json.loads(run("check", "--against", "main", "--format", "json").out)["changes"]
    kinds = {(each["kind"], each["occurrences"][0]["cassette"], each["decision"]) for each in seen}
    assert kinds == {
        ("exchange-unapproved", "cassettes/new", "approved"),
        ("observation-lost", "cassettes/a", None),
    }
    assert run("accept", "--kind", "observation-lost", "--against", "main").code == 0
    assert run("check", "--against", "main").code == 0


@pytest.mark.usefixtures("base")
def test_a_project_below_the_roots_of_its_repository_is_compared_alike(
    sandbox: Any, run: Any, git: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    git("switch", "--quiet", "main")
    inner = sandbox.root / "services" / "chat"
    inner.mkdir(parents=True)
    for name in ("acetate.toml", "cassettes", "contracts", "snapshots"):
        git("mv", name, f"services/chat/{name}")
    git("commit", "--quiet", "--message", "moved")
    monkeypatch.chdir(inner)
    assert "2 examined" in run("check", "--against", "main").out
    snapshot = inner / "snapshots/cassettes/a.json"
    snapshot.write_text(snapshot.read_text().replace('"stop"', '"halt"'))
    assert "enum-value-replaced" in run("check", "--against", "main").out


@pytest.mark.usefixtures("base")
def test_a_branch_that_is_only_known_at_the_remote_is_named(sandbox: Any, run: Any, git: Any) -> None:
    git("update-ref", "refs/remotes/origin/trunk", "HEAD")
    done = run("check", "--against", "trunk")
    assert (done.code, done.next) == (2, "--against origin/trunk")
    assert run("check", "--against", "origin/trunk").code == 0


@pytest.mark.usefixtures("base")
def test_a_shallow_clone_is_told_what_to_fetch(
    sandbox: Any, run: Any, git: Any, tmp_path_factory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.record("b", sandbox.reply(usage=None))
    run("accept", "--all")
    git("add", ".")
    git("commit", "--quiet", "--message", "second")
    clone = tmp_path_factory.mktemp("clone")
    git("clone", "--quiet", "--depth=1", "--branch=branch", f"file://{sandbox.root}", str(clone))
    monkeypatch.chdir(clone)
    done = run("check", "--against", "origin/main")
    assert done.code == 2
    assert "shallow clone" in done.err
    command, _, again = done.next.partition(", then ")
    git(*command.split()[1:], at=clone)
    assert again == "acetate check --against origin/main"
    assert "became-nullable" in run(*again.split()[1:]).out


@pytest.mark.usefixtures("base")
def test_a_commit_that_git_does_not_know_is_said(run: Any) -> None:
    done = run("check", "--against", "nowhere")
    assert (done.code, "`nowhere`" in done.err) == (2, True)
    assert done.next.startswith("git branch --all")


def test_without_a_repository_there_is_nothing_to_compare_with(sandbox: Any, run: Any) -> None:
    done = run("check", "--against", "main")
    assert done.code == 2
    assert "no repository" in done.err
    assert "check without --against" in done.next


@pytest.mark.usefixtures("base")
def test_against_takes_no_paths(run: Any) -> None:
    done = run("check", "--against", "main", "cassettes/a")
    assert done.code == 2
    assert done.next == "acetate check --against main   or   acetate check cassettes/a"


@pytest.mark.usefixtures("base")
def test_a_damaged_snapshot_is_a_problem_here_too(sandbox: Any, run: Any) -> None:
    (sandbox.root / "snapshots/cassettes/a.json").write_text("{")
    done = run("check", "--against", "main")
    assert done.code == 2
    assert "snapshots/cassettes/a.json" in done.out


def test_what_is_printed_for_some_paths_means_these(sandbox: Any, run: Any) -> None:
    sandbox.record("a", sandbox.reply())
    sandbox.record("b c/d", sandbox.reply())
    done = run("check", "cassettes/b c")
    (command,) = (line for line in done.out.splitlines() if "make the baseline" in line)
    assert command.split("  ")[1] == "acetate accept 'cassettes/b c'"
    sandbox.record("b c/d", sandbox.reply(), sandbox.reply())
    assert "acetate accept --all" in run("check").out


def test_what_is_printed_for_a_new_exchange_names_all_that_is_in_it(sandbox: Any, run: Any) -> None:
    sandbox.record("a", sandbox.reply())
    run("accept", "--all")
    sandbox.record("b", sandbox.reply(created="today"))
    (command,) = (line for line in run("check").out.splitlines() if "with what else is in its exchange" in line)
    alone = command.split("  ")[1].partition(" --reason")[0]
    refused = run(*alone.split()[1:3])
    assert (refused.code, "type-changed (undecided)" in refused.err) == (2, True)
    assert run(*shlex.split(refused.next.partition("   (")[0])[1:]).code == 0
    assert run("check").code == 0


def test_annotations_count_paths_from_the_root_of_the_repository(sandbox: Any, run: Any, git: Any, monkeypatch) -> None:
    inner = sandbox.root / "services/chat"
    inner.mkdir(parents=True)
    (inner / "acetate.toml").write_text("")
    sandbox.record("a", sandbox.reply())
    (sandbox.root / "cassettes").rename(inner / "cassettes")
    monkeypatch.chdir(inner)
    done = run("check", "--format", "github", "--report", "github=../../said.txt")
    assert "::warning file=services/chat/cassettes/a.yaml," in done.out
    assert "file=services/chat/cassettes/a.yaml," in (sandbox.root / "said.txt").read_text()
    assert "services" not in run("check").out


def test_a_glob_that_fits_nothing_is_named(sandbox: Any, run: Any) -> None:
    (sandbox.root / "acetate.toml").write_text('cassettes = ["recordings/**"]\n')
    done = run("check")
    assert (done.code, "acetate init" in done.out) == (2, False)
    assert "note: `cassettes`: no cassette fits `recordings/**`" in done.out
