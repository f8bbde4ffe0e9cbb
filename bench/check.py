"""`acetate check` beside the naive pipeline, in one run: 10,000 exchanges in 2,000 cassettes.

The naive pipeline is what one would write first: vcrpy loads each cassette, and every exchange costs one validation
with one compiled jsonschema validator and one DeepDiff against its approved body. Prints ratios, and exits with 1
where one is missed. Usage: python bench/check.py [CASSETTES EXCHANGES_EACH]
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from vcr.serialize import serialize
from vcr.serializers import yamlserializer

COLD, WARM, HELP, ONE = 6.0, 40.0, 10.0, 25.0
ACETATE = [sys.executable, "-m", "acetate"]
MODELS = ("meta-llama/Llama-3.3-70B-Instruct-Turbo", "Qwen/Qwen2.5-72B-Instruct-Turbo", "deepseek-ai/DeepSeek-V3.1")


def main() -> int:
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # with it every start compiles anew
    cassettes, each = map(int, sys.argv[1:3] if len(sys.argv) == 3 else (2000, 5))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        bodies = _project(root, cassettes, each)
        _accept(folder)
        naive = _seconds(lambda: _naive(root, bodies))
        cold = _check(root, cold=True)
        warm = min(_check(root, cold=False) for _ in range(3))
    start = _starts()
    print(f"{cassettes * each:,} exchanges in {cassettes:,} cassettes")
    print(f"  naive pipeline             {naive:8.2f} s")
    print(f"  acetate check, cold        {cold[0]:8.2f} s   {cold[1]:5.0f} MB")
    print(f"  acetate check, unchanged   {warm[0]:8.2f} s   {warm[1]:5.0f} MB")
    print("start-up, in times of `python -c pass`")
    for name, ratio in start.items():
        print(f"  {name:26} {ratio:8.1f}")
    ratios = (naive / cold[0], naive / warm[0], start["acetate --help"], start["acetate check, one cassette"])
    print(
        f"check: cold {ratios[0]:.1f}x (must be >= {COLD:g}), unchanged {ratios[1]:.0f}x (>= {WARM:g}), "
        f"--help {ratios[2]:.1f} (<= {HELP:g}), one cassette {ratios[3]:.1f} (<= {ONE:g})"
    )
    return 0 if ratios[0] >= COLD and ratios[1] >= WARM and ratios[2] <= HELP and ratios[3] <= ONE else 1


def _accept(folder: str) -> None:
    """Make the baseline; a benchmark may run in CI, which may not."""
    command = [*ACETATE, "--root", folder, "accept", "--all"]
    subprocess.run(command, check=True, env={**os.environ, "CI": ""}, stdout=subprocess.DEVNULL)


def _project(root: Path, cassettes: int, each: int) -> list[Any]:
    """Cassettes as vcrpy writes them; the approved bodies in order, for the naive pipeline."""
    bodies = []
    (root / "acetate.toml").write_text('project = "bench"\n')
    for number in range(cassettes):
        pairs = [_exchange(number * each + index) for index in range(each)]
        bodies += [json.loads(response["body"]["string"]) for _, response in pairs]
        path = root / "cassettes" / f"group{number % 40}" / f"test_{number}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        requests, responses = zip(*pairs, strict=True)
        path.write_text(serialize({"requests": map(_Request, requests), "responses": responses}, yamlserializer))
    return bodies


class _Request:
    """What vcrpy's serializer asks of a request."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document

    def _to_dict(self) -> dict[str, Any]:
        return self._document


def _exchange(number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    model = MODELS[number % 3]
    question = f"Question {number}: what does a client see? " + "Please answer in one sentence. " * 9
    messages = [{"role": "user", "content": question}]
    asked = {"model": model, "messages": messages, "temperature": 0.7, "max_tokens": 100}
    body: dict[str, Any] = {
        "id": f"oNv{number:08x}-zqrih-9acd{number:012x}",
        "object": "chat.completion",
        "created": 1765543475 + number,
        "model": model,
        "prompt": [],
        "choices": [
            {
                "finish_reason": "stop",
                "seed": 9223372036854775807 + number,
                "index": 0,
                "logprobs": None,
                "message": {"role": "assistant", "content": f"It sees answer {number}. " * 12, "tool_calls": []},
            }
        ],
        "usage": {"prompt_tokens": 40, "completion_tokens": number % 90, "total_tokens": 130, "cached_tokens": 0},
    }
    request = {
        "method": "POST",
        "uri": "https://api.together.xyz/v1/chat/completions",
        "body": json.dumps(asked),
        "headers": {"content-type": ["application/json"], "user-agent": ["Together/v1 PythonBindings/1.5.31"]},
    }
    response = {
        "status": {"code": 200, "message": "OK"},
        "headers": {
            "content-type": ["application/json; charset=utf-8"],
            "x-ratelimit-limit": ["100"],
            "cf-ray": [f"{number:016x}-MXP"],
        },
        "body": {"string": json.dumps(body, indent=2)},
    }
    return request, response


def _naive(root: Path, approved: list[Any]) -> None:
    from deepdiff import DeepDiff
    from genson import SchemaBuilder
    from jsonschema import Draft202012Validator
    from vcr.serialize import deserialize

    builder = SchemaBuilder()
    builder.add_object(approved[0])
    validator = Draft202012Validator(builder.to_schema())
    index = 0
    for path in sorted((root / "cassettes").rglob("*.yaml"), key=lambda each: int(each.stem.partition("_")[2])):
        for response in deserialize(path.read_text(), yamlserializer)[1]:
            body = json.loads(response["body"]["string"])
            assert not list(validator.iter_errors(body))
            assert not DeepDiff(approved[index], body)
            index += 1


# A process starts with the peak of the one that forked it, so that a small one has to stand between.
_PEAK = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True)"
_PEAK += "; print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"


def _check(root: Path, *, cold: bool) -> tuple[float, float]:
    """Seconds of one `acetate check`, and the memory that it had at most, in MB."""
    command = [*ACETATE, "--root", str(root), "check"]
    figures = []
    for measured in (command, [sys.executable, "-c", _PEAK, *command]):
        if cold:
            shutil.rmtree(root / ".acetate" / "cache", ignore_errors=True)
        started = time.perf_counter()
        output = subprocess.run(measured, check=True, capture_output=True, text=True).stdout
        figures.append((time.perf_counter() - started, output))
    assert "passed" in figures[0][1], figures[0][1]
    return figures[0][0], int(figures[1][1].split()[-1]) / 1024


def _starts() -> dict[str, float]:
    """How long commands take, as multiples of an empty Python."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _project(root, 1, 1)
        _accept(folder)
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "acetate --help": [*ACETATE, "--help"],
            "acetate check, one cassette": [*ACETATE, "--root", folder, "check"],
        }
        best = dict.fromkeys(commands, float("inf"))
        for _ in range(15):
            for name, command in commands.items():
                shutil.rmtree(root / ".acetate" / "cache", ignore_errors=True)
                run = partial(subprocess.run, command, stdout=subprocess.DEVNULL, check=True)
                best[name] = min(best[name], _seconds(run))
    return {name: seconds / best["python -c pass"] for name, seconds in best.items() if name != "python -c pass"}


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
