"""Evidence: workers merged, a run that left something out told apart, the last complete run of a suite kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from acetate.evidence import Evidence, digest_of, evidence_from, keep, kept, merged
from tests.toolkit.tapes import asked, ran, tape

ONE, TWO = "tests/test_a.py::test_one", "tests/test_a.py::test_two"


def test_a_run_in_which_every_test_passed_is_complete():
    assert Evidence(collected=frozenset({ONE}), passed=frozenset({ONE})).missing == []


def test_a_test_that_did_not_pass_makes_a_run_incomplete_and_is_named():
    run = Evidence(collected=frozenset({ONE, TWO}), passed=frozenset({ONE}))
    assert run.missing == [f"1 of 2 tests did not run and pass: {TWO}"]


def test_of_many_tests_that_did_not_pass_three_are_named():
    run = Evidence(collected=frozenset(f"test_a.py::test_{number}" for number in range(5)))
    assert run.missing[0].endswith("::test_0, test_a.py::test_1, test_a.py::test_2 and 2 more")


def test_a_selection_makes_a_run_incomplete():
    tests = frozenset({ONE})
    assert Evidence(collected=tests, passed=tests, gaps=("-k one",)).missing == ["-k one"]


def test_a_run_without_tests_is_not_complete():
    assert Evidence().missing == ["no test was collected"]


def test_a_test_that_passed_on_one_worker_has_passed():
    tests = frozenset({ONE, TWO})
    whole = merged([Evidence(collected=tests, passed=frozenset({one})) for one in (ONE, TWO)])
    assert whole.missing == []


def test_what_two_workers_played_of_one_cassette_is_added_up():
    parts = [
        Evidence(played={"shared": frozenset({0})}),
        Evidence(played={"shared": frozenset({2}), "own": frozenset()}),
    ]
    assert merged(parts).played == {"shared": frozenset({0, 2}), "own": frozenset()}


def test_the_gaps_of_all_workers_are_told_once():
    parts = [Evidence(gaps=("-x",)), Evidence(gaps=("-x", "-k one"))]
    assert merged(parts).gaps == ("-x", "-k one")


def test_merging_keeps_the_suite():
    assert merged([Evidence(suite="services/a"), Evidence(suite="services/a")]).suite == "services/a"


def test_evidence_crosses_from_a_worker_as_json():
    run = Evidence("a", frozenset({ONE}), frozenset({ONE}), {"c": frozenset({1, 0})}, {"s": frozenset({2})}, ("-x",))
    assert evidence_from(json.loads(json.dumps(run.as_json()))) == run


@pytest.mark.parametrize("document", [None, [], {}, {"evidence": 2}, {"evidence": 1, "suite": "."}, {"evidence": 1.5}])
def test_what_is_no_evidence_is_none(document):
    assert evidence_from(document) is None


def test_a_suite_speaks_for_what_lies_below_it():
    run = Evidence(suite="services/a")
    assert run.speaks_for("services/a/tests/cassettes/x.yaml")
    assert not run.speaks_for("services/ab/x.yaml")
    assert Evidence().speaks_for("anything")


def test_the_last_complete_run_of_each_suite_is_kept(sandbox):
    project = sandbox.project()
    (sandbox.root / "other").mkdir()
    tests = frozenset({ONE})
    for suite, gap in ((".", 0), (".", 1), ("other", 0)):
        keep(project, Evidence(suite, tests, tests, {"c": frozenset({gap})}), at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC))
    found = {run.suite: run for run in kept(project)}
    assert set(found) == {".", "other"}
    assert found["."].played == {"c": frozenset({1})}
    assert found["."].at == "2026-01-02T03:04:00Z"


def test_a_suite_whose_folder_is_gone_says_nothing(sandbox):
    tests = frozenset({ONE})
    keep(sandbox.project(), Evidence("gone", tests, tests))
    assert kept(sandbox.project()) == []


def test_an_incomplete_run_is_not_kept(sandbox):
    with pytest.raises(ValueError, match="-k one"):
        keep(sandbox.project(), Evidence(collected=frozenset({ONE}), passed=frozenset({ONE}), gaps=("-k one",)))
    assert kept(sandbox.project()) == []


def test_kept_evidence_knows_the_bytes_that_it_speaks_of(sandbox):
    project = sandbox.project()
    tape(project, "cassettes/one", asked("a", "b"))
    sandbox.accept()
    run = ran(project, [ONE], {})
    assert run.digests == {
        path: digest_of(project, path) for path in ("cassettes/one.yaml", "snapshots/cassettes/one.json")
    }
    assert digest_of(project, "cassettes/none.yaml") is None


def test_a_damaged_file_of_evidence_is_as_good_as_none(sandbox):
    ran(sandbox.project(), [ONE], {})
    for file in (sandbox.root / ".acetate" / "evidence").iterdir():
        file.write_bytes(file.read_bytes()[:-9])
    assert kept(sandbox.project()) == []


def test_evidence_lies_out_of_gits_sight(sandbox):
    ran(sandbox.project(), [ONE], {})
    assert (sandbox.root / ".acetate" / ".gitignore").read_text() == "*\n"
