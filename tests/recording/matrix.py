"""The SDK matrix: what every client gets from a recording, beside what it got when that was recorded.

`python tests/recording/matrix.py` runs it and writes docs/sdk-matrix.md. A test fails while the page says otherwise.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

__all__ = ["PAGE", "Cell", "Matrix", "page", "run"]

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs" / "sdk-matrix.md"
SUITE = Path(__file__).with_name("matrix_suite.py")
PLUGINS = ("-p", "recording", "-p", "acetate", "-p", "no:cacheprovider")


@dataclass(frozen=True, order=True)
class Cell:
    """One variant of a scenario with one client."""

    scenario: str
    variant: str
    client: str


@dataclass(frozen=True)
class Matrix:
    """`said` is what each cell got when it was recorded, one answer for each call; `wrong` says why, where playing gave
    something else; `recorded` and `played` are the last lines of both runs: `588 replayed, 0 live, 0 missed`."""

    said: dict[Cell, list[dict[str, Any]]]
    wrong: dict[Cell, str]
    recorded: str
    played: str


def run(folder: Path) -> Matrix:
    """Both runs, each a pytest of its own in an empty folder. Raises RuntimeError for a cell that is not recorded."""
    shutil.copy(SUITE, folder / "test_cells.py")
    recorded, first = pytest(folder, "recorded", "--record-mode=once", MATRIX_RECORDS="1")
    played, second = pytest(folder, "played", "--acetate-replay-only", failures=1)
    return Matrix(first, dict(differences(first, second)), recorded, played)


def pytest(
    folder: Path, name: str, option: str, *, failures: int = 0, **environment: str
) -> tuple[str, dict[Cell, list[dict[str, Any]]]]:
    """What a run counts last, and what each cell said in it. `failures` is the highest exit code to go on with."""
    said = folder / f"{name}.jsonl"
    quick = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--tb=short", *PLUGINS, option],
        cwd=folder,
        env=os.environ | quick | environment | {"MATRIX_SAID": str(said)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    counts = [line for line in done.stdout.splitlines() if line.endswith(" missed")]
    if not counts or done.returncode > failures:
        raise RuntimeError(done.stdout)
    lines = map(json.loads, said.read_text(encoding="utf-8").splitlines())
    return counts[-1], {Cell(scenario, variant, client): answers for scenario, variant, client, answers in lines}


def differences(first: dict[Cell, Any], second: dict[Cell, Any]) -> Iterator[tuple[Cell, str]]:
    for cell, answers in first.items():
        if cell not in second:
            yield cell, "it was not played"
        elif second[cell] != answers:
            yield cell, f"recorded {json.dumps(answers):.200}, played {json.dumps(second[cell]):.200}"


# --- the page ---------------------------------------------------------------------------------------------------------


TEXT = """\
# The SDK matrix

<!-- Written by `python tests/recording/matrix.py`: change the tests, not this page. -->

A client gets from a recording what it got when that was made. Compared are the values that an SDK hands out, event
by event for a stream; the class, text, status, headers and body of its exception; of a plain client status, headers
and bytes, which come to httpx and httpx2 in the same pieces.

All of it was recorded from this repository's own stand-in of Together AI ([tests/standin](../tests/standin/)), a
server on the same machine: Together AI answered nothing. It was played with the stand-in gone, in replay-only, by
programs that ask `api.together.ai`.

**{equal} of {all} are equal**, with {versions}.
Recording said `{recorded}`, playing `{played}`.

A cell counts its variants: the three ways in which Together's engines write; one text and two; an error as JSON, as
plain text, as Cloudflare's HTML, and in answer to a request for a stream.

{table}
"""


def page(matrix: Matrix) -> str:
    return TEXT.format(
        equal=len(matrix.said) - len(matrix.wrong),
        all=len(matrix.said),
        versions=", ".join(versions()),
        recorded=matrix.recorded,
        played=matrix.played,
        table="\n".join([*table(matrix), *reasons(matrix)]),
    )


def versions() -> Iterator[str]:
    """`together 3`, `httpx 0.28`: what may change the meaning of a cell."""
    for name in ("together", "openai", "httpx", "httpx2", "requests", "aiohttp"):
        major, minor, *_ = version(name).split(".")
        yield f"{name} {f'0.{minor}' if major == '0' else major}"


def table(matrix: Matrix) -> Iterator[str]:
    clients = in_order(cell.client for cell in matrix.said)
    total = Counter((cell.scenario, cell.client) for cell in matrix.said)
    wrong = Counter((cell.scenario, cell.client) for cell in matrix.wrong)
    yield row(["", *clients])
    yield row(["---"] * (1 + len(clients)))
    for scenario in in_order(cell.scenario for cell in matrix.said):
        places = [(scenario, client) for client in clients]
        yield row([scenario, *(f"{total[at] - wrong[at]} of {total[at]}" if total[at] else "-" for at in places)])


def reasons(matrix: Matrix) -> Iterator[str]:
    for cell, why in matrix.wrong.items():
        yield f"\n- {cell.scenario}, {cell.variant}, {cell.client}: {why}"


def in_order(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        PAGE.write_text(page(run(Path(temporary))), encoding="utf-8", newline="\n")
