"""The service with a big run: 300 changes with 5,000 occurrences in 1,000 cassettes, on embedded SQLite.

A process of its own serves; everything goes over HTTP, as `acetate push` and a browser do it. Prints seconds as a
client sees them, and exits with 1 where one is too many.
"""

from __future__ import annotations

import http.cookiejar
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from acetate.body import Json
from acetate.bundle import Bundle
from acetate.change import ABSENT, Change, Difference, Evidence, Occurrence, fingerprint
from acetate.packing import Packed
from acetate.provider import Operation
from acetate.ruling import Sides
from acetate.service import Service
from acetate.snapshot import Entry, snapshot_bytes
from acetate.verdict import Context, Counts, Verdict

CHANGES, OCCURRENCES, CASSETTES = 300, 5000, 1000
PUSH, PAGE = 3.0, 0.3
ROOT = Path(__file__).parents[1]


def main() -> int:
    packed = _packed("a" * 40, "recorded")
    again = _packed("b" * 40, "recorded")
    with tempfile.TemporaryDirectory() as folder, _serving(Path(folder)) as (url, user, password):
        signed_in = _json(url + "/token", {"username": user, "password": password})
        token = f"Bearer {signed_in['access_token']}"
        secret = _json(url + "/api/v1/tokens", {"project": "bench", "name": "bench"}, token)["secret"]
        ci = Service(url, secret)
        first = _seconds(lambda: ci.push(*packed))
        second = _seconds(lambda: ci.push(*again))
        browser = _browser(url, user, password)
        inbox = _median(lambda: _read(browser, url + "/"))
        listed = _median(lambda: _json(url + "/api/v1/inbox", None, token))
        run = _json(url + "/api/v1/runs?current=true", None, token)["items"][0]["id"]
        changes = _json(f"{url}/api/v1/runs/{run}/changes", None, token)
        chosen = [{"fingerprint": each["fingerprint"], "state": each["state"]} for each in changes]
        said = {"decision": "approved", "why": "bench", "changes": chosen}
        decided = _seconds(lambda: _json(f"{url}/api/v1/runs/{run}/decisions", said, token))
        status = _json(f"{url}/api/v1/runs/{run}/status", None, token)
    assert (len(changes), sum(each["seen"] for each in changes)) == (CHANGES, OCCURRENCES)
    assert status["outcome"] == "passed", status
    print(f"{CHANGES} changes with {OCCURRENCES:,} occurrences in {CASSETTES:,} cassettes, SQLite")
    print(f"  push, {len(packed.contents):,} new files      {first:7.2f} s")
    print(f"  push, no new file           {second:7.2f} s")
    print(f"  inbox page                  {inbox * 1000:7.0f} ms")
    print(f"  inbox, as JSON              {listed * 1000:7.0f} ms")
    print(f"  all {CHANGES} decided at once     {decided * 1000:7.0f} ms")
    print(f"service: push {first:.2f} s (must be <= {PUSH:g}), inbox page {inbox * 1000:.0f} ms (<= {PAGE * 1000:g})")
    return 0 if first <= PUSH and inbox <= PAGE else 1


def _packed(commit: str, text: str) -> Packed:
    """A run as `acetate push` packs it; each cassette has snapshots of its own on both sides."""
    contents: dict[str, bytes] = {}

    def put(number: int, side: str) -> str:
        body: dict[str, Json] = {
            "choices": [{"message": {"content": "<text>", "role": "assistant"}}] * 4,
            "note": f"{side} {number}",
        }
        called = Operation("together", "chat.completions")
        content = snapshot_bytes(
            [Entry("chat", f"{number:064}", called, 200, False, {}, body, f"m{n}") for n in range(3)]
        )
        digest = sha256(content).hexdigest()
        contents[digest] = content
        return digest

    names = [f"tests/cassettes/group{number % 40}/test_{number}" for number in range(CASSETTES)]
    snapshots = {name: Sides(put(number, "approved"), put(number, text)) for number, name in enumerate(names)}
    changes = tuple(_change(number, names) for number in range(CHANGES))
    context = Context("bench", "0.1.0", commit, "main", None, None, "ada", "https://ci.example/1")
    verdict = Verdict("failed", context, Counts(CASSETTES, 3 * CASSETTES, 3 * CASSETTES), changes)
    bundle = Bundle("bench", "test", "2026-11-22T18:00:00Z", verdict, None, {}, snapshots)
    return Packed(bundle, contents)


def _change(number: int, names: list[str]) -> Change:
    path, kind = f"$.choices[].message.field_{number}", "field-removed"
    called = ("together", "chat.completions", 200, False)
    seen = len(range(number, OCCURRENCES, CHANGES))
    places = [names[(number * 17 + step) % CASSETTES] for step in range(seen)]
    return Change(
        fingerprint("consume", *called, Difference(kind, path, path, "string", ABSENT)),
        kind,
        "error" if number % 2 else "warn",
        "consume",
        *called,
        path,
        "string",
        ABSENT,
        Evidence(f"{seen} of {seen}", f"{seen} of {seen}", "2026-11-22", "2026-10-11", (("m1", f"{seen} of {seen}"),)),
        None,
        None,
        tuple(Occurrence(name, 0, path, f"tests/test_{name[-3:]}.py::test", "m1", None) for name in places),
    )


@contextmanager
def _serving(folder: Path) -> Iterator[tuple[str, str, str]]:
    """A process of the service: its address, and the first administrator's name and password."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ACETATE_")}
    environ = {**kept, "ACETATE_DATABASE_URL": f"sqlite:///{folder}/service.db", "ACETATE_LOG_LEVEL": "error"}
    words = [sys.executable, "-m", "app", "serve", "--port", str(port)]
    with subprocess.Popen(words, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = ""
        while not re.search(r"password +(\S+)", said):
            line = process.stdout.readline()
            assert line, "the service did not start"
            said += line
        user, password = (re.search(rf"{word} +(\S+)", said)[1] for word in ("user", "password"))  # type: ignore[index]
        url = f"http://127.0.0.1:{port}"
        try:
            _wait(url + "/health/ready")
            yield url, user, password
        finally:
            process.terminate()


def _wait(url: str) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def _json(url: str, body: Any, token: str = "") -> Any:
    """What an address answers; without a token the body is a form."""
    content = None
    if body is not None:
        content = (json.dumps(body) if token else urllib.parse.urlencode(body)).encode()
    headers = {"Authorization": token, "Content-Type": "application/json"} if token else {}
    with urllib.request.urlopen(urllib.request.Request(url, content, headers), timeout=60) as answer:
        return json.loads(answer.read())


def _browser(url: str, user: str, password: str) -> urllib.request.OpenerDirector:
    """Signed in on the page."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    form = urllib.parse.urlencode({"username": user, "password": password}).encode()
    opener.open(url + "/sign-in", form, timeout=60).close()
    return opener


def _read(browser: urllib.request.OpenerDirector, url: str) -> None:
    with browser.open(url, timeout=60) as answer:
        assert b"field_299" in answer.read()


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _median(work: Callable[[], object]) -> float:
    return statistics.median(_seconds(work) for _ in range(9))


if __name__ == "__main__":
    sys.exit(main())
