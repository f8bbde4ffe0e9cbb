"""The library as pages, on what a real project pushed."""

from __future__ import annotations

import re
from contextlib import closing
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from acetate.cli.main import main
from app.library.service import FieldHistory, Known, Point
from app.models import Role
from app.web.timeline import timeline
from tests.app.bundles import bundle, change
from tests.app.engines import ONLY_SQLITE
from tests.app.web import shop
from tests.app.web.conftest import state_of
from tests.app.web.live import serving

T0 = datetime(2026, 10, 1, tzinfo=UTC)
RUN: Any = SimpleNamespace(id=uuid4())


def day(number: int) -> datetime:
    return T0 + timedelta(days=number)


def known(first: int, *decisions: tuple[int, str]) -> Known:
    change: Any = SimpleNamespace(first_seen_at=day(first), kind="field-removed")
    made: Any = tuple(SimpleNamespace(at=day(at), decision=said, by="mara") for at, said in decisions)
    return Known(change, made)


def test_nothing_known_draws_nothing():
    assert timeline(FieldHistory(None, (), ()), T0) is None


def test_the_line_steps_from_one_approved_contract_to_the_next():
    points = (Point(day(0), RUN, 20, 20, True), Point(day(5), RUN, 10, 20, False))
    picture = timeline(FieldHistory(day(0), points, ()), day(10))
    assert picture is not None
    assert picture.line == "48.0,16.0 464.0,16.0 464.0,73.0 880.0,73.0"
    assert picture.area == "48.0,130.0 48.0,16.0 464.0,16.0 464.0,73.0 880.0,73.0 880.0,130.0"
    assert [mark.text for mark in picture.marks] == ["2026-10-01: in 20 of 20", "2026-10-06: in 10 of 20"]
    assert picture.days == ("2026-10-01", "2026-10-11")


def test_changes_and_decisions_stand_below_the_line():
    picture = timeline(FieldHistory(day(0), (), (known(0, (1, "rejected"), (2, "approved")),)), day(4))
    assert picture is not None
    assert picture.line == picture.area == ""
    assert [(mark.look, mark.x) for mark in picture.marks] == [
        ("change", 48.0),
        ("rejected", 256.0),
        ("approved", 464.0),
    ]
    assert picture.marks[1].text == "2026-10-02: field-removed rejected by mara"


def test_all_at_one_moment_is_drawn_too():
    point = Point(T0, RUN, 0, 0, False)
    picture = timeline(FieldHistory(None, (point,), ()), T0)
    assert picture is not None
    assert picture.marks[0].y == 130.0


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    """The service with two runs of the shop: as it was approved, and as it is today."""
    root = tmp_path_factory.mktemp("shop")
    with serving(tmp_path_factory.mktemp("service")) as live, pytest.MonkeyPatch.context() as shell:
        shell.delenv("CI", raising=False)
        shell.setenv("ACETATE_TOKEN", live.token("shop"))
        shop.record(root, shop.approved)
        assert main(["--root", str(root), "accept", "--all"]) == 0
        shop.record(root, shop.today)
        assert main(["--root", str(root), "push", "--service", live.url]) == 0
        yield live


@pytest.fixture(scope="module")
def read(live):
    """The text of a page, as a viewer reads it."""
    with closing(live.signed_in("vera")) as client:

        def read(address: str, **asked: object) -> str:
            answer = client.get(address, params=asked)
            assert answer.status_code == 200, answer.text
            return " ".join(re.sub(r"<[^>]+>", " ", answer.text.partition("<main")[2]).split())

        yield read


def test_operations_are_listed_with_their_evidence(read):
    said = read("/library")
    assert "together:chat.completions 200 5 20" in said
    assert "together:chat.completions 200 stream 1" in said
    assert f"{shop.LLAMA} 3" in said
    assert "cassettes/chat/streamed" in said


def test_a_contract_is_a_list_of_fields(read):
    said = read("/library/contract", project="shop", path="contracts/together/chat.completions/200.json")
    assert "from 5 approved exchanges" in said
    assert "$.choices[].finish_reason string 5 of 5 eos" in said
    assert "JSON Schema" not in said
    assert "The document" in said


def test_a_stream_is_shown_as_its_reply_and_as_its_events(read):
    said = read("/library/snapshot", project="shop", name="cassettes/chat/streamed")
    assert said.index("Reply, assembled from the stream") < said.index("Events") < said.index("Last event")
    assert "[DONE]" in said
    assert "1 approved exchange , masked" in said or "1 approved exchange, masked" in said


def test_a_field_has_its_history(read):
    asked = {"project": "shop", "provider": "together", "operation": "chat.completions", "status": 200}
    said = read("/library/field", **asked, path="$.choices[].finish_reason")
    assert "first seen" in said
    assert "5 of 5 required" in said
    assert "enum-value-replaced" in said
    assert "Nobody decided on it here." in said
    assert "before &#34;eos&#34; → after &#34;stop&#34;" in said
    assert "Nothing is known of this field" in read("/library/field", **asked, path="$.nothing")


@ONLY_SQLITE
def test_a_field_leads_to_its_changes_and_tells_the_newest_first(visit, push):
    old = change("$.seed", "field-removed")
    run = push(bundle(old, commit="a" * 40))
    mara = visit("mara")
    at = f"/runs/{run}/changes/{old.fingerprint}"
    for decision in ("approved", "undone"):
        mara.post(f"{at}/decision", decision=decision, state=state_of(mara.get(at).text))
    push(bundle(change("$.seed", "type-changed", before="integer", after="string"), commit="b" * 40))
    field = "project=chat&provider=together&operation=chat.completions&status=200&path=%24.seed"
    page = mara.get(f"/library/field?{field}").text
    assert re.findall(r"<h2>([a-z-]+)</h2>", page) == ["type-changed", "field-removed"]
    assert re.findall(r'<li><span class="badge ([a-z]+)"', page) == ["undone", "approved"]
    assert "took back: approved by" in page
    assert f'href="{at}"' in page


@ONLY_SQLITE
def test_what_is_not_in_the_library_is_not_found(visit):
    visitor = visit("vera", Role.VIEWER)
    for address in ("contract?project=x&path=y", "snapshot?project=x&name=y", "field?project=x"):
        assert visitor.get(f"/library/{address}").status_code in (404, 422)
