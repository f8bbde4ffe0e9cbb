"""Replay in process, side by side in one run: Acetate, stock pytest-recording with body matching, a bare mock
transport, and cassetter in an environment of its own (left out where no registry answers).

Cassettes of 10 to 10,000 exchanges, and a suite of 300 tests with a cassette of one exchange each. Each way plays in a
process of its own (`player.py`); they take turns, and a ratio is the median over the rounds. Prints the ratios and what
they must be, and exits with 1 where one is missed. Usage: python bench/replay.py
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import yaml
from player import URL

SIZES = {10: 9, 100: 7, 1000: 5, 10_000: 3}  # exchanges: rounds
FASTER = {10: 8.0, 100: 60.0, 1000: 600.0, 10_000: 600.0}
BARE, GROWTH, LOAD, SUITE = 2.0, 1.25, 0.25, 1.0
PEER, PEER_COLD, PEER_WARM = 1.0, 2.0, 1.0
LOADED = 1000  # exchanges that cassetter is asked to load; it refuses 10,000
PLAYER = str(Path(__file__).with_name("player.py"))
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

Figures = dict[str, float]
"""What `player.py` prints."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """One figure, and the most (or, for a speed-up, the least) that it may be."""

    name: str
    value: float
    limit: float
    at_least: bool = False

    @property
    def holds(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def __str__(self) -> str:
        missed = "" if self.holds else " MISSED"
        return f"{self.name} {self.value:.3g} ({'>=' if self.at_least else '<='} {self.limit:g}){missed}"


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        (root / "acetate.toml").write_text('project = "bench"\n')
        pythons = {"acetate": sys.executable, "stock": sys.executable, **_peer(root / "venv")}
        rounds = {size: _rounds(root / "cassettes", size, pythons) for size in SIZES}
        suites = _suites(root)
    ratios = [*_ratios(rounds, with_peer="cassetter" in pythons), Ratio("300 tests in times of stock's", suites, SUITE)]
    print("replay: " + "; ".join(map(str, ratios)))
    return 0 if all(each.holds for each in ratios) else 1


def _ratios(rounds: dict[int, list[dict[str, Figures]]], *, with_peer: bool) -> list[Ratio]:
    largest = max(SIZES)
    found = []
    for size, wanted in FASTER.items():
        found.append(
            Ratio(
                f"{size:,}: faster than stock",
                _ratio(rounds[size], "stock", "acetate", "request"),
                wanted,
                at_least=True,
            )
        )
    over = {
        size: statistics.median(each["acetate"]["request"] / each["acetate"]["bare"] for each in every)
        for size, every in rounds.items()
    }
    found.append(Ratio("in times of a bare mock", max(over.values()), BARE))
    found.append(Ratio(f"{largest:,} in times of 10", over[largest] / over[10], GROWTH))
    found.append(
        Ratio(f"{largest:,} loaded in times of stock's", _ratio(rounds[largest], "acetate", "stock", "cold"), LOAD)
    )
    if with_peer:
        sizes = [size for size in SIZES if size <= LOADED]
        slowest = min(_ratio(rounds[size], "cassetter", "acetate", "request") for size in sizes)
        found.append(Ratio("faster than cassetter", slowest, PEER, at_least=True))
        for name, limit in (("cold", PEER_COLD), ("warm", PEER_WARM)):
            value = _ratio(rounds[LOADED], "acetate", "cassetter", name)
            found.append(Ratio(f"{LOADED:,} loaded {name} in times of cassetter's", value, limit))
    return found


def _ratio(rounds: Sequence[dict[str, Figures]], one: str, other: str, figure: str) -> float:
    return statistics.median(each[one][figure] / each[other][figure] for each in rounds)


def _peer(folder: Path) -> dict[str, str]:
    """The Python that has cassetter: it cannot share an environment with pytest-recording."""
    python = str(folder / "bin" / "python")
    wanted = ["cassetter", f"httpx=={version('httpx')}"]
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted]
    if subprocess.run(install, capture_output=True, check=False).returncode:
        print("cassetter cannot be installed here: it is left out")
        return {}
    return {"cassetter": python}


def _rounds(folder: Path, size: int, pythons: dict[str, str]) -> list[dict[str, Figures]]:
    """What each way takes, round by round."""
    bodies = [_question(number) for number in range(size)]
    cassette, questions = _cassette(folder / f"{size}.yaml", bodies), folder / f"{size}.json"
    _cassette(folder / "first.yaml", bodies[:1])
    questions.write_text(json.dumps(bodies))
    rounds: list[dict[str, Figures]] = []
    for _ in range(SIZES[size]):
        rounds.append({})
        for way, python in pythons.items():
            if way != "cassetter" or size <= LOADED:
                command = [python, PLAYER, way, str(cassette), str(questions)]
                output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
                rounds[-1][way] = json.loads(output)
    print(f"{size:,} exchanges; a bare mock {_median(rounds, 'acetate', 'bare') * 1e3:.3f} ms a request")
    for way in rounds[0]:
        request, cold, warm = (_median(rounds, way, name) for name in ("request", "cold", "warm"))
        print(f"  {way:10} {request * 1e3:9.3f} ms a request   loaded in {cold:7.4f} s, again in {warm:7.4f} s")
    return rounds


def _median(rounds: Sequence[dict[str, Figures]], way: str, figure: str) -> float:
    return statistics.median(each[way][figure] for each in rounds)


def _question(number: int) -> str:
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
    )


def _cassette(path: Path, questions: Sequence[str]) -> Path:
    """As vcrpy writes it."""
    headers = {"content-type": ["application/json"]}
    response = {"status": {"code": 200, "message": "OK"}, "headers": headers, "body": {"string": REPLY}}
    interactions = [
        {"request": {"method": "POST", "uri": URL, "headers": headers, "body": each}, "response": response}
        for each in questions
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    # Once through JSON: what is one object here would become an alias in YAML.
    document = json.loads(json.dumps({"interactions": interactions, "version": 1}))
    path.write_text(yaml.dump(document, Dumper=yaml.CSafeDumper))
    return path


def _suites(root: Path) -> float:
    """What 300 tests take of the processor, in times of stock's."""
    configs = {"acetate": "{}", "stock": '{"match_on": ["method", "uri", "body"]}'}
    for name, config in configs.items():
        (root / name).mkdir()
        (root / name / "test_it.py").write_text(TEST.format(config=config, url=URL))
        for number in range(300):
            _cassette(root / name / "cassettes" / "test_it" / f"test_it[{number}].yaml", [f'{{"n":{number}}}'])
    compiled = root / "compiled"
    for name in configs:
        _suite(root / name, compiled, with_acetate=name == "acetate")
    rounds = [
        {name: {"suite": _suite(root / name, compiled, with_acetate=name == "acetate")} for name in configs}
        for _ in range(9)
    ]
    taken = [f"{name} {_median(rounds, name, 'suite'):.2f} s" for name in configs]
    print(f"300 tests, one exchange each: {', '.join(taken)}")
    return _ratio(rounds, "acetate", "stock", "suite")


def _suite(folder: Path, compiled: Path, *, with_acetate: bool) -> float:
    """The whole pytest process, with no other plugins than the two. `compiled` keeps what Python compiles."""
    plugins = ["-p", "recording", *(["-p", "acetate"] if with_acetate else [])]
    environ = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "CI": "", "PYTHONPYCACHEPREFIX": str(compiled)}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugins]
    before = os.times()
    output = subprocess.run(command, cwd=folder, env=environ, check=True, stdout=subprocess.PIPE, text=True).stdout
    after = os.times()
    assert ("300 replayed, 0 live, 0 missed" in output) == with_acetate
    return after.children_user + after.children_system - before.children_user - before.children_system


if __name__ == "__main__":
    sys.exit(main())
