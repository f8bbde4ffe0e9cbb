"""Verdicts: how they are judged, how they travel as reports, and how several become one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from acetate.change import ABSENT, Absent, Change, Evidence, Occurrence
from acetate.verdict import (
    Context,
    Counts,
    Fault,
    Mock,
    Problem,
    ReportError,
    Verdict,
    as_json,
    from_json,
    judged,
    merged,
    ordered,
    short_fingerprints,
)

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/reference/report.schema.json").read_text())
CONTEXT = Context("chat", "0.1.0")
TEXT = st.text(max_size=5)
MAYBE = st.none() | TEXT
JSON = st.none() | st.booleans() | st.integers() | TEXT | st.lists(TEXT, max_size=2)
OCCURRENCES = st.builds(Occurrence, TEXT, st.integers(0, 9), TEXT, MAYBE, MAYBE, MAYBE)
EVIDENCE = st.builds(
    Evidence, MAYBE, MAYBE, MAYBE, MAYBE, st.dictionaries(TEXT, TEXT, max_size=2).map(lambda held: tuple(held.items()))
)
CHANGES = st.builds(
    Change,
    fingerprint=st.integers(0, 2**64 - 1).map(lambda number: f"{number:016x}"),
    kind=TEXT,
    severity=st.sampled_from(["error", "warn", "info", "none"]),
    edge=st.sampled_from(["consume", "provide"]),
    provider=TEXT,
    operation=TEXT,
    status=st.integers(100, 599),
    stream=st.booleans(),
    path=TEXT,
    before=JSON | st.just(ABSENT),
    after=JSON | st.just(ABSENT),
    evidence=EVIDENCE,
    decision=st.sampled_from([None, "approved", "rejected"]),
    reason=MAYBE,
    occurrences=st.lists(OCCURRENCES, max_size=2).map(tuple),
)
FAULTS = st.builds(
    Fault, TEXT, st.sampled_from(["error", "warn", "info"]), TEXT, JSON | st.just(ABSENT), JSON | st.just(ABSENT)
)
NUMBERS = st.integers(0, 9)
VERDICTS = st.builds(
    Verdict,
    outcome=st.sampled_from(["passed", "needs-review", "failed", "unknown"]),
    context=st.builds(Context, TEXT, TEXT, MAYBE, MAYBE, MAYBE, MAYBE, MAYBE, MAYBE),
    counts=st.builds(Counts, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS),
    changes=st.lists(CHANGES, max_size=2).map(tuple),
    problems=st.lists(st.builds(Problem, TEXT, TEXT, TEXT), max_size=2).map(tuple),
    notes=st.lists(TEXT, max_size=2).map(tuple),
    mocks=st.lists(
        st.builds(
            Mock, TEXT, TEXT, TEXT, st.integers(100, 599), st.booleans(), MAYBE, st.lists(FAULTS, max_size=2).map(tuple)
        ),
        max_size=2,
    ).map(tuple),
)


def change(fingerprint: str = "4be1d9f2", **fields: object) -> Change:
    held = {
        "kind": "field-removed",
        "severity": "error",
        "edge": "consume",
        "provider": "together",
        "operation": "chat.completions",
        "status": 200,
        "stream": False,
        "path": "$.usage",
        "before": "object",
    }
    return Change(fingerprint.ljust(16, "0"), **(held | fields))  # type: ignore[arg-type]


def seen_at(*cassettes: str) -> tuple[Occurrence, ...]:
    return tuple(Occurrence(cassette, 0, "$.usage") for cassette in cassettes)


def verdict(
    *changes: Change, examined: int = 10, problems: tuple[Problem, ...] = (), context: Context = CONTEXT
) -> Verdict:
    return Verdict(judged(changes, problems, examined), context, Counts(examined=examined), changes, problems)


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ([], "passed"),
        ([change(severity="info")], "passed"),
        ([change(severity="warn")], "needs-review"),
        ([change(severity="warn"), change()], "failed"),
        ([change(decision="approved")], "passed"),
        ([change(severity="info", decision="rejected")], "failed"),
    ],
)
def test_the_worst_undecided_change_judges_a_run(changes, outcome):
    assert judged(tuple(changes), (), 1) == outcome


def test_what_could_not_be_looked_at_makes_a_run_unknown():
    assert judged((change(),), (Problem("a", "b", "c"),), 1) == "unknown"
    assert judged((), (), 0) == "unknown"


@given(VERDICTS)
def test_a_report_is_what_the_schema_says_and_gives_the_same_verdict_back(original):
    report = json.loads(json.dumps(as_json(original)))
    Draft202012Validator(SCHEMA).validate(report)
    read = from_json(report)
    assert [isinstance(each.before, Absent) for each in read.changes] == [
        isinstance(each.before, Absent) for each in original.changes
    ]
    assert read == original


def test_a_side_that_is_absent_has_no_key_and_null_is_a_value():
    (written,) = as_json(verdict(change(before=None)))["changes"]  # type: ignore[union-attr, misc]
    assert written["before"] is None
    assert "after" not in written


def test_the_schema_is_a_schema_and_refuses_what_is_no_report():
    Draft202012Validator.check_schema(SCHEMA)
    report = as_json(verdict(change()))
    del report["counts"]
    assert not Draft202012Validator(SCHEMA).is_valid(report)


def test_a_newer_report_is_refused_and_names_the_upgrade():
    with pytest.raises(ReportError, match="newer") as caught:
        from_json(as_json(verdict()) | {"schema": "acetate.report/2"}, where="a.json")
    assert caught.value.where == "a.json"
    assert "upgrade" in caught.value.next


@pytest.mark.parametrize(
    "report", [None, [], {}, {"schema": 1}, {"schema": "acetate.run/1"}, {"schema": "acetate.report/x"}]
)
def test_what_is_no_report_is_refused_with_the_command_that_writes_one(report):
    with pytest.raises(ReportError, match="not a report") as caught:
        from_json(report)
    assert "acetate check" in caught.value.next


@pytest.mark.parametrize(
    ("where", "value", "named"),
    [
        ("outcome", "great", "`$.outcome`"),
        ("counts", None, "`$.counts`"),
        ("context", {"project": 7, "acetate": "0.1.0"}, "`$.context.project`"),
        ("problems", {}, "`$.problems`"),
        ("problems", [None], "`$.problems[0]`"),
        ("changes", [{"fingerprint": None}], "`$.changes[0].fingerprint`"),
        ("mocks", [{"test": 1}], "`$.mocks[0].test`"),
    ],
)
def test_a_report_that_is_not_whole_is_refused_by_the_name_of_what_is_wrong(where, value, named):
    with pytest.raises(ReportError) as caught:
        from_json(as_json(verdict(change())) | {where: value})
    assert named in caught.value.problem


@pytest.mark.parametrize(
    ("field", "value"), [("status", True), ("status", "200"), ("stream", 1), ("severity", "fatal")]
)
def test_a_change_with_a_field_of_the_wrong_type_is_refused(field, value):
    report = json.loads(json.dumps(as_json(verdict(change()))))
    report["changes"][0][field] = value
    with pytest.raises(ReportError, match=field):
        from_json(report)


def test_a_report_without_the_later_additions_is_read():
    report = json.loads(json.dumps(as_json(verdict(change(reason=None)))))
    del report["changes"][0]["reason"], report["notes"], report["mocks"]
    report["changes"][0]["evidence"] = {"now": "1 of 2", "approved": None}
    assert from_json(report).changes == (change(evidence=Evidence("1 of 2")),)


def test_a_short_fingerprint_has_eight_digits_where_that_is_enough():
    assert short_fingerprints([change("4be1d9f2aa"), change("90c3aa17bb")]) == {
        "4be1d9f2aa000000": "4be1d9f2",
        "90c3aa17bb000000": "90c3aa17",
    }


@given(st.sets(st.text("01", min_size=16, max_size=16), max_size=8))
def test_a_short_fingerprint_names_one_change(fingerprints):
    short = short_fingerprints([change(each) for each in fingerprints])
    for name, prefix in short.items():
        assert len(prefix) >= 8
        assert [each for each in fingerprints if each.startswith(prefix)] == [name]


def test_changes_are_read_worst_first_then_by_place():
    last, first, middle = change("c", severity="info"), change("a", path="$.b"), change("b", path="$.c")
    assert ordered([last, middle, first]) == (first, middle, last)


def test_counts_of_several_runs_are_added():
    one = replace(verdict(), counts=Counts(1, 2, 3, 4, 5, 6))
    assert merged([one, one]).counts == Counts(2, 4, 6, 8, 10, 12)


def test_one_change_that_several_runs_saw_is_one_change_with_all_its_occurrences():
    here = change(occurrences=seen_at("b", "a"), evidence=Evidence("2 of 5", "9 of 9", models=(("m", "2 of 5"),)))
    there = change(
        occurrences=seen_at("b", "c"),
        evidence=Evidence("1 of 4", "9 of 9", "2026-11-01", "2026-10-01", (("m", "1 of 3"), ("n", "0 of 1"))),
    )
    (both,) = merged([verdict(here), verdict(there)]).changes
    assert [each.cassette for each in both.occurrences] == ["a", "b", "c"]
    assert both.evidence == Evidence("3 of 9", "9 of 9", "2026-11-01", "2026-10-01", (("m", "3 of 8"), ("n", "0 of 1")))


def test_evidence_that_is_no_count_stands_side_by_side():
    one, other = change(evidence=Evidence("1 of 2")), change(evidence=Evidence("many"))
    (both,) = merged([verdict(one), verdict(other)]).changes
    assert both.evidence.now == "1 of 2; many"


def test_evidence_that_nobody_has_stays_unknown():
    (both,) = merged([verdict(change()), verdict(change())]).changes
    assert both.evidence == Evidence()


def test_runs_are_judged_again_when_they_are_merged():
    assert merged([verdict(), verdict(change(severity="warn"))]).outcome == "needs-review"
    assert merged([verdict(), verdict(change())]).outcome == "failed"
    assert merged([verdict(examined=0), verdict()]).outcome == "passed"


def test_the_same_problem_of_several_runs_is_one_problem():
    problem, other = Problem("a", "b", "c"), Problem("a", "b", "d")
    both = merged([verdict(problems=(problem,)), verdict(problems=(other, problem))])
    assert both.problems == (problem, other)
    assert both.outcome == "unknown"


def test_a_mock_that_several_jobs_met_is_told_once():
    faults = (Fault("const-changed", "error", "$.a", ["x"], {"y": 1}),)
    mock = Mock("test_a", "together", "chat.completions", 200, False, "contracts/a.json", faults)
    other = replace(mock, test="test_b")
    runs = [replace(verdict(), mocks=mocks) for mocks in ((mock,), (other, mock))]
    assert merged(runs).mocks == (mock, other)
    assert merged(runs).outcome == "passed"


@pytest.mark.parametrize(
    ("decisions", "together"),
    [
        (("approved", "approved"), ("approved", "yes")),
        (("approved", None), (None, None)),
        (("approved", "rejected"), ("rejected", "no")),
        ((None, "rejected"), ("rejected", "no")),
    ],
)
def test_a_change_is_approved_only_where_every_run_says_so(decisions, together):
    reasons = {"approved": "yes", "rejected": "no", None: None}
    (both,) = merged([verdict(change(decision=each, reason=reasons[each])) for each in decisions]).changes
    assert (both.decision, both.reason) == together


def test_a_change_is_as_bad_as_the_worst_run_says():
    (both,) = merged([verdict(change(severity="info")), verdict(change(severity="warn"))]).changes
    assert both.severity == "warn"


def test_a_merged_context_keeps_what_all_agree_on_and_lists_the_projects():
    one = Context("billing", "0.1.0", commit="a1", branch="main", author="ann")
    other = Context("search", "0.1.0", commit="a1", branch="main", author="bob")
    together = merged([verdict(context=one), verdict(context=other)]).context
    assert together == Context("billing, search", "0.1.0", commit="a1", branch="main")


@given(VERDICTS)
def test_one_run_merged_alone_keeps_what_it_saw(original):
    alone = merged([original])
    assert alone.counts == original.counts
    assert alone.context == original.context
    assert {each.fingerprint for each in alone.changes} == {each.fingerprint for each in original.changes}
