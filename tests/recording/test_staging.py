"""What journals of killed runs hold is staged, once, and never with a secret in it."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys

import pytest

from acetate.cassette import read_exchanges, read_text
from acetate.exchange import Exchange, Recording, Request, Response
from acetate.project import Project
from acetate.redaction import redact
from acetate.staging import Filed, all_staged, file_recovered, set_aside, staged, staged_again
from acetate.verdict import Problem

CHAT = "https://api.together.ai/v1/chat/completions"
KILLED = """
import os, pickle, sys
from acetate.journal import Journal
root, name, exchanges, anew = pickle.load(sys.stdin.buffer)
journal = Journal(root, name, anew=anew)
for each in exchanges:
    journal.append(each)
os._exit(9)
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "acetate.toml").write_text('project = "killed"\n')
    return Project.open(tmp_path, os.environ)


def exchange(question="hi", answer=b'{"id": "1"}'):
    json = (("content-type", "application/json"),)
    recording = Recording("2026-11-22T10:00:00.000Z", "api.together.ai", 7, "test_chat.py::test_it")
    return Exchange(
        Request("POST", CHAT, json, f'{{"q": "{question}"}}'.encode()), Response(200, "OK", json, answer), recording
    )


def killed(project, *exchanges, name="cassettes/it", anew=False):
    """A process that recorded these and was killed."""
    sent = pickle.dumps((project.root, name, [redact(each, project.redaction) for each in exchanges], anew))
    done = subprocess.run([sys.executable, "-c", KILLED], input=sent, check=False)
    assert done.returncode == 9


def held(project, name="cassettes/it"):
    path = project.root / ".acetate/staged" / f"{name}.yaml"
    return read_exchanges(read_text(path, name), name)


def journals(project):
    return list((project.root / ".acetate/journal").glob("*.jsonl"))


def test_what_a_killed_run_recorded_is_staged_once(project):
    killed(project, exchange("a"), exchange("b"))
    assert list(file_recovered(project, "run")) == [
        Filed("cassettes/it", ".acetate/staged/cassettes/it.yaml", 2, "its test was killed")
    ]
    assert held(project) == [exchange("a"), exchange("b")]
    assert staged(project.root, "cassettes/it").tests == ("test_chat.py::test_it",)
    assert (journals(project), list(file_recovered(project, "run"))) == ([], [])


def test_a_second_killed_run_comes_behind_the_first(project):
    for question in "ab":
        killed(project, exchange(question))
        list(file_recovered(project, "run"))
    assert held(project) == [exchange("a"), exchange("b")]
    assert [each.name for each in all_staged(project.root)] == ["cassettes/it"]


def test_a_journal_that_was_cut_gives_what_is_whole_and_says_so(project):
    killed(project, exchange("a"), exchange("b"))
    (journal,) = journals(project)
    journal.write_bytes(journal.read_bytes()[:-20])
    filed, problem = file_recovered(project, "run")
    assert isinstance(filed, Filed)
    assert filed.exchanges == 1
    assert problem.problem == "its journal was cut: exchange 1 was cut off while it was written"
    assert journals(project) == []


def test_a_journal_with_nothing_whole_is_a_problem_and_goes(project):
    killed(project, exchange("a"))
    (journal,) = journals(project)
    journal.write_bytes(b"rubbish")
    (problem,) = file_recovered(project, "run")
    assert isinstance(problem, Problem)
    assert (journals(project), all_staged(project.root)) == ([], [])


def test_a_secret_that_only_todays_rules_know_stays_in_the_journal(project):
    secret = "Zq8vN2xT7kLmP4rS9wYb3cDf6gHj1aQe"
    killed(project, exchange("a", f'{{"credential": "{secret}"}}'.encode()))
    (problem,) = file_recovered(project, "run")
    assert isinstance(problem, Problem)
    assert all_staged(project.root) == []
    assert len(journals(project)) == 1


def test_what_is_set_aside_waits_no_longer(project):
    killed(project, exchange("a"))
    list(file_recovered(project, "run"))
    set_aside(project.root, "cassettes/it", None)
    assert all_staged(project.root) == []
    set_aside(project.root, "cassettes/it", None)


def test_what_was_set_aside_for_a_decision_waits_again_when_that_is_taken_back(project):
    killed(project, exchange("a"))
    list(file_recovered(project, "run"))
    before = staged(project.root, "cassettes/it")
    set_aside(project.root, "cassettes/it", "batch")
    assert all_staged(project.root) == []
    assert staged_again(project.root, "batch") == ["cassettes/it"]
    assert staged(project.root, "cassettes/it") == before
    assert held(project) == [exchange("a")]
    assert staged_again(project.root, "batch") == []


def test_a_newer_recording_is_not_replaced_by_one_that_was_set_aside(project):
    for question in "ab":
        killed(project, exchange(question))
        list(file_recovered(project, "run"))
        if question == "a":
            set_aside(project.root, "cassettes/it", "batch")
    assert staged_again(project.root, "batch") == []
    assert held(project) == [exchange("b")]


def test_a_note_that_cannot_be_read_is_none(project):
    killed(project, exchange("a"))
    list(file_recovered(project, "run"))
    (project.root / ".acetate/staged/cassettes/it.json").write_text("{}")
    assert staged(project.root, "cassettes/it") is None


def test_a_part_of_a_recording_that_should_have_replaced_one_is_not_staged(project):
    killed(project, exchange("a"), anew=True)
    (problem,) = file_recovered(project, "run")
    assert isinstance(problem, Problem)
    path = problem.problem.rpartition(" ")[2]
    assert path.startswith(".acetate/incomplete/cassettes/it-")
    assert read_exchanges(read_text(project.root / path, path), path) == [exchange("a")]
    assert problem.next == 'pytest --record-mode=rewrite "test_chat.py::test_it"'
    assert (journals(project), all_staged(project.root)) == ([], [])


def test_what_was_killed_comes_behind_a_replacement_and_replaces_nothing_itself(project):
    killed(project, exchange("a"))
    list(file_recovered(project, "run"))
    note = project.root / ".acetate/staged/cassettes/it.json"
    note.write_text(note.read_text().replace('"append"', '"replace"').replace("::test_it", "::test_other"))
    killed(project, exchange("b"))
    list(file_recovered(project, "run"))
    assert staged(project.root, "cassettes/it").tests == ("test_chat.py::test_other",)
    assert held(project) == [exchange("a"), exchange("b")]
