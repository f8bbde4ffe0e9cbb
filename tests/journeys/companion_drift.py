"""What becomes of the companion when Together changes a field: every field of a reply, of a stream and of an embedding
is renamed, removed and set to null in turn, in a recording that the companion is then played.

Acetate must name what changed at the provider, the companion must answer with a documented error or carry on, and what
its own clients see of it must be named too. `python -m tests.journeys.companion_drift` writes docs/companion-drift.md.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.recorded.models import LLAMA
from tests.recorded.place import REPOSITORY, URL

__all__ = ["PAGE", "WAYS", "Case", "Outcome", "cases", "outcomes", "page"]

PAGE = REPOSITORY / "docs" / "companion-drift.md"
RECORDED = REPOSITORY / "cassettes" / "companion" / "replies"
CHAT, EMBEDDINGS = "/v1/chat/completions", "/v1/embeddings"
SOURCES = {"reply": ("plain[native]", CHAT), "stream": ("stream[native]", CHAT), "embedding": ("memory", EMBEDDINGS)}
"""A recording of each, and of which calls the answers are changed."""
WAYS = ("renamed", "removed", "null")
CONFIG = f"""
project = "companion"
app = "app.main:create_app"
[providers.together]
base_urls = ["{URL}"]
"""
CONFTEST = """
import pytest
from tests.recorded.companion.conftest import companion, migrated, served, settings, sign_in

@pytest.fixture(scope="module")
def user(migrated, tmp_path_factory):
    with served(settings(migrated, tmp_path_factory.mktemp("service"))) as client:
        yield sign_in(client)

@pytest.fixture(scope="module")
def ada(user):
    said = {"name": "Ada", "remembers": False, "model": "MODEL"}
    return user.post("/api/v1/companions/", json=said).json()["id"]
""".replace("MODEL", LLAMA)
SUITE = """
import json
from pathlib import Path
import pytest

CASES = json.loads(Path("cases.json").read_text())

@pytest.mark.vcr
@pytest.mark.parametrize("case", CASES)
def test_case(user, ada, companion, case):
    asked = {"message": "Say hello.", "companion_id": ada, "stream": case.startswith("stream")}
    if case.startswith("embedding"):
        asked = {"message": "My sister is Edda.", "companion_id": companion(remembers=True)}
    answer = user.post("/api/chat", json=asked)
    code = answer.json()["code"] if answer.status_code != 200 else None
    if "event: error" in answer.text:
        code = json.loads(answer.text.rpartition("event: error\\ndata: ")[2].partition("\\n")[0])["code"]
    with Path("told.jsonl").open("a") as file:
        file.write(json.dumps([case, answer.status_code, code]) + "\\n")
"""
HEAD = """# When Together changes a field

<!-- Written by `python -m tests.journeys.companion_drift` from runs of it: change the code, not this page. -->

Every field of a recorded reply, stream and embedding is renamed, removed and set to null in turn, and the companion is
played what comes of it. Nothing here was said by Together: the recordings come from the stand-in in tests/standin.

