"""Every recording that others made is played to httpx, requests and aiohttp under the plugin, offline, with the status
and the body that were recorded."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

SUITE = Path(__file__).with_name("replaying_suite.py")
CLIENTS = ("httpx", "requests", "aiohttp")


@dataclass(frozen=True)
class Played:
    """`outcomes` are those of each cassette's exchanges by client: empty, or why the client did not get what was
    recorded."""

    outcomes: dict[str, dict[str, list[str]]]
    printed: str


@cache
def played(recordings: Path) -> Played:
    """All of them, in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        shutil.copytree(recordings, folder / "cassettes", ignore=shutil.ignore_patterns("*.md", "*.har", "*.json"))
        shutil.copy(SUITE, folder / "test_played.py")
        quick = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PLAYED": str(folder / "played.jsonl")}
        plugins = ("-p", "recording", "-p", "acetate", "-p", "no:cacheprovider")
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "--tb=short", *plugins, "--acetate-replay-only"],
            cwd=folder,
            env=os.environ | quick,
            capture_output=True,
            text=True,
            check=False,
        )
        outcomes: dict[str, dict[str, list[str]]] = defaultdict(dict)
        for line in (folder / "played.jsonl").read_text(encoding="utf-8").splitlines():
            cassette, client, found = json.loads(line)
            outcomes[client][cassette] = found
        return Played(outcomes, done.stdout)


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_gets_what_was_recorded(client: str, real_cassettes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = played(real_cassettes).outcomes[client]
    wrong = {f"{cassette}#{number}": why for cassette, each in found.items() for number, why in enumerate(each) if why}
    total = sum(map(len, found.values()))
    lines = [
        f"recordings of others, played to {client}: {total - len(wrong)} of {total} exchanges, {len(found)} cassettes",
        *(f"  {place}: {why}" for place, why in wrong.items()),
    ]
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(lines) + "\n")
    assert len(found) == len(list(real_cassettes.rglob("*.yaml")))
    assert wrong == {}


def test_nothing_goes_live_and_nothing_is_missed(real_cassettes: Path) -> None:
    exchanges = sum(len(each) for found in played(real_cassettes).outcomes.values() for each in found.values())
    assert f"\n{exchanges} replayed, 0 live, 0 missed\n" in played(real_cassettes).printed
