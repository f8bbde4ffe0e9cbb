"""Replay in process beside stock pytest-recording with body matching, in one run: cassettes of 10 to 10,000 exchanges,
and a suite of 300 tests with a cassette of one exchange each.

Prints ratios, and exits with 1 where one is missed. Usage: python bench/replay.py
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import vcr
import yaml

from acetate.config import load
from acetate.session import Hooks, Session
from acetate.tap import listening

FASTER = {10: 8.0, 100: 60.0, 1000: 600.0}
BARE, LOAD, SUITE = 2.0, 0.25, 1.0
URL = "https://api.together.ai/v1/chat/completions"
JSON = {"content-type": "application/json"}
REPLY = json.dumps(
    {
        "id": "oNv-1",
        "object": "chat.completion",
        "created": 1786077872,
        "model": "meta-llama/Llama-3.3-70B-Instruct-Turbo",
        "prompt": [],
        "choices": [
            {
                "finish_reason": "stop",
                "seed": 10063845344384584000,
                "index": 0,
                "logprobs": None,
                "message": {"role": "assistant", "content": "The sky is blue. " * 25, "tool_calls": []},
            }
        ],
        "usage": {"prompt_tokens": 46, "completion_tokens": 45, "total_tokens": 91},
    }
)
TEST = """
import httpx, pytest
client = httpx.Client()

@pytest.fixture
def vcr_config():
    return {config}

@pytest.mark.vcr
@pytest.mark.parametrize("n", range(300))
def test_it(n):
    assert client.post("{url}", json={{"n": n}}).status_code == 200
"""


def main() -> int:
    held = True
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        (root / "acetate.toml").write_text('project = "bench"\n')
        last = 0.0
        for size in (10, 100, 1000, 10_000):
            path = _cassette(root / "cassettes" / f"c{size}.yaml", [_question(n) for n in range(size)])
            bare, ours, load_ours = _bare(size), *_ours(root, path, size)
            stock, load_stock = _stock(path, size)
            faster, over, part = stock / ours, ours / bare, load_ours / load_stock
            wanted = FASTER.get(size, FASTER[1000])
            print(
                f"{size:6,} exchanges: {ours * 1e3:7.3f} ms a request, {over:4.2f} of a bare mock (<= {BARE:g}), "
                f"{faster:5.0f}x stock (>= {wanted:g}); loaded in {load_ours:6.3f} s, {part:4.2f} of stock's"
                f"{f' (<= {LOAD:g})' if size == 10_000 else ''}"
            )
            held &= over <= BARE and faster >= wanted
            last = part
        ours_suite, stock_suite = _suites(root)
    ratio = ours_suite / stock_suite
    print(f"300 tests, one exchange each: {ours_suite:.2f} s, stock {stock_suite:.2f} s: {ratio:.2f} (< {SUITE:g})")
    return 0 if held and last <= LOAD and ratio < SUITE else 1


def _question(number: int) -> bytes:
    return json.dumps(
        {
            "model": "meta-llama/Llama-3.3-70B-Instruct-Turbo",
            "messages": [
                {"role": "system", "content": "You are a helpful assistant that answers briefly and never lies."},
                {"role": "user", "content": f"Question {number}: " + "why is the sky blue, and what else? " * 5},
                {"role": "assistant", "content": "Because of scattering. " * 4},
            ],
            "temperature": 0.7,
        }
    ).encode()


def _cassette(path: Path, questions: Sequence[bytes]) -> Path:
    """As vcrpy writes it."""
    response = {"status": {"code": 200, "message": "OK"}, "headers": {"content-type": [JSON["content-type"]]}}
    interactions = [
        {
            "request": {
                "method": "POST",
                "uri": URL,
                "headers": {"content-type": ["application/json"]},
                "body": each.decode(),
            },
            "response": {**response, "body": {"string": REPLY}},
        }
        for each in questions
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    # Once through JSON: what is one object here would become an alias in YAML.
    document = json.loads(json.dumps({"interactions": interactions, "version": 1}))
    path.write_text(yaml.dump(document, Dumper=yaml.CSafeDumper))
    return path


def _asked(size: int, most: int) -> list[int]:
    return list(range(1, size, max(1, size // most)))[:most]


def _per_request(client: httpx.Client, numbers: Sequence[int]) -> float:
    """The median, so that what else the machine does plays no part."""
    taken = []
    for number in numbers:
        body = _question(number)
        started = time.perf_counter()
        client.post(URL, content=body, headers=JSON)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def _bare(size: int) -> float:
    answers = {_question(number): REPLY.encode() for number in range(size)}
    transport = httpx.MockTransport(lambda request: httpx.Response(200, headers=JSON, content=answers[request.content]))
    with httpx.Client(transport=transport) as client:
        _per_request(client, [0] * 50)
        return _per_request(client, _asked(size, 300))


def _ours(root: Path, path: Path, size: int) -> tuple[float, float]:
    """Seconds a request, and seconds to load."""
    session = Session(load(root), {})
    _ = session.project

    started = time.perf_counter()
    recorder = session.open(path, (), record_mode="none", test="bench", hooks=Hooks(), refuse=_refuse)
    loaded = time.perf_counter() - started
    with listening(recorder), httpx.Client() as client:
        _per_request(client, [0])
        return _per_request(client, _asked(size, 300)), loaded


def _refuse(missed: object) -> Exception:
    return RuntimeError(missed)


def _stock(path: Path, size: int) -> tuple[float, float]:
    started = time.perf_counter()
    with vcr.VCR(record_mode="none", match_on=["method", "uri", "body"]).use_cassette(str(path)):
        loaded = time.perf_counter() - started
        with httpx.Client() as client:
            return _per_request(client, _asked(size, 9 if size < 10_000 else 3)), loaded


def _suites(root: Path) -> tuple[float, float]:
    """The best of three each, in turn."""
    taken: dict[str, list[float]] = {"ours": [], "stock": []}
    for name, config in (("ours", "{}"), ("stock", '{"match_on": ["method", "uri", "body"]}')):
        (root / name).mkdir()
        (root / name / "test_it.py").write_text(TEST.format(config=config, url=URL))
        for number in range(300):
            _cassette(root / name / "cassettes" / "test_it" / f"test_it[{number}].yaml", [f'{{"n":{number}}}'.encode()])

    for _ in range(3):
        for name, times in taken.items():
            command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
            command += ["-p", "no:acetate"] * (name == "stock")
            before = os.times()
            subprocess.run(command, cwd=root / name, check=True, stdout=subprocess.DEVNULL)
            after = os.times()
            times.append(after.children_user + after.children_system - before.children_user - before.children_system)
    return min(taken["ours"]), min(taken["stock"])


if __name__ == "__main__":
    sys.exit(main())
