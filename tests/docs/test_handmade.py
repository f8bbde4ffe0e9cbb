"""This repository's own recordings: made by hand, approved, and as their script writes them."""

from __future__ import annotations

import json
import shutil

import pytest

from acetate.cassette import Cassette
from acetate.cli.main import main
from tests import handmade
from tests.docs.guide import REPOSITORY

CASSETTES = sorted((REPOSITORY / "cassettes").rglob("*.yaml"))


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A project with all that is approved here, so that nothing is written into the repository."""
    for folder in ("cassettes", "contracts", "snapshots"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_script_writes_the_same_bytes_again(tmp_path):
    handmade.main(tmp_path)
    written = {file.relative_to(tmp_path).as_posix(): file.read_bytes() for file in tmp_path.rglob("*.yaml")}
    assert written == {file.relative_to(REPOSITORY).as_posix(): file.read_bytes() for file in CASSETTES}


def test_every_exchange_says_that_it_was_made_by_hand():
    sources = [each.recording.source for file in CASSETTES for each in Cassette.load(file, REPOSITORY).exchanges]
    assert set(sources) == {handmade.SOURCE}
    assert len(sources) == 6


def test_all_of_it_is_approved(copy, capsys):
    assert main(["--root", str(copy), "check", "--format", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["changes"] == []
    assert report["counts"]["examined"] == 6


def test_every_contract_is_as_its_snapshots_say(copy, capsys):
    assert main(["--root", str(copy), "accept", "--rebuild"]) == 0
    assert capsys.readouterr().out == "every contract is as its snapshots say\n"


def test_the_baseline_says_where_it_comes_from(copy, capsys):
    assert main(["--root", str(copy), "log"]) == 0
    assert "made by hand from the API's documentation" in capsys.readouterr().out


def test_vcrpy_can_read_what_lies_here():
    from vcr.serialize import deserialize
    from vcr.serializers import yamlserializer

    for file in CASSETTES:
        requests, responses = deserialize(file.read_text("utf-8"), yamlserializer)
        assert len(requests) == len(responses) == len(Cassette.load(file, REPOSITORY).exchanges)
