"""init and import: what a project begins with."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from acetate.config import load

KEY = "sk-" + "0123456789abcdefABCDEF0123456789"


@pytest.fixture
def bare(sandbox: Any) -> Path:
    """A folder in which nothing is configured."""
    (sandbox.root / "acetate.toml").unlink()
    return Path(sandbox.root)


# init


def test_a_project_begins_with_configuration_folders_and_git_files(bare: Path, run: Any, files: Any) -> None:
    done = run("init")
    assert done.code == 0
    assert set(files()) == {
        ".gitattributes",
        ".gitignore",
        "acetate.toml",
        "cassettes/.gitkeep",
        "contracts/.gitkeep",
        "snapshots/.gitkeep",
    }
    assert all(f"written  {name}" in done.out for name in files())
    assert "offered  .github/workflows/acetate.yml: acetate init --workflow" in done.out
    assert "next: " in done.out
    assert run("check").out.splitlines()[2] == "unknown: nothing was examined"


def test_the_configuration_changes_nothing_until_its_comments_are_taken_away(bare: Path, run: Any) -> None:
    before = load(bare, bare)
    run("init")
    written = load(bare, bare)
    assert written.file == bare / "acetate.toml"
    assert (written.project, written.cassettes, written.severity) == (before.project, before.cassettes, before.severity)
    text = (bare / "acetate.toml").read_text()
    spoken = [line.removeprefix("# ") for line in text.splitlines() if line.startswith(("# [", "# ")) and is_toml(line)]
    (bare / "acetate.toml").write_text("\n".join(spoken))
    said = load(bare, bare)
    assert said.project == bare.name
    assert said.match.mask[0][0] == "$.messages[].content"
    assert said.redact.fields == ("account_number",)
    assert said.severity == {"optional-field-removed": "info"}


def is_toml(comment: str) -> bool:
    said = comment.removeprefix("# ")
    return said.startswith("[") or said.split(" ")[1:2] == ["="]


def test_a_second_init_changes_nothing(bare: Path, run: Any, files: Any) -> None:
    run("init", "--workflow")
    before = files()
    done = run("init", "--workflow")
    assert done.code == 0
    assert "written" not in done.out
    assert files() == before
    assert run("init").out == done.out
    assert files() == before


def test_what_is_there_already_is_kept_and_added_to(bare: Path, run: Any) -> None:
    (bare / ".gitignore").write_bytes(b"*.pyc\r\n.acetate/\r\n")
    (bare / ".gitattributes").write_bytes(b"*.png binary\ncontracts/** -text linguist-generated")
    (bare / "cassettes").mkdir()
    (bare / "cassettes/a.yaml").write_text("mine")
    run("init")
    assert (bare / ".gitignore").read_bytes() == b"*.pyc\r\n.acetate/\r\n"
    lines = (bare / ".gitattributes").read_text().splitlines()
    assert lines[:2] == ["*.png binary", "contracts/** -text linguist-generated"]
    assert lines.count("contracts/** -text linguist-generated") == 1
    assert "snapshots/** -text" in lines
    assert [path.name for path in (bare / "cassettes").iterdir()] == ["a.yaml"]


def test_a_configuration_in_pyproject_is_respected(bare: Path, run: Any, files: Any) -> None:
    (bare / "pyproject.toml").write_text(
        '[tool.acetate]\ncontracts = "api/contracts"\ncassettes = ["rec/**", "t/*/c/**"]\n'
    )
    done = run("init")
    assert "kept     pyproject.toml" in done.out
    assert not (bare / "acetate.toml").exists()
    assert {"api/contracts/.gitkeep", "rec/.gitkeep", "snapshots/.gitkeep"} < set(files())
    assert "api/contracts/** -text linguist-generated" in (bare / ".gitattributes").read_text()
    assert run("status").code == 0


def test_a_pyproject_of_other_tools_is_not_a_configuration(bare: Path, run: Any) -> None:
    (bare / "pyproject.toml").write_text("# [tool.acetate]\n[tool.ruff]\nline-length = 100\n")
    run("init")
    assert (bare / "acetate.toml").exists()


def test_git_keeps_the_recordings_byte_for_byte_and_ignores_the_workspace(bare: Path, run: Any, git: Any) -> None:
    (bare / ".gitignore").unlink()
    run("init")
    asked = git(
        "check-attr", "text", "--", "cassettes/a/b.yaml", "tests/x/cassettes/c.yaml", "snapshots/a.json", "app.py"
    )
    assert asked.splitlines() == [
        "cassettes/a/b.yaml: text: unset",
        "tests/x/cassettes/c.yaml: text: unset",
        "snapshots/a.json: text: unset",
        "app.py: text: unspecified",
    ]
    ignored = subprocess.run(["git", "-C", str(bare), "check-ignore", ".acetate/undo/x"], check=False)
    assert ignored.returncode == 0


def test_the_workflow_is_written_when_it_is_asked_for(bare: Path, run: Any) -> None:
    run("init", "--workflow")
    workflow = yaml.safe_load((bare / ".github/workflows/acetate.yml").read_text())
    steps = workflow["jobs"]["check"]["steps"]
    commands = [step["run"] for step in steps if "run" in step]
    assert workflow["permissions"] == {"contents": "read"}
    assert commands[1].startswith("acetate check ")
    assert '--against "origin/$GITHUB_BASE_REF"' in commands[2]


def test_the_commands_of_the_workflow_run(sandbox: Any, run: Any, monkeypatch: pytest.MonkeyPatch, git: Any) -> None:
    run("init", "--workflow")
    sandbox.record("a", sandbox.reply())
    run("accept", "--all")
    git("add", ".")
    git("commit", "--quiet", "--message", "first")
    git("update-ref", "refs/remotes/origin/main", "HEAD")
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("GITHUB_BASE_REF", "main")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(sandbox.root / ".acetate/summary.md"))
    workflow = yaml.safe_load((sandbox.root / ".github/workflows/acetate.yml").read_text())
    for step in workflow["jobs"]["check"]["steps"]:
        if step.get("run", "").startswith("acetate "):
            assert run(*(os.path.expandvars(word).strip('"') for word in step["run"].split()[1:])).code == 0
    assert (sandbox.root / ".acetate/summary.md").exists()


def test_init_where_there_is_no_folder_is_said(run: Any) -> None:
    done = run("--root", "nowhere", "init")
    assert (done.code, "--root" in done.next) == (2, True)


# import


def har(path: Path, *, uri: str = "https://api.together.xyz/v1/chat/completions", **headers: str) -> Path:
    body = {"id": "1", "object": "chat.completion", "model": "m", "choices": []}
    entry = {
        "startedDateTime": "2026-11-22T10:00:00.000Z",
        "time": 120,
        "request": {
            "method": "POST",
            "url": uri,
            "headers": [{"name": name, "value": value} for name, value in headers.items()],
            "postData": {"text": '{"model": "m"}'},
        },
        "response": {
            "status": 200,
            "statusText": "OK",
            "headers": [{"name": "content-type", "value": "application/json"}],
            "content": {"text": json.dumps(body)},
        },
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"log": {"entries": [entry]}}))
    return path


def parsed(path: Path) -> Path:
    """As Pydantic AI's serializer writes it."""
    interaction = {
        "request": {
            "method": "POST",
            "uri": "https://api.together.xyz/v1/chat/completions",
            "parsed_body": {"model": "m"},
        },
        "response": {"status": {"code": 200, "message": "OK"}, "parsed_body": {"id": "1", "choices": []}},
    }
    path.write_text(yaml.safe_dump({"interactions": [interaction], "version": 1}))
    return path


