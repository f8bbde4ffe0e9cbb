"""The report as JUnit XML."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from acetate.report import render
from acetate.verdict import Problem


def parsed(verdict) -> ElementTree.Element:
    return ElementTree.fromstring(render(verdict, "junit").encode())


def test_a_run_without_changes_is_one_test_case_that_passes(verdict):
    root = parsed(verdict())
    assert (root.tag, root.get("tests"), root.get("failures"), root.get("errors")) == ("testsuites", "1", "0", "0")
    assert root.find(".//testcase").get("name") == "every exchange could be examined"
    assert root.findtext(".//system-out") == "passed: no change, 0 problems, 31 examined"


def test_the_changes_of_one_operation_are_failures_of_one_test_case(verdict, change):
    root = parsed(verdict(change("a", before="eos", after="stop"), change("b", severity="warn", kind="type-changed")))
    case = root.findall(".//testcase")[1]
    assert (case.get("classname"), case.get("name")) == ("acetate.consume", "together:chat.completions 200")
    assert [each.get("type") for each in case.findall("failure")] == ["enum-value-replaced", "type-changed"]
    assert case.find("failure").get("message") == "breaking: enum-value-replaced $.choices[].finish_reason"
    assert '"eos"' in case.find("failure").text
    assert root.get("failures") == "1"


@pytest.mark.parametrize("other", [{"edge": "provide"}, {"operation": "embeddings"}, {"status": 429}, {"stream": True}])
def test_operations_are_told_apart(other, verdict, change):
    assert parsed(verdict(change("a"), change("b", **other))).get("tests") == "3"


def test_what_needs_nobody_is_output_and_no_failure(verdict, change):
    root = parsed(verdict(change("a", severity="info"), change("b", decision="approved", reason="known")))
    assert root.get("failures") == "0"
    output = root.findall(".//system-out")[1].text
    assert "a0000000" in output
    assert "approved: known" in output


def test_a_rejected_change_is_a_failure_whatever_its_severity(verdict, change):
    assert parsed(verdict(change(severity="info", decision="rejected"))).get("failures") == "1"


def test_a_problem_is_an_error_with_what_to_do_next(verdict):
    root = parsed(verdict(problems=(Problem("a.yaml", "is not YAML", "mend it"),)))
    error = root.find(".//error")
    assert error.get("message") == "a.yaml: is not YAML"
    assert error.text == "a.yaml\n  is not YAML\n  next: mend it"
    assert root.get("errors") == "1"


def test_nothing_examined_is_an_error(verdict):
    assert parsed(verdict(examined=0)).find(".//error").get("message") == "nothing was examined"


def test_hostile_text_is_still_xml_with_every_change_in_it(hostile):
    root = parsed(hostile)
    assert len(root.findall(".//failure")) == 5
    assert [each.tag for each in root.iter()].count("testcase") == int(root.get("tests"))
