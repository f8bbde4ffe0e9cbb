"""The report as GitHub workflow commands."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest

from acetate.change import Evidence, Occurrence
from acetate.report import render
from acetate.report.github import MOST
from acetate.verdict import Problem

COMMAND = re.compile(r"::(error|warning|notice) ([^:]*)::(.*)")


def commands(verdict) -> list[tuple[str, dict[str, str], str]]:
    """What the runner reads: level, properties, message."""
    found = [COMMAND.fullmatch(line) for line in render(verdict, "github").splitlines() if line.startswith("::")]
    assert all(found)
    return [
        (match[1], dict(map(unquote, each.split("=", 1)) for each in match[2].split(",")), unquote(match[3]))
        for match in found
    ]


def test_a_change_is_annotated_on_the_first_cassette_that_shows_it(verdict, change):
    occurrences = (Occurrence("cassettes/chat/hello", 0, "$"), Occurrence("cassettes/chat/again", 1, "$"))
    ((level, properties, message),) = commands(
        verdict(change(before="eos", after="stop", occurrences=occurrences, evidence=Evidence("2 of 2")))
    )
    assert level == "error"
    assert properties == {"file": "cassettes/chat/hello.yaml", "title": "4be1d9f2 enum-value-replaced"}
    assert message.splitlines() == [
        'together:chat.completions 200  $.choices[].finish_reason: "eos" -> "stop"',
        "2 of 2 exchanges, in 2 cassettes",
        "acetate show 4be1d9f2",
    ]


@pytest.mark.parametrize(("severity", "level"), [("error", "error"), ("warn", "warning"), ("info", "notice")])
def test_the_level_follows_the_severity(severity, level, verdict, change):
    assert commands(verdict(change(severity=severity)))[0][0] == level


def test_a_rejected_change_is_an_error_with_the_reason(verdict, change):
    ((level, _, message),) = commands(verdict(change(severity="info", decision="rejected", reason="no")))
    assert level == "error"
    assert message.splitlines()[-1] == "rejected: no"


def test_an_approved_change_is_not_annotated(verdict, change):
    assert commands(verdict(change(decision="approved"))) == []


def test_a_change_without_an_occurrence_names_no_file(verdict, change):
    assert "file" not in commands(verdict(change()))[0][1]


@pytest.mark.parametrize("name", ["contracts/a/200.json", "cassettes/old.yml"])
def test_a_file_that_has_its_suffix_keeps_it(name, verdict, change):
    assert commands(verdict(change(occurrences=(Occurrence(name, 0, "$"),))))[0][1]["file"] == name


def test_a_rename_is_an_arrow_and_a_new_exchange_has_no_sides(verdict, change):
    renamed = change("a", kind="field-renamed", before="$.title", after="$.name")
    new = change("b", kind="exchange-unapproved", severity="warn", path="$")
    messages = [message.splitlines()[0] for _, _, message in commands(verdict(renamed, new))]
    assert messages == ["together:chat.completions 200  $.title -> $.name", "together:chat.completions 200"]


def test_a_problem_is_an_error_with_what_to_do_next(verdict):
    assert commands(verdict(problems=(Problem("a.yaml", "is not YAML", "mend it"),))) == [
        ("error", {"file": "a.yaml", "title": "Acetate could not look"}, "is not YAML\nnext: mend it")
    ]


def test_only_so_many_annotations_are_written_and_the_rest_is_counted(verdict, change):
    changes = [change(f"{number:016x}", severity="info") for number in range(MOST + 7)]
    found = commands(verdict(*changes))
    assert len(found) == MOST + 1
    assert found[-1] == ("notice", {"title": "Acetate"}, "and 7 more: acetate check")


def test_the_last_lines_are_the_summary(verdict):
    assert render(verdict(), "github") == "passed: no change, 0 problems\n31 examined\n"


def test_hostile_text_starts_no_command_and_adds_no_property(hostile):
    found = commands(hostile)
    assert len(found) == 9
    assert all(set(properties) == {"file", "title"} for level, properties, _ in found if level != "notice")
    assert all(set(properties) <= {"file", "title"} for _, properties, _ in found)
