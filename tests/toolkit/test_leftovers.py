"""Leftovers: what nothing uses, told from files alone or by a complete run, and what must not be judged."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from acetate.evidence import Evidence, keep, kept
from acetate.leftovers import cassette_of, find_leftovers, item_spans, module_of
from tests.toolkit.tapes import asked, ran, tape

TEST = "tests/test_chat.py::test_hello"
GONE = "tests/test_chat.py::test_gone"
NAME = "tests/cassettes/test_chat/test_hello"


@pytest.fixture
def project(sandbox):
    (sandbox.root / "tests").mkdir()
    (sandbox.root / "tests" / "test_chat.py").write_text("def test_hello(): ...\n")
    return sandbox.project()


def found(project):
    """Kind, place and reason of each, by the runs that were kept."""
    leftovers = find_leftovers(project, project.cassettes(), kept(project))
    assert leftovers.problems == []
    return [
        (each.kind, each.file if each.position is None else f"{each.cassette}#{each.position}", each.why)
        for each in leftovers.found
    ]


# Exchanges


def test_an_exchange_that_no_test_asked_for_is_unused(project):
    tape(project, NAME, asked("a", "1"), asked("b", "2"))
    ran(project, [TEST], {NAME: [0]})
    assert found(project) == [("unused", f"{NAME}#1", "no test asked for it")]


def test_without_a_complete_run_no_exchange_is_judged(project):
    tape(project, NAME, asked("a", "1"))
    assert found(project) == []


def test_an_exchange_that_another_worker_played_is_used(project):
    tape(project, NAME, asked("a", "1"), asked("b", "2"))
    ran(project, [TEST], {NAME: [0, 1]})
    assert found(project) == []


def test_what_another_suite_played_is_used(project, sandbox):
    tape(project, "cassettes/shared", asked("a", "1"), asked("b", "2"))
    (sandbox.root / "other").mkdir()
    tests = frozenset({"t.py::test"})
    ran(project, [TEST], {"cassettes/shared": [0]})
    keep(project, Evidence("other", tests, tests, {"cassettes/shared": frozenset({1})}))
    assert found(project) == []


def test_a_second_recording_of_the_same_that_is_never_reached_is_a_duplicate(project):
    tape(project, NAME, asked("a", "1"), asked("a", "1"))
    ran(project, [TEST], {NAME: [0]})
    assert found(project) == [("duplicate", f"{NAME}#1", "the same request and answer stand before it")]


def test_the_same_request_with_another_answer_is_unused_and_no_duplicate(project):
    tape(project, NAME, asked("a", "1"), asked("a", "2"))
    ran(project, [TEST], {NAME: [0]})
    assert [kind for kind, _, _ in found(project)] == ["unused"]


def test_the_reason_names_the_test_that_recorded_it_if_that_is_gone(project):
    tape(project, NAME, asked("a", "1", test=TEST), asked("b", "2", test=GONE))
    ran(project, [TEST], {NAME: [0]})
    assert found(project) == [("unused", f"{NAME}#1", f"the test that recorded it is gone: {GONE}")]


def test_a_leftover_knows_its_bytes_and_what_is_approved_of_it(project, sandbox):
    path = tape(project, NAME, asked("a", "1"), asked("b", "2", status=429))
    sandbox.accept()
    ran(project, [TEST], {NAME: [0]})
    (leftover,) = find_leftovers(project, project.cassettes(), kept(project)).found
    text = path.read_text()
    assert leftover.size == len(text[text.rindex("- request:") : text.index("version: 1\n")])
    assert leftover.what == "together:chat.completions 429"
    assert leftover.entry == 1


def test_in_json_the_bodies_are_what_is_counted(project, sandbox):
    sandbox.record("one", "hello")
    ran(project, [TEST], {"cassettes/one": []})
    (leftover,) = find_leftovers(project, project.cassettes(), kept(project)).found
    assert leftover.size == len(b'{"model": "m", "messages": [{"role": "user", "content": "question 0"}]}') + len(
        b"hello"
    )


def test_a_cassette_that_has_changed_since_the_run_is_not_judged(project):
    tape(project, NAME, asked("a", "1"))
    ran(project, [TEST], {NAME: [0]})
    tape(project, NAME, asked("b", "2"))
    leftovers = find_leftovers(project, project.cassettes(), kept(project))
    assert (leftovers.found, leftovers.stale) == ([], [f"{NAME}.yaml"])


def test_a_cassette_that_was_recorded_after_the_run_is_not_judged(project):
    ran(project, [TEST], {})
    tape(project, NAME, asked("a", "1", test=GONE))
    assert found(project) == []


def test_a_suite_does_not_judge_what_lies_beside_it(project, sandbox):
    tape(project, NAME, asked("a", "1", test=GONE))
    (sandbox.root / "other").mkdir()
    tests = frozenset({"t.py::test"})
    keep(project, Evidence("other", tests, tests))
    assert found(project) == []


def test_a_cassette_that_cannot_be_read_is_a_problem(project, sandbox):
    path = sandbox.root / f"{NAME}.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("interactions: [")
    problems = find_leftovers(project, project.cassettes(), []).problems
    assert [each.where.partition(",")[0] for each in problems] == [f"{NAME}.yaml"]


# Cassettes


def test_a_cassette_whose_recorded_test_is_gone_is_an_orphan(project):
    tape(project, "cassettes/any", asked("a", "1", test=GONE))
    ran(project, [TEST], {})
    assert found(project) == [("orphan-cassette", "cassettes/any.yaml", f"its test is gone: {GONE}")]


def test_a_cassette_that_is_called_like_a_test_that_is_gone_is_an_orphan(project):
    tape(project, "tests/cassettes/test_chat/test_gone[a]", asked("a", "1"))
    ran(project, [TEST], {})
    assert found(project) == [
        (
            "orphan-cassette",
            "tests/cassettes/test_chat/test_gone[a].yaml",
            "there is no such test in tests/test_chat.py any more",
        )
    ]


def test_a_cassette_whose_test_ran_without_opening_it_is_no_orphan(project):
    tape(project, NAME, asked("a", "1"))
    ran(project, [TEST], {})
    assert found(project) == [("unopened", f"{NAME}.yaml", "no test opened it")]


def test_a_cassette_whose_recorded_test_is_still_there_is_no_orphan(project):
    tape(project, "cassettes/any", asked("a", "1", test=GONE), asked("b", "2", test=TEST))
    ran(project, [TEST], {})
    assert [kind for kind, _, _ in found(project)] == ["unopened"]


def test_a_cassette_of_no_known_test_is_no_orphan(project):
    tape(project, "cassettes/by-hand", asked("a", "1"))
    ran(project, [TEST], {})
    assert found(project) == [("unopened", "cassettes/by-hand.yaml", "no test opened it")]


@pytest.mark.parametrize("test", ["tests/test_later.py::test_one", None])
def test_a_module_that_was_not_looked_into_makes_no_orphans(project, sandbox, test):
    (sandbox.root / "tests" / "test_later.py").write_text("def test_one(): ...\n")
    tape(project, "tests/cassettes/test_later/test_one", asked("a", "1", test=test))
    ran(project, [TEST], {})
    assert [kind for kind, _, _ in found(project)] == ["unopened"]


# Approved entries


def test_an_entry_whose_exchange_is_gone_is_an_orphan_without_any_run(project, sandbox):
    path = tape(project, NAME, asked("a", "1"), asked("b", "2", status=429))
    sandbox.accept()
    path.unlink()
    tape(project, NAME, asked("a", "1"))
    assert found(project) == [("orphan-entry", f"{NAME}#1", "approved, and no exchange answers to it")]


def test_the_snapshot_of_a_cassette_that_is_gone_is_an_orphan(project, sandbox):
    tape(project, NAME, asked("a", "1")).unlink()
    tape(project, NAME, asked("a", "1"))
    sandbox.accept()
    (sandbox.root / f"{NAME}.yaml").unlink()
    assert found(project) == [("orphan-snapshot", f"snapshots/{NAME}.json", f"its cassette is gone: {NAME}")]


@pytest.fixture
def provided(project, sandbox):
    """A snapshot of the provide edge: it has no cassette, and its name is none that a cassette could have."""
    tape(project, NAME, asked("a", "1"), asked("b", "2", status=429))
    sandbox.accept()
    (sandbox.root / f"{NAME}.yaml").unlink()
    file = sandbox.root / "snapshots" / "chat" / "tests" / "test_api.json"
    file.parent.mkdir(parents=True)
    (sandbox.root / "snapshots" / f"{NAME}.json").rename(file)
    return "chat/tests/test_api"


def test_a_snapshot_of_the_provide_edge_is_not_judged_without_a_run_that_watched_it(project, provided):
    ran(project, [TEST], {})
    assert found(project) == []


def test_a_snapshot_of_the_provide_edge_that_no_response_was_compared_with_is_an_orphan(project, provided):
    ran(project, [TEST], {}, compared={"chat/tests/test_other": frozenset({0})})
    assert found(project) == [("orphan-snapshot", f"snapshots/{provided}.json", "no test got such a response")]


def test_an_entry_of_the_provide_edge_that_no_response_was_compared_with_is_an_orphan(project, provided):
    ran(project, [TEST], {}, compared={provided: frozenset({0})})
    assert found(project) == [("orphan-entry", f"{provided}#1", "no test got such a response")]


def test_a_snapshot_that_cannot_be_read_is_a_problem(project, sandbox):
    file = sandbox.root / "snapshots" / "chat.json"
    file.parent.mkdir()
    file.write_text("{")
    (problem,) = find_leftovers(project, [], []).problems
    assert problem.where == "snapshots/chat.json"


# Names


@pytest.mark.parametrize(
    ("test", "cassette"),
    [
        ("tests/test_a.py::test_b", "tests/cassettes/test_a/test_b"),
        ("test_a.py::test_b[x/y]", "cassettes/test_a/test_b[x-y]"),
        ("tests/test_a.py::TestC::test_b[a::b]", "tests/cassettes/test_a/TestC.test_b[a--b]"),
        ("tests/test_a.py::TestC::TestD::test_b", "tests/cassettes/test_a/TestD.test_b"),
    ],
)
def test_a_cassette_is_called_as_pytest_recording_calls_it(test, cassette):
    assert cassette_of(test) == cassette
    assert module_of(cassette) == test.partition("::")[0]


def test_the_names_are_those_of_pytest_recording_itself():
    from pytest_recording.plugin import get_default_cassette_name

    class TestC:
        pass

    for given in ("test_b", "test_b[a:b]", "test_b[<x>?%*|\"'/\\]"):
        assert (
            cassette_of(f"test_a.py::TestC::{given}") == f"cassettes/test_a/{get_default_cassette_name(TestC, given)}"
        )


@pytest.mark.parametrize("name", ["cassettes/hello", "tests/cassettes/test_a/hello", "tests/tapes/test_a/test_b"])
def test_other_names_are_nobodys(name):
    assert module_of(name) is None


@pytest.mark.parametrize("text", ["interactions:\n  - request: {}\n", "{}", "interactions: []\n"])
def test_a_layout_without_items_at_the_margin_has_no_spans(text):
    assert item_spans(text, 1) is None


def test_items_reach_up_to_what_follows_the_list():
    text = "interactions:\n- a: 1\n- b: 2\nversion: 1\n"
    assert [text[start:end] for start, end in item_spans(text, 2)] == ["- a: 1\n", "- b: 2\n"]
    assert item_spans("- a: 1\n- b: 2\n", 2) == [(0, 7), (7, 14)]


def test_a_run_is_kept_with_the_moment_it_ended(project):
    tests = frozenset({TEST})
    run = keep(project, Evidence(collected=tests, passed=tests), at=datetime(2026, 11, 22, 16, 19, tzinfo=UTC))
    assert kept(project) == [run]
