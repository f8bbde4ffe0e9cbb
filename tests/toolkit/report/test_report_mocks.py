"""Hand-written mocks and notes: what every form of a report says beside the changes."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from acetate.report import FORMATS, render
from acetate.report.markdown import MARKER
from acetate.report.wording import mocks_title
from acetate.verdict import Fault, Problem
from tests.toolkit.report.test_report_github import commands

NOTE = "contracts/a/200.json counts 2 exchanges, and 3 are approved, as after a merge: acetate accept --rebuild"
UNKNOWN = "nothing is approved to hold these mocks against: together:chat.completions 429"


def cases(verdict) -> list[ElementTree.Element]:
    return ElementTree.fromstring(render(verdict, "junit")).findall(".//testcase[@classname='acetate.mocks']")


@pytest.mark.parametrize("format", FORMATS)
def test_a_note_is_in_every_form_and_in_none_where_there_is_none(format, verdict):
    assert "contracts/a/200.json counts 2 exchanges" in render(verdict(notes=(NOTE,)), format)
    assert "note" not in render(verdict(), format).replace('"notes": []', "")


@pytest.mark.parametrize("format", FORMATS)
def test_a_mock_that_is_unlike_the_provider_is_in_every_form_by_its_test(format, verdict, mock):
    text = render(verdict(mocks=(mock("error"),)), format)
    assert all(each in text for each in ("tests/test_chat.py::test_stale", "field-removed", "$.f0", "object"))


@pytest.mark.parametrize("format", ["text", "junit", "markdown", "github"])
def test_hundreds_of_notes_and_mocks_do_not_make_a_long_report(format, verdict, mock):
    notes = tuple(f"{number} {NOTE}" for number in range(300))
    mocks = tuple(mock(*["error"] * 40, test=f"test_a.py::test_{number}") for number in range(300))
    lines = render(verdict(notes=notes if format != "text" else (), mocks=mocks), format).splitlines()
    shown = [line for line in lines if "$.f0" in line]
    assert len(shown) <= {"text": 10, "junit": 300, "markdown": 20, "github": 50}[format]
    assert not any("$.f10" in line for line in lines)


# annotations


def test_a_note_is_a_notice(verdict):
    assert commands(verdict(notes=(NOTE,))) == [("notice", {"title": "Acetate"}, NOTE)]


@pytest.mark.parametrize(("severities", "level"), [(["warn", "error"], "error"), (["info", "warn"], "warning")])
def test_a_mock_is_annotated_on_its_test(severities, level, verdict, mock):
    ((said, properties, message),) = commands(verdict(mocks=(mock(*severities),)))
    assert said == level
    assert properties == {"file": "tests/test_chat.py", "title": "This mock no longer looks like together"}
    first, second, *rows = message.splitlines()
    assert first == "tests/test_chat.py::test_stale"
    assert second == "together:chat.completions 200  against contracts/together/chat.completions/200.json"
    assert [row.split() for row in rows] == [
        [severity, "field-removed", f"$.f{at}", "object", "->", "absent"] for at, severity in enumerate(severities)
    ]


def test_a_mock_that_only_has_more_than_it_must_is_not_annotated(verdict, mock):
    assert commands(verdict(mocks=(mock("info"), mock()))) == []


def test_what_no_mock_can_be_held_against_is_one_notice(verdict, mock):
    unknown = mock(status=429, contract=None)
    assert commands(verdict(mocks=(unknown, unknown))) == [("notice", {"title": "Acetate"}, UNKNOWN)]


# test cases


def test_a_note_is_output_of_the_case_that_is_always_there(verdict):
    output = ElementTree.fromstring(render(verdict(notes=(NOTE,)), "junit")).findtext(".//system-out")
    assert output.splitlines()[1:] == [f"note: {NOTE}"]


def test_a_mock_is_a_test_case_that_fails_where_a_run_in_ci_would(verdict, mock):
    broken, unclear, like, unknown = cases(
        verdict(mocks=(mock("error"), mock("warn"), mock(), mock(status=429, contract=None)))
    )
    assert broken.get("name") == "tests/test_chat.py::test_stale together:chat.completions 200"
    assert broken.find("failure").get("message") == "no longer looks like together"
    assert broken.findtext("failure").splitlines() == [
        "against contracts/together/chat.completions/200.json",
        "error   field-removed   $.f0   object -> absent",
    ]
    assert "warn   field-removed   $.f0" in unclear.findtext("system-out")
    assert list(like) == []
    assert unknown.find("skipped").get("message") == "nothing is approved to hold this mock against"


def test_the_suite_counts_its_mocks(verdict, mock):
    suite = ElementTree.fromstring(render(verdict(mocks=(mock("error"), mock(contract=None))), "junit"))
    assert [suite.get(each) for each in ("tests", "failures", "errors", "skipped")] == ["3", "1", "0", "1"]


# the comment


def test_a_comment_lists_mocks_and_notes_below_the_table(verdict, change, mock):
    mocks = (mock(*["error"] * 5), mock())
    text = render(verdict(change(before="eos", after="stop"), notes=(NOTE,), mocks=mocks), "markdown")
    assert (
        """
**1 of 2 mocks no longer looks like `together`**

- `tests/test_chat.py::test_stale`, `together:chat.completions 200`: `field-removed` `$.f0` `object` → `absent`, \
`field-removed` `$.f1` `object` → `absent`, `field-removed` `$.f2` `object` → `absent` and 2 more

- note: `contracts/a/200.json counts 2 exchanges, and 3 are approved, as after a merge: acetate accept --rebuild`
"""
        in text
    )
    assert text.index("| **Breaking**") < text.index("**1 of 2 mocks")


def test_a_run_without_changes_whose_mocks_are_unlike_the_provider_is_more_than_one_line(verdict, mock):
    text = render(verdict(mocks=(mock("warn"),)), "markdown")
    assert text.startswith(f"{MARKER}\n### Acetate: no change\n\n**1 of 1 mock no longer looks")
    assert "0 changes" not in text
    assert render(verdict(mocks=(mock("info"),)), "markdown").count("\n") == 2


def test_a_fault_without_sides_is_its_kind_and_its_path(verdict, mock):
    faults = (Fault("unclassified", "error", "$.a"),)
    assert "200`: `unclassified` `$.a`\n" in render(verdict(mocks=(mock(faults=faults),)), "markdown")
    assert "    error   unclassified   $.a\n" in render(verdict(mocks=(mock(faults=faults),)), "text")


def test_the_longest_parts_of_a_comment_are_cut_until_it_fits(verdict, change, mock):
    wide = "日e\u0301" * 300
    problems = tuple(Problem(f"{number}{wide}", wide, wide) for number in range(40))
    mocks = tuple(mock("error", test=f"{number}{wide}", contract=wide) for number in range(40))
    notes = tuple(f"{number}{wide}" for number in range(40))
    changes = [change(f"{number:016x}", before=wide, after=wide) for number in range(400)]
    text = render(verdict(*changes, problems=problems, notes=notes, mocks=mocks), "markdown")
    assert 40_000 < len(text.encode()) <= 65_000
    assert re.search(r"\n- and \d+ more\n", text)


# the title


def test_the_title_counts_what_could_be_held_against_something(mock):
    other = mock("error", provider="openai")
    assert mocks_title([mock()]) == "1 mock looks like together"
    assert mocks_title([mock(), mock()]) == "2 mocks look like together"
    assert mocks_title([mock("error"), other, mock(contract=None)]) == (
        "2 of 2 mocks no longer look like together and openai"
    )
    assert mocks_title([mock(contract=None)]) == "no mock could be looked at"
