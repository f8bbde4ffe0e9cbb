"""The report for a terminal."""

from __future__ import annotations

import re

import pytest

from acetate.change import Evidence, Occurrence
from acetate.report import render
from acetate.verdict import Problem


def occurrences(number: int) -> tuple[Occurrence, ...]:
    return tuple(Occurrence(f"tests/cassettes/test_chat/test_{each}", 0, "$") for each in range(number))


@pytest.fixture
def breaking(change):
    models = (("meta-llama/Llama-3.3", "20 of 20"), ("b", "0 of 3"), ("c", "0 of 1"))
    evidence = Evidence("20 of 24", "20 of 20", "2026-11-22", "2026-10-11T08:00:00Z", models)
    return change(before="eos", after="stop", evidence=evidence, occurrences=occurrences(20))


@pytest.fixture
def harmless(change):
    return change(
        "c07a52e1",
        kind="field-added",
        severity="info",
        path="$.usage.cached_tokens",
        after="integer",
        evidence=Evidence("20 of 20"),
        occurrences=occurrences(20),
    )


def test_a_whole_report_reads_from_what_was_looked_at_to_what_to_type(verdict, breaking, harmless):
    assert (
        render(verdict(breaking, harmless), "text")
        == """\
chat  23 cassettes, 31 exchanges against contracts/ and snapshots/

BREAKING  code that follows the approved contract can stop working

  4be1d9f2  enum-value-replaced  consume  together:chat.completions 200
  $.choices[].finish_reason
    approved  "eos"   last recorded 2026-10-11
    now       "stop"  first recorded 2026-11-22
  seen      20 of 24 exchanges, in 20 cassettes
  models    meta-llama/Llama-3.3 20 of 20; 2 others unchanged
  where     tests/cassettes/test_chat/test_0#0
            tests/cassettes/test_chat/test_1#0
            and 18 more: acetate show 4be1d9f2

HARMLESS  nothing that worked can stop working; the contract grows

  c07a52e1  field-added          consume  together:chat.completions 200
  $.usage.cached_tokens
    approved  absent
    now       integer, present in 20 of 20

failed: 1 breaking, 0 to review, 1 harmless, 0 approved, 0 problems

  acetate accept c07a52e1                 take the harmless one
  acetate accept 4be1d9f2 --reason "..."  take the breaking one
  acetate reject 4be1d9f2 --reason "..."  keep the old recordings

31 examined
"""
    )


def test_no_change_is_three_lines(verdict):
    assert render(verdict(), "text").split("\n\n") == [
        "chat  23 cassettes, 31 exchanges against contracts/ and snapshots/",
        "passed: no change, 0 problems",
        "31 examined\n",
    ]


def test_nothing_to_examine_says_what_to_type(verdict):
    text = render(verdict(examined=0), "text")
    assert "acetate init" in text
    assert "pytest --record-mode=once" in text
    assert text.endswith("\n0 examined\n")


def test_a_first_run_says_how_to_make_the_baseline(verdict, change):
    where = (Occurrence("cassettes/a", 0, "$"),)
    new = [
        change(each, kind="exchange-unapproved", severity="warn", path="$", occurrences=where) for each in ("a1", "b2")
    ]
    text = render(verdict(*new, examined=2), "text")
    assert "Nothing is approved yet" in text
    assert "Nothing is approved yet" not in render(verdict(*new, examined=31), "text")
    assert re.search(r"^  acetate accept --all +make the baseline$", text, re.M)
    assert "reject" not in text


def test_a_new_exchange_beside_approved_ones_is_no_first_run(verdict, change, breaking):
    text = render(verdict(breaking, change("a1", kind="exchange-unapproved", severity="warn", path="$")), "text")
    assert "accept --all" not in text
    assert re.search(r'^  acetate accept a1000000 --reason "..." +take the one to review$', text, re.M)


def test_a_field_that_is_gone_says_how_often_it_was_there(verdict, change):
    gone = change(kind="field-removed", path="$.usage", before="object", evidence=Evidence("3 of 4", "20 of 20"))
    text = render(verdict(gone), "text")
    assert "    approved  object, present in 20 of 20\n    now       absent in 3 of 4\n" in text


def test_a_field_without_evidence_is_said_without_numbers(verdict, change):
    gone = change(kind="field-removed", path="$.usage", before="object")
    new = change("b", kind="field-added", path="$.seed", after="integer")
    text = render(verdict(gone, new), "text")
    assert "    approved  object\n    now       absent\n" in text
    assert "    approved  absent\n    now       integer\n" in text
    assert "seen" not in text


def test_a_fact_about_two_places_is_an_arrow(verdict, change):
    renamed = change(kind="field-renamed", path="$.items[].title", before="$.items[].title", after="$.items[].name")
    assert "\n  $.items[].title -> $.items[].name\n" in render(verdict(renamed), "text")