def test_files_of_other_recorders_become_cassettes_that_are_examined(sandbox: Any, run: Any) -> None:
    one, two = har(sandbox.root / "one.har"), parsed(sandbox.root / "two.yaml")
    done = run("import", "one.har", "two.yaml")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "one.har -> cassettes/one.yaml: 1 exchange",
        "two.yaml -> cassettes/two.yaml: 1 exchange",
        "",
        "next: acetate check",
    ]
    assert one.exists()
    assert two.exists()
    assert "2 examined" in run("check").out
    assert run("accept", "--all").code == 0
    assert run("check").code == 0


def test_an_import_keeps_the_time_of_the_recording(sandbox: Any, run: Any) -> None:
    har(sandbox.root / "one.har")
    run("import", "one.har")
    assert "recorded  2026-11-22T10:00:00.000Z" in run("show", "cassettes/one#0").out


def test_another_folder_can_be_named(sandbox: Any, run: Any) -> None:
    har(sandbox.root / "one.har")
    assert run("import", "one.har", "--into", "cassettes/old/har").code == 0
    assert (sandbox.root / "cassettes/old/har/one.yaml").exists()


def test_a_folder_that_is_not_configured_is_said_and_named_in_the_next_command(sandbox: Any, run: Any) -> None:
    har(sandbox.root / "one.har")
    done = run("import", "one.har", "--into", "elsewhere")
    assert "does not cover elsewhere" in done.out
    assert done.out.splitlines()[-1] == "next: acetate check elsewhere"
    assert "1 examined" in run("check", "elsewhere").out


