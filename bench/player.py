"""One way of playing a cassette, in a process of its own: what it takes to load, and what a request takes.

Prints JSON, all in seconds of the processor, so that what else the machine does plays a small part: `cold` and `warm`
until a cassette is open, for the first time and again; `request` the median of requests, each asked once per opening,
wherever it stands in the cassette; for Acetate `bare` as well, of a mock transport with a dict that is asked in turn
with it. Only what is played with is imported: no environment holds every way.
Usage: python bench/player.py acetate|stock|cassetter CASSETTE QUESTIONS
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx

Opened = Callable[[Path], AbstractContextManager[Any]]
URL = "https://api.together.ai/v1/chat/completions"
JSON = {"content-type": "application/json"}
MOST, FEWEST, LONG_ENOUGH = 300, 3, 0.5  # requests, requests, seconds


def main(way: str, cassette: Path, questions: Path) -> None:
    bodies = [each.encode() for each in json.loads(questions.read_text())]
    client, opened = httpx.Client(), WAYS[way](cassette.parent)
    # The others would patch the mock, too.
    mock = httpx.Client(transport=_mock(bodies)) if way == "acetate" else None
    with opened(cassette.with_name("first.yaml")):
        ask(client, bodies[0])  # what is imported late is imported now
    loads: list[float] = []
    requests: list[float] = []
    bare: list[float] = []
    order = random.Random(1)
    while not _is_enough(requests):
        started = time.process_time()
        with opened(cassette):
            if way == "acetate":
                ask(client, bodies[0])  # its index is made for the first question: that is loading, too
            loads.append(time.process_time() - started)
            for body in order.sample(bodies[1:], len(bodies) - 1) if len(loads) > 1 else ():
                if mock is not None:
                    bare.append(ask(mock, body))
                requests.append(ask(client, body))
                if _is_enough(requests):
                    break
    figures = {"cold": loads[0], "warm": statistics.median(loads[1:]), "request": statistics.median(requests)}
    print(json.dumps(figures | ({"bare": statistics.median(bare)} if bare else {})))


def _is_enough(requests: list[float]) -> bool:
    return len(requests) >= MOST or (len(requests) >= FEWEST and sum(requests) > LONG_ENOUGH)


def ask(client: httpx.Client, body: bytes) -> float:
    """What one answer takes, read in full."""
    started = time.process_time()
    answer = client.post(URL, content=body, headers=JSON)
    taken = time.process_time() - started
    assert "choices" in answer.json()
    return taken


def _mock(bodies: list[bytes]) -> httpx.MockTransport:
    answers = dict.fromkeys(bodies, json.dumps({"choices": ["The sky is blue. " * 25]}).encode())
    return httpx.MockTransport(lambda request: httpx.Response(200, headers=JSON, content=answers[request.content]))


def _acetate(root: Path) -> Opened:
    from acetate.config import load
    from acetate.session import Hooks, Session
    from acetate.tap import listening

    session = Session(load(root), {})
    how: dict[str, Any] = {"record_mode": "none", "test": "bench", "hooks": Hooks(), "refuse": RuntimeError}
    return lambda path: listening(session.open(path, (), **how))


def _stock(_root: Path) -> Opened:
    import vcr

    player = vcr.VCR(record_mode="none", match_on=["method", "uri", "body"])
    return lambda path: player.use_cassette(str(path))


def _cassetter(_root: Path) -> Opened:
    cassetter = import_module("cassetter")
    return lambda path: cassetter.use_cassette(path, record_mode="none", match_on=["method", "uri", "json_body"])


WAYS: dict[str, Callable[[Path], Opened]] = {"acetate": _acetate, "stock": _stock, "cassetter": _cassetter}


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
