"""A suite of somebody who tests a backend: written into a folder, run by a real pytest, against the stand-in."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

# pytester takes every module out again that a run imports first: these are slow to import, and of Acetate's there must
# not be two.
import aiohttp
import httpcore
import httpcore2
import httpx
import httpx2
import openai
import pytest
import requests
import together as together_sdk
import vcr

import acetate.provide
import acetate.standalone
import acetate.summary
from acetate.cassette import read_exchanges, read_text
from acetate.exchange import Exchange
from tests.standin.fixture import together as together
from tests.standin.server import Standin

assert all((aiohttp, httpcore, httpcore2, httpx, httpx2, openai, requests, together_sdk, vcr, acetate))

MODEL = "meta-llama/Llama-3.3-70B-Instruct-Turbo"
_QUIET = ("-q", "-p", "no:cacheprovider", "-p", "recording", "-p", "acetate", "-p", "xdist")
"""With the plugins that a suite needs: to load all that are installed costs more than to run it."""
KEY = "tgp_v1_a-key-that-opens-nothing-0123456789"
TALK = f'''
import json, os
import httpx, httpx2, pytest, requests

client = httpx.Client(verify=False)
client2 = httpx2.Client(verify=False)

def url(path="/chat/completions"):
    return os.environ["TOGETHER_BASE_URL"] + "/v1" + path

def body(text, **more):
    return {{"model": "{MODEL}", "messages": [{{"role": "user", "content": text}}], **more}}

HEADERS = {{"authorization": "Bearer {KEY}"}}

def ask(text, *, by=client, **more):
    """The whole answer to a question."""
    return by.post(url(), json=body(text, **more), headers=HEADERS)

def said(text, **how):
    return ask(text, **how).json()["choices"][0]["message"]["content"]
'''


class Suite:
    """A folder with tests. Each run is a pytest of its own."""

    def __init__(self, pytester: pytest.Pytester, standin: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pytester = pytester
        self.root: Path = pytester.path
        self.standin = standin
        self._monkeypatch = monkeypatch
        self.write("talk.py", TALK)
        self.write(
            "conftest.py",
            "import talk\n\ndef pytest_unconfigure():\n    talk.client.close()\n    talk.client2.close()\n",
        )
        self.env("TOGETHER_BASE_URL", standin.url)
        self.env("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip())

    def tests(self, text: str, name: str = "test_chat.py") -> None:
        """A test module that can `ask`."""
        self.write(name, "from talk import *\n\n" + textwrap.dedent(text))

    def env(self, name: str, value: str | None) -> None:
        if value is None:
            self._monkeypatch.delenv(name, raising=False)
        else:
            self._monkeypatch.setenv(name, value)

    def run(self, *args: str) -> Run:
        """In this process."""
        before = len(self.standin.requests)
        result = self.pytester.runpytest_inprocess(*_QUIET, "-W", "error", "-p", "no:asyncio", *args)
        return Run(result.outlines, result.ret, result.parseoutcomes(), len(self.standin.requests) - before)

    def spawn(self, *args: str, timeout: float = 60) -> Run:
        """In a process of its own."""
        before = len(self.standin.requests)
        result = self.pytester.runpytest_subprocess(*_QUIET, *args, timeout=timeout)
        return Run(result.outlines, result.ret, result.parseoutcomes(), len(self.standin.requests) - before)

    def start(self, *args: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "pytest", *_QUIET, *args],
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def acetate(self, *args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "acetate", *args], cwd=self.root, capture_output=True, text=True, check=False
        )

    def exchanges(self, name: str = "test_chat/test_it", folder: str = "cassettes") -> list[Exchange]:
        path = self.root / folder / f"{name}.yaml"
        return read_exchanges(read_text(path, name), name)

    def has(self, path: str) -> bool:
        return (self.root / path).exists()

    def staged(self, name: str = "test_chat/test_it") -> list[Exchange]:
        return self.exchanges(name, ".acetate/staged/cassettes")


class Run:
    """What one pytest said; `hits` are the requests that reached the stand-in meanwhile."""

    def __init__(self, lines: list[str], code: int, outcomes: dict[str, Any], hits: int) -> None:
        self.lines = lines
        self.text = "\n".join(lines)
        self.code = int(code)
        self.outcomes = outcomes
        self.hits = hits

    @property
    def counts(self) -> str:
        """`1 replayed, 0 live, 0 missed`."""
        return next(line for line in reversed(self.lines) if " live, " in line and " missed" in line)

    def block(self, word: str) -> list[str]:
        """The lines of the summary from that word on, to the next such word."""
        start = next(index for index, line in enumerate(self.lines) if line.startswith(f"{word}  ") or line == word)
        found = []
        for line in self.lines[start:]:
            if found and line[:1].isupper() and line[:3].isupper():
                break
            found.append(line)
        return found


@pytest.fixture
def suite(pytester: pytest.Pytester, together: Standin, monkeypatch: pytest.MonkeyPatch) -> Suite:
    return Suite(pytester, together, monkeypatch)


def content(exchange: Exchange) -> str:
    """What was asked last."""
    found: str = json.loads(exchange.request.body)["messages"][-1]["content"]
    return found