@pytest.mark.parametrize("suffix", [".yaml", ".yml"])
def test_a_cassette_that_is_there_is_never_touched(sandbox: Any, run: Any, files: Any, suffix: str) -> None:
    har(sandbox.root / "one.har")
    har(sandbox.root / "two.har")
    (sandbox.root / "cassettes").mkdir()
    (sandbox.root / f"cassettes/two{suffix}").write_text("mine")
    before = files()
    done = run("import", "one.har", "two.har")
    assert done.code == 2
    assert f"two{suffix}: is there already" in done.err
    assert "--into" in done.next
    assert files() == before


def test_two_files_of_one_name_are_not_mixed(sandbox: Any, run: Any, files: Any) -> None:
    har(sandbox.root / "a/one.har")
    har(sandbox.root / "b/one.har")
    before = files()
    done = run("import", "a/one.har", "b/one.har")
    assert done.code == 2
    assert done.err.startswith("acetate: b/one.har: would become the same cassette as a/one.har")
    assert "--into" in done.next
    assert files() == before


def test_a_key_in_a_header_is_redacted(sandbox: Any, run: Any) -> None:
    har(sandbox.root / "one.har", authorization=f"Bearer {KEY}")
    assert run("import", "one.har").code == 0
    assert KEY not in (sandbox.root / "cassettes/one.yaml").read_text()


def test_a_secret_that_no_rule_hides_is_refused_with_its_place(
    sandbox: Any, run: Any, files: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOGETHER_API_KEY", KEY)
    har(sandbox.root / "one.har")
    har(sandbox.root / "two.har", **{"x-note": KEY[: len(KEY) // 2]})
    before = files()
    done = run("import", "one.har", "two.har")
    assert done.code == 2
    assert done.err.startswith("acetate: two.har, exchange 0, request.headers.x-note: ")
    assert done.next
    assert KEY[: len(KEY) // 2] not in done.err
    assert files() == before


@pytest.mark.parametrize("content", ["", "{", "[]", '{"log": {}}', '{"log": {"entries": [{}]}}'])
def test_what_holds_no_exchange_is_said(sandbox: Any, run: Any, content: str) -> None:
    (sandbox.root / "one.har").write_text(content)
    done = run("import", "one.har")
    assert done.code == 2
    assert "one.har" in done.err
    assert done.next
    assert not (sandbox.root / "cassettes").exists()


def test_a_file_that_is_not_there_is_said(run: Any) -> None:
    done = run("import", "nowhere.har")
    assert (done.code, "nowhere.har" in done.err, done.next != "") == (2, True, True)


def test_nothing_is_written_outside_of_the_project(sandbox: Any, run: Any) -> None:
    har(sandbox.root / "one.har")
    done = run("import", "one.har", "--into", "../outside")
    assert done.code == 2
    assert "outside the project" in done.err
    assert not (sandbox.root.parent / "outside").exists()
