from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

from acetate.change import Change
from app.auth.person import Person
from app.models import Role
from app.reviews.reviewed import Reviewed
from app.web.way import Way, choices, narrowed, spot

RUN: Any = SimpleNamespace(id=uuid4(), project="chat")
NOW = datetime.now(UTC)
MARA = Person(uuid4(), "mara", Role.REVIEWER, frozenset({"mara"}), "j", NOW)


def reviewed(fingerprint: str, *, owners=(), decision=None, run=RUN, **more) -> Reviewed:
    change = Change(fingerprint, "field-removed", "error", "consume", "together", "chat", 200, False, "$.x")
    change = replace(change, decision=decision, **more)
    return Reviewed(run, change, 1, "", None, NOW, None, None, None, frozenset(owners), (), "state")


def names(found) -> list[str]:
    return [each.change.fingerprint for each in found]


def test_every_filter_narrows():
    other = SimpleNamespace(id=uuid4(), project="billing")
    all_ = [
        reviewed("a", severity="warn"),
        reviewed("b", edge="provide", owners=["@mara"]),
        reviewed("c", provider="openai"),
        reviewed("d", operation="embeddings"),
        reviewed("e", run=other),
    ]
    assert names(narrowed(all_, Way(), MARA)) == list("abcde")
    assert names(narrowed(all_, Way(severity="warn"), MARA)) == ["a"]
    assert names(narrowed(all_, Way(edge="provide"), MARA)) == ["b"]
    assert names(narrowed(all_, Way(mine=True), MARA)) == ["b"]
    assert names(narrowed(all_, Way(provider="openai"), MARA)) == ["c"]
    assert names(narrowed(all_, Way(operation="embeddings"), MARA)) == ["d"]
    assert names(narrowed(all_, Way(project="billing"), MARA)) == ["e"]
    assert names(narrowed(all_, Way(project="billing", severity="warn"), MARA)) == []


def test_a_filter_counts_what_the_others_leave_and_keeps_what_it_is_set_to():
    all_ = [reviewed("a"), reviewed("b", edge="provide"), reviewed("c", provider="openai", edge="provide")]
    assert choices(all_, Way(), MARA, "provider") == [("openai", 1), ("together", 2)]
    way = Way(provider="openai", edge="consume")
    assert choices(all_, way, MARA, "provider") == [("openai", 0), ("together", 1)]
    assert choices(all_, way, MARA, "edge") == [("consume", 0), ("provide", 1)]


def test_a_way_rides_in_the_address_without_what_says_nothing():
    assert Way().query() == ""
    way = Way(edge="consume", mine=True, through="inbox", view="inline")
    assert way.query() == "?edge=consume&mine=1&through=inbox&view=inline"
    assert way.query(edge="", view="", mine=False, at=3) == "?through=inbox&at=3"
    assert Way(project="a&b=c").query() == "?project=a%26b%3Dc"


def test_a_spot_says_where_one_is_and_what_comes_next():
    listed = [reviewed("a"), reviewed("b", decision="approved"), reviewed("c")]
    first, last = spot(listed, RUN.id, "a"), spot(listed, RUN.id, "c")
    assert (first.number, first.total, first.left) == (1, 3, 2)
    assert first.previous is None
    assert first.next is listed[1]
    assert first.next_open is listed[2]
    assert (last.previous, last.next) == (listed[1], None)
    assert last.next_open is listed[0]


def test_the_last_one_that_waits_has_no_next():
    assert spot([reviewed("a")], RUN.id, "a").next_open is None


def test_a_change_that_is_not_in_the_list_is_nowhere_and_all_of_it_comes_next():
    found = spot([reviewed("a")], UUID(int=0), "a")
    assert (found.number, found.previous) == (0, None)
    assert found.next_open is not None
