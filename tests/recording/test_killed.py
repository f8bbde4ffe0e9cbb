"""Recordings are killed at any moment: what a client had in full is kept, and there at the next start.

`make bench-killed` kills 200 of them.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from acetate.cassette import read_exchanges, read_text
from tests.recording.conftest import content

pytest_plugins = ["pytester"]

RECORDINGS = int(os.environ.get("KILLED_RECORDINGS", "6"))
EXCHANGES = 50
NURSERY = """
import os, sys
import httpx, httpx2, pytest, requests
import acetate.provide, acetate.summary, acetate.vcr_bridge

for line in sys.stdin:
    child = os.fork()
    if not child:
        os.dup2(os.open("run.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND), 1)
        os._exit(pytest.main(["-q", "-p", "recording", "-p", "acetate", "-p", "no:cacheprovider", *line.split()]))
    print(child, flush=True)
    sys.stdin.readline()  # until then its number is nobody else's
    print(os.waitpid(child, 0)[1], flush=True)
"""
"""Has imported everything once. Each line that it reads starts a pytest: it says its process, and after another line
how that has ended."""
TALK = f"""
def plain(text):
    ask(text)

def plain2(text):
    ask(text, by=client2)

def streamed(text):
    with client.stream("POST", url(), json=body(text, stream=True), headers=HEADERS) as answer:
        assert any("[DONE]" in line for line in answer.iter_lines())

def patched(text):
    ask(text, by=requests)

@pytest.mark.vcr
@pytest.mark.parametrize("n", range({RECORDINGS}))
def test_it(n):
    had = os.open(f"had-{{n}}.txt", os.O_WRONLY | os.O_CREAT)
    for k in range({EXCHANGES}):
        (plain, streamed, plain2, patched)[k % 4](f"question {{n}}.{{k}}")
        os.write(had, f"question {{n}}.{{k}}\\n".encode())
        os.fsync(had)

def test_nothing():
    pass
"""


class Nursery:
    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", NURSERY],
            cwd=folder,
            env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, *args: str) -> int:
        """The process of a pytest that has begun."""
        return self._said(" ".join(args))

    def wait(self) -> int:
        """How it has ended, as `os.waitpid` says it."""
        return self._said("")

    def close(self) -> None:
        self._process.communicate()

    def _said(self, line: str) -> int:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@pytest.fixture
def nursery(suite) -> Iterator[Nursery]:
    suite.tests(TALK)
    nursery = Nursery(suite.root)
    yield nursery
    nursery.close()


def test_nothing_is_lost_that_a_client_had_in_full(suite, nursery, capsys):
    chance = random.Random()
    killed = known = lost = 0
    for number in range(RECORDINGS):
        killed += _killed(nursery, suite.root, number, chance)
    nursery.start("test_chat.py::test_nothing")
    assert nursery.wait() == 0
    for number in range(RECORDINGS):
        had = _lines(suite.root / f"had-{number}.txt")
        kept = _kept(suite.root, f"test_chat/test_it[{number}].yaml")
        known += len(had)
        lost += len(set(had) - set(kept))
        assert kept == [f"question {number}.{k}" for k in range(len(kept))]
        assert len(kept) <= len(had) + 1
    with capsys.disabled():
        sys.stderr.write(
            f"\nkilled recordings: {killed}; of {known} exchanges that clients had in full {lost} are lost\n"
        )
    assert lost == 0
    assert killed > RECORDINGS // 2
    assert not list((suite.root / ".acetate/journal").glob("*.jsonl"))


def _killed(nursery: Nursery, root: Path, number: int, chance: random.Random) -> bool:
    """True if a recording was killed; False if it was through before that."""
    child = nursery.start(f"test_chat.py::test_it[{number}]", "--record-mode=once")
    had, enough = root / f"had-{number}.txt", chance.randrange(EXCHANGES + 1)
    deadline = time.monotonic() + 20
    while len(_lines(had)) < enough and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(chance.random() * 0.02)  # anywhere in the next exchange, or in what comes after the last
    os.kill(child, signal.SIGKILL)
    end = nursery.wait()
    assert end in (0, signal.SIGKILL)
    return end == signal.SIGKILL


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _kept(root: Path, cassette: str) -> list[str]:
    """What was asked in the recording, in its cassette or where it waits."""
    for folder in ("cassettes", ".acetate/staged/cassettes"):
        if (root / folder / cassette).exists():
            return [content(each) for each in read_exchanges(read_text(root / folder / cassette, cassette), cassette)]
    return []


def _cut_short(suite, nursery, mode: str, number: int) -> None:
    """Kill a recording of 50 requests once some of them were answered."""
    had = suite.root / f"had-{number}.txt"
    had.unlink(missing_ok=True)
    child = nursery.start(f"test_chat.py::test_it[{number}]", f"--record-mode={mode}")
    deadline = time.monotonic() + 20
    while len(_lines(had)) < 3 and time.monotonic() < deadline:
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    assert nursery.wait() == signal.SIGKILL


def test_a_part_of_a_new_recording_is_not_stacked_onto_the_old_one(suite, nursery):
    nursery.start("test_chat.py::test_it[0]", "--record-mode=once")
    assert nursery.wait() == 0
    assert suite.acetate("accept", "--all").returncode == 0
    _cut_short(suite, nursery, "rewrite", 0)
    run = suite.spawn("test_chat.py::test_nothing")
    assert "test_it[0]: it was not recorded to its end: the old recording stays" in run.text
    assert not suite.has(".acetate/staged/cassettes/test_chat/test_it[0].yaml")
    assert len(_kept(suite.root, "test_chat/test_it[0].yaml")) == EXCHANGES


def test_a_part_goes_once_its_test_was_recorded_whole(suite, nursery):
    _cut_short(suite, nursery, "once", 0)
    nursery.start("test_chat.py::test_nothing")
    assert nursery.wait() == 0
    assert suite.has(".acetate/staged/cassettes/test_chat/test_it[0].yaml")
    nursery.start("test_chat.py::test_it[0]", "--record-mode=once")
    assert nursery.wait() == 0
    assert len(suite.exchanges("test_chat/test_it[0]")) == EXCHANGES
    assert not suite.has(".acetate/staged/cassettes/test_chat/test_it[0].yaml")
    assert not suite.has(".acetate/staged/cassettes/test_chat/test_it[0].json")
