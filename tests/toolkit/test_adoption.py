"""What was approved, edited at the path of one change: in any order, and nowhere else."""

from __future__ import annotations

from typing import Any

from tests.toolkit.bodies import RULES, mutated, objects
from hypothesis import given, settings
from hypothesis import strategies as st

from acetate.adoption import adopted
from acetate.body import Json
from acetate.change import Change, Difference
from acetate.comparison import compare
from acetate.mask import forms, mask
from acetate.provider import Operation
from acetate.snapshot import Entry

CALL = Operation("generic", "POST /things")


def entry(body: Json, *, stream: bool = False) -> Entry:
    return Entry("POST /things", "key", CALL, 200, stream, {"content-type": "application/json"}, body)


def plain(body: Json) -> Entry:
    return entry(mask(body, RULES))


def streamed(events: list[Any]) -> Entry:
    return entry({"events": forms([mask(each, RULES) for each in events]), "terminator": None}, stream=True)


def change(difference: Difference) -> Change:
    return Change(
        "0" * 16, difference.kind, "error", "consume", "generic", CALL.name, 200, False,
        difference.path, difference.before, difference.after,
    )  # fmt: skip


def differences(approved: Entry, seen: Entry) -> list[Difference]:
    return compare(approved.masked, seen.masked, RULES, None)


FOLDING = {"field-removed", "optional-field-removed", "field-added", "field-renamed", "field-moved", "body-wrapped", "body-unwrapped"}


def adopt(approved: Entry, seen: Entry, difference: Difference) -> Entry:
    return adopted(approved, seen, change(difference), [])


def assert_adoptable(approved: Entry, seen: Entry, data: st.DataObject) -> None:
    """Accepts in any order end with nothing to say, and each leaves the others as they were."""
    found = differences(approved, seen)
    taken = approved
    left = data.draw(st.permutations(found)) if found else []
    while left:
        one, *left = left
        taken = adopt(taken, seen, one)
        again = differences(taken, seen)
        rest = lambda some: {(e.kind, e.path, repr(e.before), repr(e.after)) for e in some if e.kind not in FOLDING}
        assert rest(again) == rest(left), (one, taken.body)
        assert {side for each in left if each.kind in FOLDING for side in sides(each)} == {side for each in again if each.kind in FOLDING for side in sides(each)}, (one, taken.body)
    assert differences(taken, seen) == []


def sides(difference: Difference) -> set[str]:
    if difference.kind in ("field-renamed", "field-moved", "body-wrapped", "body-unwrapped"):
        return {str(difference.before), str(difference.after)}
    return {difference.path}


@settings(max_examples=500)
@given(st.data())
def test_accepts_in_any_order_end_with_nothing_left_to_say(data: st.DataObject) -> None:
    body = data.draw(objects)
    seen = data.draw(mutated(body))
    assert_adoptable(plain(body), plain(seen), data)

@settings(max_examples=500)
@given(st.data())
def test_accepts_in_a_stream_in_any_order_end_with_nothing_left_to_say(data: st.DataObject) -> None:
    events = data.draw(st.lists(objects, min_size=1, max_size=4))
    seen = data.draw(mutated(events))
    assert_adoptable(streamed(events), streamed(seen), data)
