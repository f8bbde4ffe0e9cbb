"""What each client gets from a recording is what it got when that was made; the page in docs says so."""

from __future__ import annotations

import functools
import json
import tempfile
from pathlib import Path

import pytest

from tests.recording.matrix import PAGE, Cell, Matrix, page, run


@functools.cache
def matrix() -> Matrix:
    """Run once, and not before a test has its environment."""
    with tempfile.TemporaryDirectory() as folder:
        return run(Path(folder))


def statuses(cell: Cell) -> set[object]:
    return {each.get("status") for each in matrix().said[cell]}


def test_every_client_gets_from_a_recording_what_it_got_before():
    assert matrix().wrong == {}
    assert len(matrix().said) > 500


def test_nothing_is_missed_and_nothing_goes_live():
    recorded, played = (line.split() for line in (matrix().recorded, matrix().played))
    assert (recorded[0], recorded[4], played[2], played[4]) == ("0", "0", "0", "0")
    assert played[0] == recorded[2]


def test_an_error_is_the_error_that_the_cell_is_called_after():
    errors = [cell for cell in matrix().said if cell.scenario.startswith("error ")]
    assert [cell for cell in errors if statuses(cell) != {int(cell.scenario.split()[1])}] == []


def test_everything_else_is_a_success():
    others = [cell for cell in matrix().said if "error" not in cell.scenario]
    assert [
        cell for cell in others if statuses(cell) - {None, 200} or "raised" in json.dumps(matrix().said[cell])
    ] == []


@pytest.mark.parametrize("scenario", ["a stream", "tools in a stream"])
def test_a_stream_has_several_events(scenario):
    said = [answers[0] for cell, answers in matrix().said.items() if cell.scenario == scenario]
    assert all(len(each.get("events", each.get("text", "").split("\n\n"))) > 1 for each in said)


def test_the_page_is_what_was_played():
    assert PAGE.read_text("utf-8") == page(matrix()), "next: python tests/recording/matrix.py"
