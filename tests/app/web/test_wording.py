from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from acetate.change import ABSENT, Change, Evidence
from app.web.wording import (
    ago,
    commands,
    counted_now,
    kind_of,
    label,
    lines,
    meaning,
    owned_by,
    safe_link,
    shown,
    shown_sides,
    since,
    tally,
)

NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)


def change(kind="field-removed", severity="error", **more) -> Change:
    return Change("4be1d9f2aaaaaaaa", kind, severity, "consume", "together", "chat", 200, False, "$.usage", **more)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (3, "just now"),
        (60, "1 minute ago"),
        (3599, "59 minutes ago"),
        (7200, "2 hours ago"),
        (86400, "1 day ago"),
        (8 * 86400, "2026-11-14"),
    ],
)
def test_a_time_is_said_in_the_words_of_people(seconds, said):
    assert ago(NOW - timedelta(seconds=seconds), NOW) == said


def test_a_change_is_labelled_by_its_decision_and_else_by_how_bad_it_is():
    assert label(change()) == ("error", "Breaking")
    assert label(change(severity="warn")) == ("warn", "To review")
    assert label(change(decision="approved")) == ("approved", "Approved")
    assert "can stop working" in meaning(change())


def test_a_kind_that_is_not_known_is_unclassified():
    assert kind_of(change("from-the-future")).id == "unclassified"


def test_sides_are_words_values_or_nothing():
    assert shown_sides(change(before="object", after=ABSENT)) == ("object", "absent")
    assert shown_sides(change("enum-value-replaced", before="eos", after="stop")) == ('"eos"', '"stop"')
    assert shown_sides(change("exchange-unapproved")) is None


def test_since_when_is_said_as_far_as_it_is_known():
    assert since(change()) is None
    assert since(change(evidence=Evidence(first_recorded="2026-11-22T08:00:00Z"))) == "first recorded 2026-11-22"
    both = Evidence(first_recorded="2026-11-22", last_approved="2026-10-11")
    assert since(change(evidence=both)) == "between 2026-10-11 and 2026-11-22"
    day = Evidence(first_recorded="2026-11-22T08:00:00Z", last_approved="2026-11-22T07:00:00Z")
    assert since(change(evidence=day)) == "on 2026-11-22"


def test_how_many_show_it_is_said_with_what_is_counted():
    assert counted_now(change(evidence=Evidence(now="1 of 2"))) == "1 of 2 exchanges"
    assert counted_now(change(evidence=Evidence(now="1 of 1"))) == "1 of 1 exchange"
    assert counted_now(replace(change(evidence=Evidence(now="3 of 3")), edge="provide")) == "3 of 3 responses"
    assert counted_now(change(evidence=Evidence(now="some"))) == "some"
    assert counted_now(change()) is None


def test_a_reason_keeps_its_lines_and_nothing_else_that_moves_text():
    assert lines("one\r\ntwo\n\u202ethree\x0bfour") == "one\ntwo\n\\u202ethree\\x0bfour"


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("18 of 20", (18, 20)), (None, None), ("many", None), ("1 of ²", None), ("1 of 2 of 3", None)],
)
def test_a_tally_is_read_as_numbers(text, numbers):
    assert tally(text) == numbers


def test_commands_name_the_change_briefly():
    assert commands(change()) == [
        "acetate show 4be1d9f2",
        'acetate accept 4be1d9f2 --reason "..."',
        'acetate reject 4be1d9f2 --reason "..."',
    ]


def test_owners_are_people_by_account_or_address():
    assert owned_by(frozenset({"@Mara"}), frozenset({"mara"}))
    assert owned_by(frozenset({"mara@example.com"}), frozenset({"mara", "mara@example.com"}))
    assert not owned_by(frozenset({"@acme/team"}), frozenset({"mara"}))


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", " https://x", "", None, "https://" + "x" * 3000]
)
def test_a_page_links_to_nothing_but_the_web(url):
    assert safe_link(url) is None


def test_a_page_links_to_a_job():
    assert safe_link("https://ci.example/77") == "https://ci.example/77"


def test_text_from_outside_cannot_turn_its_direction():
    assert shown("a\u202eb\n") == "a\\u202eb\\n"
