"""What a project has, and what is amiss."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from acetate.inventory import Inventory, take_stock

DATE = {"content-type": "application/json", "date": "Sun, 22 Nov 2026 10:00:00 GMT"}
KEY = "sk-" + "0123456789abcdefABCDEF0123456789"


def stock_of(sandbox: Any) -> Inventory:
    project = sandbox.project()
    return take_stock(project, project.cassettes())


def edited(path: Path, **response: Any) -> None:
    document = json.loads(path.read_text())
    for interaction in document["interactions"]:
        interaction["response"].update(response)
    path.write_text(json.dumps(document))


def test_a_cassette_is_counted_with_what_is_approved_of_it(sandbox: Any) -> None:
    path = sandbox.record("a", sandbox.reply(), headers=DATE)
    sandbox.accept()
    sandbox.record("a", sandbox.reply(), sandbox.reply(id="2"), headers=DATE)
    stock = stock_of(sandbox)
    (one,) = stock.cassettes
    assert (one.name, one.exchanges, one.approved) == ("cassettes/a", 2, 1)
    assert one.size == path.stat().st_size
    assert one.operations == ["together:chat.completions 2"]
    assert one.models == ["meta-llama/Llama-3.3-70B-Instruct-Turbo"]
    assert one.recorded == "2026-11-22"
    assert (stock.exchanges, stock.approved) == (2, 1)


def test_several_days_are_a_range_and_sources_are_named(sandbox: Any) -> None:
    path = sandbox.record("a", sandbox.reply(), sandbox.reply(id="2"))
    document = json.loads(path.read_text())
    for interaction, day in zip(document["interactions"], ("2026-10-11", "2026-11-22"), strict=True):
        interaction["response"]["acetate"] = {
            "version": 1,
            "recorded_at": f"{day}T10:00:00.000Z",
            "source": "router.huggingface.co",
        }
    path.write_text(json.dumps(document))
    (one,) = stock_of(sandbox).cassettes
    assert one.recorded == "2026-10-11 to 2026-11-22"
    assert one.sources == ["router.huggingface.co"]


def test_a_recording_without_a_date_or_a_source_says_neither(sandbox: Any) -> None:
    sandbox.record("a", sandbox.reply())
    (one,) = stock_of(sandbox).cassettes
    assert (one.recorded, one.sources) == (None, [])


def test_the_same_request_answered_alike_is_a_duplicate(sandbox: Any) -> None:
    path = sandbox.record("a", sandbox.reply())
    document = json.loads(path.read_text())
    document["interactions"] *= 3
    document["interactions"].append(
        {**document["interactions"][0], "response": {"status": {"code": 200}, "body": {"string": "{}"}}}
    )
    path.write_text(json.dumps(document))
    assert stock_of(sandbox).duplicates == ["cassettes/a#1", "cassettes/a#2"]


def test_approved_entries_without_a_recording_are_orphans(sandbox: Any) -> None:
    sandbox.record("a", sandbox.reply(), sandbox.reply(id="2"))
    sandbox.record("gone", sandbox.reply())
    sandbox.accept()
    (sandbox.root / "cassettes/gone.yaml").unlink()
    sandbox.record("a", sandbox.reply())
    assert stock_of(sandbox).orphans == [
        "snapshots/cassettes/a.json: chat.completions meta-llama/Llama-3.3-70B-Instruct-Turbo",
        "snapshots/cassettes/gone.json",
    ]


def test_what_waits_in_the_workspace_is_staged(sandbox: Any) -> None:
    staged = sandbox.root / ".acetate/staged/cassettes"
    staged.mkdir(parents=True)
    (staged / "a.yaml").write_text("")
    assert stock_of(sandbox).staged == ["cassettes/a.yaml"]


def test_a_secret_that_another_recorder_left_is_named_by_its_exchange(sandbox: Any) -> None:
    path = sandbox.record("a", sandbox.reply())
    sandbox.record("clean", sandbox.reply())
    edited(path, headers={"content-type": ["application/json"], "set-cookie": [f"session={KEY}"]})
    stock = stock_of(sandbox)
    assert stock.secrets == ["cassettes/a#0"]
    assert KEY not in json.dumps(stock.as_json())


@pytest.mark.parametrize("name", ["a.har", "deep/er/b.har", "c.json"])
def test_files_of_other_recorders_are_named_once(sandbox: Any, name: str) -> None:
    (sandbox.root / "acetate.toml").write_text('cassettes = ["cassettes/**", "**/*.har"]')
    path = sandbox.root / "cassettes" / name
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    (sandbox.root / "cassettes/notes.txt").write_text("")
    assert stock_of(sandbox).foreign == [f"cassettes/{name}"]


def test_a_cassette_that_cannot_be_read_is_a_problem_and_the_rest_is_counted(sandbox: Any) -> None:
    (sandbox.record("a")).write_text("- nothing")
    sandbox.record("b", sandbox.reply())
    stock = stock_of(sandbox)
    assert [(each.name, each.exchanges) for each in stock.cassettes] == [("cassettes/a", 0), ("cassettes/b", 1)]
    (problem,) = stock.cassettes[0].problems
    assert problem.where == "cassettes/a.yaml"
    assert problem.next


def test_the_stock_is_json(sandbox: Any) -> None:
    sandbox.record("a", sandbox.reply())
    (sandbox.record("broken")).write_text("- nothing")
    told = json.loads(json.dumps(stock_of(sandbox).as_json()))
    assert (told["schema"], told["project"]) == ("acetate.status/1", "sandbox")
    assert told["cassettes"][0]["operations"] == ["together:chat.completions 1"]
