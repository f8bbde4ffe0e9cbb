"""Pruning: the leftovers and nothing else, whatever the layout, and only what git can bring back."""

from __future__ import annotations

import subprocess

import pytest
import yaml

from acetate.errors import Refused
from acetate.evidence import kept
from acetate.leftovers import find_leftovers
from acetate.pruning import LIST, planned, prune
from tests.toolkit.tapes import asked, ran, tape

TEST = "tests/test_chat.py::test_hello"
NAME = "cassettes/one"


@pytest.fixture
def git(sandbox):
    def git(*words):
        who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false"]
        return subprocess.run(
            ["git", *who, "-C", str(sandbox.root), *words], capture_output=True, text=True, check=True
        ).stdout

    git("init", "--quiet")
    return git


@pytest.fixture
def commit(git):
    def commit():
        git("add", "--all")
        git("commit", "--quiet", "--message", "as it is")

    return commit


def leftovers(sandbox):
    project = sandbox.project()
    return find_leftovers(project, project.cassettes(), kept(project)).found


def pruned(sandbox):
    return prune(sandbox.project(), leftovers(sandbox))


def everything(sandbox):
    return {
        path.relative_to(sandbox.root).as_posix(): path.read_bytes()
        for path in sandbox.root.rglob("*")
        if path.is_file() and not {".git", ".acetate"} & set(path.relative_to(sandbox.root).parts)
    }


def test_a_plan_writes_nothing(sandbox):
    tape(sandbox.project(), NAME, asked("a", "1"), asked("b", "2"))
    ran(sandbox.project(), [TEST], {NAME: [0]})
    before = everything(sandbox)
    plan = planned(sandbox.project(), leftovers(sandbox))
    assert everything(sandbox) == before
    assert plan.freed == len(before[f"{NAME}.yaml"]) - len(plan.files[f"{NAME}.yaml"])


def test_an_unused_exchange_is_cut_out_and_what_stays_stays_byte_for_byte(sandbox, commit):
    tape(sandbox.project(), "cassettes/wanted", asked("a", "1"), asked("c", "3"))
    path = tape(sandbox.project(), NAME, asked("a", "1"), asked("b", "- 2\n- request:"), asked("c", "3"))
    commit()
    ran(sandbox.project(), [TEST], {NAME: [0, 2], "cassettes/wanted": [0, 1]})
    pruned(sandbox)
    assert path.read_bytes() == (sandbox.root / "cassettes/wanted.yaml").read_bytes()


def test_what_vcrpy_wrote_is_cut_too_also_with_the_line_ends_of_windows(sandbox, commit):
    path = sandbox.record("one", "first", "second")
    document = yaml.safe_load(path.read_text())
    path.write_bytes(yaml.safe_dump(document).replace("\n", "\r\n").encode("utf-8-sig"))
    commit()
    ran(sandbox.project(), [TEST], {NAME: [1]})
    pruned(sandbox)
    document["interactions"] = document["interactions"][1:]
    assert path.read_bytes() == yaml.safe_dump(document).replace("\n", "\r\n").encode("utf-8-sig")


def test_the_approved_entry_goes_with_its_exchange_and_nothing_is_left_to_decide(sandbox, commit):
    tape(sandbox.project(), NAME, asked("a", "1"), asked("b", "2"), asked("c", "3", status=429))
    sandbox.accept()
    commit()
    ran(sandbox.project(), [TEST], {NAME: [0]})
    assert sorted(sandbox.approved()) == [
        "contracts/together/chat.completions/200.json",
        "contracts/together/chat.completions/429.json",
        f"snapshots/{NAME}.json",
    ]
    plan = pruned(sandbox)
    assert plan.contracts == ["contracts/together/chat.completions/429.json"]
    assert sorted(sandbox.approved()) == ["contracts/together/chat.completions/200.json", f"snapshots/{NAME}.json"]
    assert sandbox.check().outcome == "passed"
    assert leftovers(sandbox) == []


def test_the_contract_is_derived_from_what_is_still_approved(sandbox, commit):
    tape(sandbox.project(), NAME, asked("a", "1"), asked("b", "2"))
    sandbox.accept()
    alone = sandbox.approved()
    tape(sandbox.project(), "cassettes/two", asked("c", "3"))
    sandbox.accept()
    commit()
    ran(sandbox.project(), [TEST], {NAME: [0, 1], "cassettes/two": []})
    pruned(sandbox)
    assert sandbox.approved() == alone


def test_a_cassette_without_any_exchange_left_goes_with_its_snapshot(sandbox, commit):
    path = tape(sandbox.project(), NAME, asked("a", "1"))
    sandbox.accept()
    commit()
    ran(sandbox.project(), [TEST], {NAME: []})
    pruned(sandbox)
    assert not path.exists()
    assert sandbox.approved() == {}


def test_an_orphan_cassette_goes_with_its_snapshot(sandbox, commit):
    path = tape(sandbox.project(), NAME, asked("a", "1", test="tests/test_old.py::test_gone"))
    sandbox.accept()
    commit()
    ran(sandbox.project(), [TEST], {})
    pruned(sandbox)
    assert not path.exists()
    assert sandbox.approved() == {}


def test_an_orphan_entry_goes_and_its_neighbours_stay(sandbox, commit):
    path = tape(sandbox.project(), NAME, asked("a", "1"))
    sandbox.accept()
    alone = sandbox.approved()
    tape(sandbox.project(), NAME, asked("b", "2", status=429))
    sandbox.accept()
    path.unlink()
    tape(sandbox.project(), NAME, asked("a", "1"))
    commit()
    pruned(sandbox)
    assert sandbox.approved() == alone


