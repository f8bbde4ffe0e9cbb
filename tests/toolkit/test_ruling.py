"""Which changes a decision of the service still speaks for."""

from __future__ import annotations

from typing import Any

import pytest

from acetate.change import Change, Occurrence
from acetate.ruling import Ruling, Sides, carries, places, ruled
from acetate.verdict import Context, Counts, Verdict

DECIDED = {"a": Sides("1", "2"), "b": Sides("3", "4")}


def seen(*names: str, kind: str = "field-removed", decision: Any = None, severity: Any = "error") -> Change:
    where = tuple(Occurrence(name, 0, "$.x") for name in names)
    return Change(
        "f" * 16, kind, severity, "consume", "together", "chat", 200, False, "$.x", decision=decision, occurrences=where
    )


def ruling(decision: Any = "approved", why: str = "known") -> Ruling:
    return Ruling("f" * 16, decision, "mara", "2026-11-22T18:00:00Z", why, DECIDED)


def verdict(*changes: Change) -> Verdict:
    return Verdict("failed", Context("chat", "test"), Counts(examined=1), changes)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (DECIDED, True),
        ({"a": Sides("1", "recorded anew")}, True),
        ({"a": Sides("1", "2"), "new": Sides("9", "9")}, True),
        ({"a": Sides("moved on", "2"), "b": DECIDED["b"]}, False),
        ({"a": Sides(None, "2")}, False),
        ({"new": Sides("1", "2")}, False),
        ({}, False),
    ],
)
def test_an_approval_carries_until_an_approved_file_moves_on(now, expected):
    assert carries("field-removed", "approved", DECIDED, now) is expected


def test_a_refusal_carries_always():
    assert carries("field-removed", "rejected", DECIDED, {"new": Sides("9", "9")})


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ({"a": DECIDED["a"]}, True),
        ({"a": Sides("1", "another exchange")}, False),
        ({"a": DECIDED["a"], "new": Sides(None, "9")}, False),
    ],
)
def test_of_new_exchanges_only_those_that_were_seen_are_approved(now, expected):
    assert carries("exchange-unapproved", "approved", DECIDED, now) is expected


def test_the_places_of_a_change_are_its_files_each_once():
    assert places(seen("b", "a", "b")) == ["a", "b"]


def test_what_is_approved_at_the_service_passes():
    after = ruled(verdict(seen("a")), [ruling()], DECIDED)
    assert (after.outcome, after.changes[0].decision, after.changes[0].reason) == ("passed", "approved", "known (mara)")


def test_without_a_reason_the_reviewer_is_named_all_the_same():
    assert ruled(verdict(seen("a")), [ruling(why="")], DECIDED).changes[0].reason == "(mara)"


def test_what_is_rejected_at_the_service_fails_though_the_files_approve_it():
    after = ruled(verdict(seen("a", decision="approved")), [ruling("rejected")], DECIDED)
    assert (after.outcome, after.changes[0].decision) == ("failed", "rejected")


def test_a_decision_on_something_else_changes_nothing():
    before = verdict(seen("a"))
    assert ruled(before, [], DECIDED) == before
    assert ruled(before, [ruling()], {"a": Sides("moved on", "2")}) == before


def test_where_a_second_person_is_asked_for_the_authors_word_does_not_count():
    before = verdict(seen("a", decision="approved"))
    assert ruled(before, [], DECIDED).changes[0].decision == "approved"
    assert ruled(before, [], DECIDED, second_person=True).changes[0].decision is None
    assert ruled(before, [ruling()], DECIDED, second_person=True).changes[0].decision == "approved"
