"""This repository's own recordings: they play offline, say that the stand-in made them, and are approved."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from acetate.cassette import Cassette
from acetate.cli.main import main
from acetate.exchange import Exchange, header
from tests.recorded.place import LABEL, REPOSITORY, URL
from tests.recorded.record import FOLDERS, REASON

QUICK = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "-p recording -p asyncio"}
"""All other plugins take longer to load than these tests to run."""
CASSETTES = sorted((REPOSITORY / "cassettes").rglob("*.yaml"))


@cache
def exchanges() -> list[Exchange]:
    return [each for file in CASSETTES for each in Cassette.load(file, REPOSITORY).exchanges]


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A project with all that is approved here, so that nothing is written into the repository."""
    for folder in ("cassettes", "contracts", "snapshots"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder)
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def python(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=folder,
        env=os.environ | QUICK | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_all_of_it_is_played_and_nothing_goes_live(monkeypatch):
    """Also what our own API answers is compared: with CI set, a response that changed unnoticed fails here."""
    monkeypatch.setenv("CI", "1")
    played = python(
        REPOSITORY, "pytest", "-q", "-p", "acetate", "-p", "no:cacheprovider", "--acetate-replay-only", *FOLDERS
    )
    assert played.returncode == 0, played.stdout
    assert f"\n{len(exchanges())} replayed, 0 live, 0 missed\n" in played.stdout
    assert len(exchanges()) > 100


def test_every_exchange_says_that_the_stand_in_answered():
    assert {each.recording.source for each in exchanges()} == {URL.removeprefix("http://")}
    (label,) = LABEL
    assert {header(each.response.headers, label) for each in exchanges()} == set(LABEL.values())


def test_every_exchange_says_which_test_recorded_it():
    tests = {str(each.recording.test).partition("::")[0] for each in exchanges()}
    assert [each for each in tests if not (REPOSITORY / each).is_file()] == []
    assert all(each.recording.recorded_at for each in exchanges())


def test_all_of_it_is_approved(copy, capsys):
    main(["--root", str(copy), "check", "--format", "json"])
    report = json.loads(capsys.readouterr().out)
    assert (report["changes"], report["problems"]) == ([], [])
    assert report["counts"]["exchanges"] >= len(exchanges())


def test_every_contract_is_as_its_snapshots_say(copy, capsys):
    assert main(["--root", str(copy), "accept", "--rebuild"]) == 0
    assert capsys.readouterr().out == "every contract is as its snapshots say\n"


def test_the_approval_says_where_it_comes_from(copy, capsys):
    assert main(["--root", str(copy), "log"]) == 0
    assert REASON in capsys.readouterr().out


def test_vcrpy_can_read_what_lies_here():
    from vcr.serialize import deserialize
    from vcr.serializers import yamlserializer

    found = [deserialize(file.read_text("utf-8"), yamlserializer) for file in CASSETTES]
    assert [len(requests) for requests, _ in found] == [len(responses) for _, responses in found]
    assert sum(len(requests) for requests, _ in found) == len(exchanges())


# --- make record ------------------------------------------------------------------------------------------------------


@pytest.fixture
def elsewhere(tmp_path):
    """A project with the same tests and no recordings, on a port that is free."""
    for folder in ("tests/recorded", "tests/standin"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder)
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
    project = (REPOSITORY / "pyproject.toml").read_text("utf-8")
    (tmp_path / "pyproject.toml").write_text(project.replace(URL, url), encoding="utf-8")
    return tmp_path


def recorded(folder: Path) -> dict[str, bytes]:
    """All that is approved after the chats were recorded."""
    done = python(folder, "tests.recorded.record", "tests/recorded/test_chat.py")
    assert done.returncode == 0, done.stdout + done.stderr
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for name in ("cassettes", "contracts", "snapshots")
        for path in (folder / name).rglob("*")
        if path.is_file()
    }


def test_recording_makes_the_baseline_and_then_changes_only_what_has_changed(elsewhere):
    first = recorded(elsewhere)
    chats = {file.relative_to(REPOSITORY).as_posix() for file in CASSETTES if file.parent.name == "chat"}
    assert {name for name in first if name.startswith("cassettes/")} == chats
    tests = elsewhere / "tests/recorded/test_chat.py"
    tests.write_text(
        tests.read_text("utf-8").replace("script(error=429)", "script(error=429, put={'$.error.hint': 'x'})")
    )
    last = recorded(elsewhere)
    assert {name for name in first if first[name] != last[name]} == {
        "cassettes/chat/rate-limit.yaml",
        "snapshots/cassettes/chat/rate-limit.json",
        "contracts/together/chat.completions/429.json",
    }
    (decision,) = set(last) - set(first)
    assert json.loads(last[decision])["why"] == REASON
