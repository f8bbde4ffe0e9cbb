"""A redaction rule that the project wrote and that hides nothing is named at the end of a recording run."""

from __future__ import annotations

import json

import pytest

pytest_plugins = ["pytester"]

RULES = """
[redact]
headers = ["X-Account", "X-Acount"]
fields = ["customerNumber", "ssn"]
query = ["session", "sesion"]
patterns = ["ACME-[0-9]+", "ACNE-[0-9]+"]
"""
UNMATCHED = ["redact.headers: X-Acount", "redact.fields: ssn", "redact.query: sesion", "redact.patterns: ACNE-[0-9]+"]


@pytest.fixture
def ruled(suite):
    suite.write("acetate.toml", RULES)
    suite.tests(
        """
        @pytest.mark.vcr
        def test_it():
            headers = HEADERS | {"x-account": "17"}
            said = body("order ACME-123", metadata={"customer_number": "4711-12"})
            client.post(url() + "?session=abc", json=said, headers=headers)

        @pytest.mark.vcr
        def test_more():
            ask("hi")
        """
    )
    return suite


def problems(run):
    return [line.strip().partition(": it matched")[0] for line in run.block("PROBLEMS") if "it matched" in line]


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_rules_that_match_nothing_are_named(ruled, workers):
    run = (ruled.spawn if workers else ruled.run)("--record-mode=once", *workers)
    assert problems(run) == UNMATCHED
    assert "correct the rule or remove it   (acetate explain redaction-unmatched)" in run.text


def test_they_do_not_fail_the_run_and_are_problems_of_the_report(ruled):
    run = ruled.run("--record-mode=once", "--acetate-report", "acetate.json")
    assert (run.code, run.outcomes) == (0, {"passed": 2})
    report = json.loads((ruled.root / "acetate.json").read_text())
    assert [each["where"] for each in report["problems"]] == UNMATCHED


def test_a_run_that_records_nothing_says_nothing(ruled):
    ruled.run("--record-mode=once")
    assert "it matched nothing" not in ruled.run().text


def test_the_kind_can_be_switched_off(ruled):
    ruled.write("acetate.toml", RULES + "[severity]\nredaction-unmatched = 'none'\n")
    assert "it matched nothing" not in ruled.run("--record-mode=once").text