def test_a_change_without_sides_still_says_its_path(verdict, change):
    assert "\n  $headers.etag\n" in render(verdict(change(kind="unclassified", path="$headers.etag")), "text")


def test_values_of_unequal_width_leave_their_dates_aligned(verdict, change):
    evidence = Evidence(first_recorded="2026-11-22", last_approved="2026-10-11")
    text = render(verdict(change(before="終わり", after="a long value", evidence=evidence)), "text")
    assert '    approved  "終わり"        last recorded 2026-10-11\n' in text
    assert '    now       "a long value"  first recorded 2026-11-22\n' in text


def test_more_models_than_fit_are_counted(verdict, change):
    models = tuple((name, "1 of 1") for name in "abcde")
    text = render(verdict(change(before="a", after="b", evidence=Evidence("5 of 5", models=models))), "text")
    assert "  models    a 1 of 1, b 1 of 1, c 1 of 1 and 2 more\n" in text


def test_one_model_that_is_spared_is_one_other(verdict, change):
    evidence = Evidence("1 of 2", models=(("a", "1 of 1"), ("b", "0 of 1")))
    assert "; 1 other unchanged\n" in render(verdict(change(evidence=evidence)), "text")


def test_a_decision_is_shown_with_its_reason(verdict, change):
    rejected = change(decision="rejected", reason="clients rely on it", occurrences=occurrences(1))
    approved = change("c0", decision="approved", occurrences=occurrences(1))
    text = render(verdict(rejected, approved), "text")
    assert "REJECTED  a reviewer said no, and it is still there" in text
    assert "  decided   rejected: clients rely on it\n" in text
    assert "APPROVED  a reviewer said yes" in text
    assert "  decided   approved\n" in text
    assert "failed: 0 breaking, 1 rejected, 0 to review, 0 harmless, 1 approved, 0 problems" in text
    assert "acetate undo 4be1d9f2" in text


def test_groups_stand_worst_first(verdict, change):
    changes = [
        change("e", decision="approved"),
        change("d", severity="info"),
        change("c", severity="warn"),
        change("b", decision="rejected"),
        change("a"),
    ]
    text = render(verdict(*changes), "text")
    assert re.findall(r"^[A-Z]{5,}", text, re.M) == ["BREAKING", "REJECTED", "REVIEW", "HARMLESS", "APPROVED"]


def test_many_changes_of_a_group_are_decided_by_one_command_or_one_at_a_time(verdict, change):
    changes = [
        change(f"{group}{number}", severity=severity)
        for number in range(2)
        for group, severity in (("a", "error"), ("b", "warn"), ("c", "info"))
    ]
    text = render(verdict(*changes), "text")
    assert re.search(r"acetate accept --severity info +take the 2 harmless ones", text)
    assert re.search(r'acetate accept b0000000 --reason "..." +take the first one to review', text)
    assert re.search(r'acetate accept a0000000 --reason "..." +take the first breaking one', text)


def test_fingerprints_that_begin_alike_are_shown_longer(verdict, change):
    text = render(verdict(change("4be1d9f2aa"), change("4be1d9f2ab")), "text")
    assert "  4be1d9f2aa  " in text
    assert "  4be1d9f2ab  " in text


def test_a_problem_says_where_what_and_what_next(verdict):
    problems = (Problem("a.yaml", "is not YAML\nat line 3", "mend it"), Problem("", "no key", ""))
    text = render(verdict(problems=problems), "text")
    assert (
        "PROBLEMS  what could not be looked at\n\n  a.yaml\n    is not YAML\n    at line 3\n    next: mend it\n" in text
    )
    assert "\n  (everywhere)\n    no key\n\n" in text
    assert "unknown: no change, 2 problems" in text


def test_colour_is_the_same_text_with_codes_in_it(verdict, breaking, harmless):
    both = verdict(breaking, harmless, problems=(Problem("a", "b", "c"),))
    plain, painted = render(both, "text"), render(both, "text", color=True)
    assert "\x1b" not in plain
    assert "\x1b[1;31mBREAKING\x1b[0m" in painted
    assert re.sub(r"\x1b\[[\d;]*m", "", painted) == plain


def test_a_terminal_that_knows_ascii_only_gets_ascii_only(verdict, change):
    text = render(verdict(change(before="≥", after="日本")), "text", ascii_only=True)
    assert text.isascii()
    assert '"\\u2265"' in text


def test_hostile_text_keeps_every_line_in_its_place(hostile):
    text = render(hostile, "text")
    assert len(re.findall(r"^  a\d0{6}  ", text, re.M)) == 6
    assert not re.search(r"^\s*::|##\[|##vso\[", text, re.M)
    assert max(map(len, text.splitlines())) < 1000