A cell has what Acetate names at the provider, what a client of the companion gets, and what Acetate names at the
companion's own API. `carries on` is a 200 whose shape is the approved one.
"""


@dataclass(frozen=True)
class Case:
    """A field of a recording, by its path, and what is done to it."""

    kind: str
    path: tuple[str, ...]
    way: str

    @property
    def place(self) -> str:
        return "$." + ".".join(self.path).replace(".[]", "[]")

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.place}-{self.way}".replace("[]", "@")


@dataclass
class Outcome:
    """What Acetate and a client of the companion saw. `provider` and `own` are changes by kind and path."""

    status: int
    code: str | None
    provider: list[tuple[str, str]] = field(default_factory=list)
    own: list[tuple[str, str]] = field(default_factory=list)


def cases() -> list[Case]:
    found = []
    for kind, (name, call) in SOURCES.items():
        bodies: list[Any] = []
        recorded = (RECORDED / f"{name}.yaml").read_text(encoding="utf-8")
        edited(recorded, call, lambda body: bodies.append(body) or body)  # noqa: B023
        paths = dict.fromkeys(path for body in bodies for path in fields(body))
        found += [Case(kind, path, way) for path in paths for way in WAYS if changes(bodies, path, way)]
    return found


def changes(bodies: list[Any], path: tuple[str, ...], way: str) -> bool:
    """Null that is null already is no change."""
    return any(changed(body, path, way) != body for body in bodies)


def fields(value: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths of all fields of a JSON document."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield (*above, name)
            yield from fields(inner, (*above, name))
    elif isinstance(value, list):
        for inner in value:
            yield from fields(inner, (*above, "[]"))


def changed(value: Any, path: tuple[str, ...], way: str) -> Any:
    """The document with that done to the field, wherever it is."""
    first, *rest = path
    if first == "[]":
        return [changed(each, tuple(rest), way) for each in value] if isinstance(value, list) else value
    if not isinstance(value, dict) or first not in value:
        return value
    if rest:
        return value | {first: changed(value[first], tuple(rest), way)}
    if way == "null":
        return value | {first: None}
    new = {"renamed": f"{first}_v2"}.get(way)
    return {new if name == first else name: inner for name, inner in value.items() if name != first or new}


def edited(recorded: str, call: str, edit: Callable[[Any], Any]) -> str:
    """A cassette whose answers to a call are edited, event by event where they are streams."""
    cassette = yaml.safe_load(recorded)
    for each in cassette["interactions"]:
        if each["request"]["uri"].endswith(call):
            body = each["response"]["body"]
            if body["string"].startswith("data: "):
                body["string"] = re.sub(
                    r"(?<=^data: )\{.*$",
                    lambda found: json.dumps(edit(json.loads(found[0]))),
                    body["string"],
                    flags=re.M,
                )
            else:
                body["string"] = json.dumps(edit(json.loads(body["string"])))
            each["response"].get("acetate", {}).pop("chunks", None)
    return str(yaml.safe_dump(cassette, allow_unicode=True, sort_keys=False))


def outcomes(folder: Path) -> dict[Case, Outcome]:
    """Run every case, in a project in that folder: once as it was recorded, which is approved, and once changed."""
    every = cases()
    (folder / "acetate.toml").write_text(CONFIG)
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_drift.py").write_text(SUITE)
    (folder / "cases.json").write_text(json.dumps([case.name for case in every]))
    cassettes = folder / "cassettes" / "test_drift"
    cassettes.mkdir(parents=True)
    for case in every:
        shutil.copy(RECORDED / f"{SOURCES[case.kind][0]}.yaml", cassettes / f"test_case[{case.name}].yaml")
    run(folder, "pytest", *PLAYED)
    run(folder, "acetate", "accept", "--all", "--reason", "as it was recorded")
    (folder / "told.jsonl").unlink()
    for case in every:
        file = cassettes / f"test_case[{case.name}].yaml"
        file.write_text(edited(file.read_text("utf-8"), SOURCES[case.kind][1], lambda body: changed(body, *what(case))))  # noqa: B023
    run(folder, "pytest", *PLAYED, "--acetate-report", "report.json")
    return read(folder, every)


PLAYED = ("-q", "-p", "no:cacheprovider", "--acetate-replay-only")


def what(case: Case) -> tuple[tuple[str, ...], str]:
    return case.path, case.way


def run(folder: Path, *module: str) -> None:
    environ = os.environ | {
        "CI": "",
        "PYTHONPATH": str(REPOSITORY),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTEST_ADDOPTS": "-p recording -p acetate",
    }
    done = subprocess.run(
        [sys.executable, "-m", *module], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(module)}\n{done.stdout}\n{done.stderr}")


def read(folder: Path, every: list[Case]) -> dict[Case, Outcome]:
    """What the tests told and the report says, by case."""
    lines = (folder / "told.jsonl").read_text().splitlines()
    told = {name: (status, code) for name, status, code in map(json.loads, lines)}
    found = {case.name: Outcome(*told[case.name]) for case in every}
    for change in json.loads((folder / "report.json").read_text())["changes"]:
        for where in change["occurrences"]:
            name = re.search(r"\[(.*)\]$", where["test"] or where["cassette"])
            if name and change["severity"] != "none":
                outcome = found[name[1]]
                side = outcome.provider if change["edge"] == "consume" else outcome.own
                if (change["kind"], change["path"]) not in side:
                    side.append((change["kind"], change["path"]))
    return {case: found[case.name] for case in every}


def page(found: dict[Case, Outcome]) -> str:
    """The table, a section for each recording."""
    parts = [HEAD]
    for kind in SOURCES:
        parts.append(f"\n## {kind.capitalize()}\n\n| field | {' | '.join(WAYS)} |\n|---|{'---|' * len(WAYS)}\n")
        rows: dict[str, dict[str, str]] = {}
        for case, outcome in found.items():
            if case.kind == kind:
                rows.setdefault(case.place, {})[case.way] = cell(outcome)
        for place, cells in rows.items():
            parts.append(f"| `{place}` | {' | '.join(cells.get(way, 'is null') for way in WAYS)} |\n")
    return "".join(parts)


def cell(outcome: Outcome) -> str:
    answer = "carries on" if outcome.code is None and not outcome.own else f"{outcome.status}"
    if outcome.code is not None:
        answer += f" `{outcome.code}`"
    own = ", ".join(dict.fromkeys(kind for kind, _ in outcome.own)) or "no change of ours"
    return f"{', '.join(dict.fromkeys(kind for kind, _ in outcome.provider))}<br>{answer}<br>{own}"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        PAGE.write_text(page(outcomes(Path(temporary))), encoding="utf-8")