@pytest.mark.parametrize("empty", [False, True])
def test_an_orphan_snapshot_goes_without_any_run(sandbox, commit, empty):
    path = tape(sandbox.project(), NAME, asked("a", "1"))
    sandbox.accept()
    path.unlink()
    if empty:
        (sandbox.root / f"snapshots/{NAME}.json").write_text('{"version": 1, "exchanges": []}')
    commit()
    pruned(sandbox)
    assert sandbox.approved() == {}


def test_a_contract_that_a_person_pinned_stays(sandbox, commit):
    path = tape(sandbox.project(), NAME, asked("a", "1"))
    sandbox.accept()
    contract = sandbox.root / "contracts/together/chat.completions/200.json"
    text = contract.read_text()
    contract.write_text(text.replace('"properties": {', '"properties": {"x": {"x-acetate": {"pinned": true}},', 1))
    path.unlink()
    commit()
    assert pruned(sandbox).contracts == []
    assert contract.exists()


def test_a_layout_that_cannot_be_cut_is_a_problem_and_stays(sandbox, commit):
    path = sandbox.record("one", "first", "second")
    commit()
    ran(sandbox.project(), [TEST], {NAME: [0]})
    before = path.read_bytes()
    plan = pruned(sandbox)
    assert [(each.where, each.problem) for each in plan.problems] == [
        (f"{NAME}.yaml", "it is laid out in a way that nothing can be cut out of")
    ]
    assert (plan.leftovers, path.read_bytes()) == ([], before)


def test_a_cut_that_takes_an_anchor_from_its_alias_is_not_made(sandbox, commit):
    path = sandbox.record("one", "first", "second")
    text = yaml.safe_dump(yaml.safe_load(path.read_text()))
    text = text.replace(
        "      content-type:\n      - application/json\n", "      content-type: &type\n      - application/json\n", 1
    )
    head, _, tail = text.rpartition("      content-type:\n      - application/json\n")
    path.write_text(f"{head}      content-type: *type\n{tail}")
    commit()
    ran(sandbox.project(), [TEST], {NAME: [1]})
    assert [each.where for each in pruned(sandbox).problems] == [f"{NAME}.yaml"]


def test_what_git_does_not_have_stays(sandbox, commit, git):
    commit()
    never = tape(sandbox.project(), "cassettes/never", asked("a", "1"))
    changed = tape(sandbox.project(), "cassettes/changed", asked("a", "1"))
    held = tape(sandbox.project(), "cassettes/held", asked("a", "1"))
    ignored = tape(sandbox.project(), "cassettes/deep/ignored", asked("a", "1"))
    (sandbox.root / ".gitignore").write_text("deep/\n")
    git("add", "cassettes/changed.yaml", "cassettes/held.yaml")
    git("commit", "--quiet", "--message", "two")
    changed.write_bytes(changed.read_bytes() + b"# more\n")
    ran(sandbox.project(), [TEST], {f"cassettes/{name}": [] for name in ("never", "changed", "held", "deep/ignored")})
    plan = pruned(sandbox)
    assert [each.where for each in plan.problems] == [
        "cassettes/changed.yaml",
        "cassettes/deep/ignored.yaml",
        "cassettes/never.yaml",
    ]
    assert [path.exists() for path in (never, changed, ignored, held)] == [True, True, True, False]


def test_a_cassette_stays_if_git_does_not_have_its_snapshot(sandbox, commit):
    path = tape(sandbox.project(), NAME, asked("a", "1"))
    commit()
    sandbox.accept()
    ran(sandbox.project(), [TEST], {NAME: []})
    plan = pruned(sandbox)
    assert [each.where for each in plan.problems] == [f"snapshots/{NAME}.json"]
    assert path.exists()


def test_a_project_inside_of_a_repository_is_looked_up_from_its_own_folder(sandbox, git):
    (sandbox.root / "services").mkdir()
    git("config", "core.bare", "false")
    inner = type(sandbox)(sandbox.root / "services")
    (inner.root / "acetate.toml").write_text('project = "inner"\n')
    path = tape(inner.project(), NAME, asked("a", "1"))
    ran(inner.project(), [TEST], {NAME: []})
    assert [each.where for each in pruned(inner).problems] == [f"{NAME}.yaml"]
    assert path.exists()


def test_without_git_nothing_is_removed(sandbox):
    path = tape(sandbox.project(), NAME, asked("a", "1"))
    ran(sandbox.project(), [TEST], {NAME: []})
    with pytest.raises(Refused, match="no git repository"):
        pruned(sandbox)
    assert path.exists()


def test_git_takes_it_all_back_byte_for_byte(sandbox, commit, git):
    tape(sandbox.project(), "cassettes/test[a]", asked("a", "1"), asked("b", "2", status=429))
    tape(sandbox.project(), "cassettes/testa", asked("a", "1"))
    sandbox.accept()
    commit()
    before = everything(sandbox)
    ran(sandbox.project(), [TEST], {"cassettes/test[a]": [0], "cassettes/testa": [0]})
    pruned(sandbox)
    assert everything(sandbox) != before
    git("checkout", f"--pathspec-from-file={LIST}", "HEAD")
    from acetate.review import rebuild

    rebuild(sandbox.project())
    assert everything(sandbox) == before


def test_with_nothing_left_over_nothing_is_written(sandbox, commit):
    tape(sandbox.project(), NAME, asked("a", "1"))
    commit()
    ran(sandbox.project(), [TEST], {NAME: [0]})
    plan = pruned(sandbox)
    assert (plan.leftovers, plan.files, plan.freed) == ([], {}, 0)
    assert not (sandbox.root / LIST).exists()
