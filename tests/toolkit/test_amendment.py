"""What a commit changed in the approved files."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from acetate.amendment import CommitTree, amended, examine_amendment
from acetate.contract import Contract
from acetate.errors import AcetateError, UsageError
from acetate.review import rebuild
from acetate.verdict import Context, Verdict


def git(root: Path, *words: str) -> str:
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *who, "-C", str(root), *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def contract(**properties: Any) -> Contract:
    """A contract of an object. A name that ends in `_` is optional."""
    return Contract(
        {
            "type": "object",
            "properties": {name.removesuffix("_"): schema for name, schema in properties.items()},
            "required": [name for name in properties if not name.endswith("_")],
        }
    )


STRING, INTEGER = {"type": "string"}, {"type": "integer"}


def enum(*values: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(values)}


@pytest.mark.parametrize(
    ("before", "now", "kinds"),
    [
        (contract(a=STRING), contract(a=STRING), []),
        (contract(a=STRING), contract(), ["field-removed"]),
        (contract(a_=STRING), contract(), ["optional-field-removed"]),
        (contract(), contract(a=STRING), ["field-added"]),
        (contract(a=STRING), contract(a_=STRING), ["became-optional"]),
        (contract(a_=STRING), contract(a=STRING), ["became-required"]),
        (contract(a=STRING), contract(a={"type": ["string", "null"]}), ["became-nullable"]),
        (contract(a={"type": ["string", "null"]}), contract(a=STRING), ["became-not-nullable"]),
        (contract(a=STRING), contract(a=INTEGER), ["type-changed"]),
        (contract(a=STRING), contract(a={"type": "object"}), ["scalar-became-object"]),
        (contract(a=INTEGER), contract(a={"type": "number"}), ["type-widened"]),
        (contract(a=STRING), contract(a={"type": ["string", "integer"]}), ["type-widened"]),
        (contract(a={"type": ["string", "integer"]}), contract(a=STRING), ["type-narrowed"]),
        (contract(a=STRING), contract(a={**STRING, "format": "date-time"}), ["format-gained"]),
        (contract(a={**STRING, "format": "date-time"}), contract(a=STRING), ["format-lost"]),
        (contract(a={**STRING, "format": "date-time"}), contract(a={**STRING, "format": "date"}), ["format-changed"]),
        (contract(a=enum("x")), contract(a=STRING), ["became-open-string"]),
        (contract(a=STRING), contract(a=enum("x")), ["became-enum"]),
        (contract(a=STRING), contract(a={**STRING, "const": "x"}), ["const-added"]),
        (contract(a=enum("x", "y")), contract(a=enum("x", "z")), ["enum-value-removed", "enum-value-added"]),
        (contract(a={"const": "x"}), contract(a={"const": "y"}), ["const-changed"]),
        (contract(a={"type": "object", "properties": {"b": STRING}}), contract(), ["field-removed"]),
        (contract(), contract(a={"type": "object", "properties": {"b": STRING}}), ["field-added"]),
    ],
)
def test_two_contracts_differ_by_kind_and_each_path_is_told_once(
    before: Contract, now: Contract, kinds: list[str]
) -> None:
    found = amended(before, now)
    assert [each.kind for each in found] == kinds
    assert {each.path for each in found} <= {"$.a"}


def test_a_number_that_may_be_anything_is_told_in_words() -> None:
    (found,) = amended(contract(), contract(a={}))
    assert found.after == "anything"


# In a repository


@pytest.fixture
def committed(sandbox: Any) -> Any:
    """A sandbox with two approved cassettes on `main`."""
    git(sandbox.root, "init", "--quiet", "--initial-branch=main")
    (sandbox.root / ".gitignore").write_text(".acetate/\n")
    sandbox.record("a", sandbox.reply())
    sandbox.record("b", sandbox.reply())
    sandbox.accept()
    commit(sandbox)
    return sandbox


def commit(sandbox: Any) -> None:
    git(sandbox.root, "add", ".")
    git(sandbox.root, "commit", "--quiet", "--message", "x")


def since(sandbox: Any, ref: str = "main") -> Verdict:
    return examine_amendment(sandbox.project(), ref, Context("sandbox", "test"))


def told(verdict: Verdict) -> list[tuple[str, str, str | None]]:
    return [(each.kind, each.path, each.decision) for each in verdict.changes]


def test_nothing_changed_is_nothing_to_tell(committed: Any) -> None:
    verdict = since(committed)
    assert (verdict.outcome, verdict.changes, verdict.counts.examined) == ("passed", (), 2)


def test_an_accepted_change_is_told_once_with_its_decision(committed: Any) -> None:
    committed.record("a", committed.reply(usage=None))
    committed.accept(why="handled")
    verdict = since(committed)
    assert told(verdict) == [("became-nullable", "$.usage", "approved")]
    assert verdict.changes[0].reason == "handled"
    assert verdict.changes[0].occurrences[0].cassette == "cassettes/a"
    assert verdict.outcome == "passed"


def test_an_old_approval_says_nothing_of_a_new_edit(committed: Any) -> None:
    committed.record("a", committed.reply(usage=None))
    committed.accept()
    commit(committed)
    committed.record("a", committed.reply())
    committed.accept()
    commit(committed)
    snapshot = committed.root / "snapshots/cassettes/a.json"
    snapshot.write_text(git(committed.root, "show", "HEAD~1:./snapshots/cassettes/a.json") + "\n")
    assert told(since(committed, "HEAD")) == [("became-nullable", "$.usage", None)]
    assert since(committed, "HEAD").outcome == "failed"


def test_a_contract_edited_by_hand_is_told_by_its_file(committed: Any) -> None:
    path = "contracts/together/chat.completions/200.json"
    contract = committed.root / path
    contract.write_text(contract.read_text().replace('"minItems": 1', '"minItems": 1, "title": "x"'))
    assert told(since(committed)) == []
    contract.write_text(contract.read_text().replace('"const": "chat.completion"', '"const": "other"'))
    verdict = since(committed)
    assert [(each.kind, each.path) for each in verdict.changes] == [("const-changed", "$.object")]
    assert verdict.changes[0].occurrences[0].cassette == path
    assert verdict.outcome == "failed"


def test_what_a_snapshot_tells_is_not_told_again_of_its_contract(committed: Any) -> None:
    lost = committed.reply()
    del lost["created"]
    committed.record("a", lost)
    committed.accept()
    assert told(since(committed)) == [("field-removed", "$.created", "approved")]


def test_a_new_cassette_is_unapproved_until_it_is_decided(committed: Any) -> None:
    (committed.root / "snapshots/cassettes/c.json").write_bytes(
        (committed.root / "snapshots/cassettes/a.json").read_bytes()
    )
    assert told(since(committed)) == [("exchange-unapproved", "$", None)]
    assert since(committed).outcome == "needs-review"


def test_a_removed_snapshot_is_an_observation_that_is_lost(committed: Any) -> None:
    (committed.root / "snapshots/cassettes/a.json").unlink()
    verdict = since(committed)
    assert told(verdict) == [("observation-lost", "$", None)]
    assert verdict.changes[0].occurrences[0].cassette == "cassettes/a"


def test_a_break_of_the_contract_that_a_new_recording_brings_is_told_beside_it(committed: Any) -> None:
    lost = committed.reply()
    del lost["usage"]
    committed.record("c", lost)
    committed.accept()
    verdict = since(committed)
    assert sorted((each.kind, each.path, each.severity) for each in verdict.changes) == [
        ("became-optional", "$.usage", "error"),
        ("exchange-unapproved", "$", "warn"),
    ]
    assert verdict.outcome == "failed"


def test_what_the_contract_loses_with_a_recording_is_told_beside_it(committed: Any) -> None:
    committed.record("c", committed.reply(service_tier="default"))
    committed.accept()
    commit(committed)
    (committed.root / "snapshots/cassettes/c.json").unlink()
    (committed.root / "cassettes/c.yaml").unlink()
    rebuild(committed.project())
    assert sorted((each.kind, each.path) for each in since(committed, "HEAD").changes) == [
        ("observation-lost", "$"),
        ("optional-field-removed", "$.service_tier"),
    ]


def chunk(usage: Any) -> dict[str, Any]:
    delta = {"role": "assistant", "content": "a"}
    choice = {"index": 0, "delta": delta, "finish_reason": "stop"}
    return {"object": "chat.completion.chunk", "model": "m", "choices": [choice], "usage": usage}


def test_what_a_stream_lost_is_not_told_again_of_the_reply_in_its_contract(committed: Any) -> None:
    committed.stream("s", chunk({"total_tokens": 3, "prompt_tokens": 1}))
    committed.accept()
    commit(committed)
    committed.stream("s", chunk({"prompt_tokens": 1}))
    committed.accept()
    commit(committed)
    assert told(since(committed, "HEAD~1")) == [("field-removed", "$.usage.total_tokens", "approved")]


def test_what_a_contract_says_of_a_reply_that_its_events_do_not_is_told(committed: Any) -> None:
    committed.stream("s", chunk({"total_tokens": 3}))
    committed.accept()
    commit(committed)
    path = committed.root / "contracts/together/chat.completions/200.stream.json"
    document = json.loads(path.read_text())
    reply = document["$defs"]["reply"]
    reply["required"].remove("usage")
    path.write_text(json.dumps(document))
    assert told(since(committed, "HEAD")) == [("became-optional", "$reply.usage", None)]
    reply["required"].append("usage")
    for schema in (document, reply):
        schema["required"].remove("usage")
    path.write_text(json.dumps(document))
    assert told(since(committed, "HEAD")) == [("became-optional", "$.usage", None)]


def test_what_two_contracts_show_counts_no_exchanges(committed: Any) -> None:
    path = committed.root / "contracts/together/chat.completions/200.json"
    path.write_text(path.read_text().replace('"const": "chat.completion"', '"const": "other"'))
    (change,) = since(committed).changes
    assert (change.evidence.now, change.evidence.models) == (None, ())


def test_a_stream_that_lost_its_end_is_told_with_its_decision(committed: Any) -> None:
    committed.stream("s", chunk(None))
    committed.accept()
    commit(committed)
    committed.stream("s", chunk(None), done=False)
    committed.accept()
    assert told(since(committed, "HEAD")) == [("stream-terminator-missing", "$terminator", "approved")]


def test_a_new_operation_with_its_contract_is_told_once(committed: Any) -> None:
    committed.record("error", {"error": {"message": "slow down"}}, status=429)
    committed.accept()
    assert told(since(committed)) == [("exchange-unapproved", "$", "approved")]


def test_a_damaged_snapshot_is_a_problem_and_the_rest_is_told(committed: Any) -> None:
    (committed.root / "snapshots/cassettes/a.json").write_text("{")
    (committed.root / "snapshots/cassettes/b.json").unlink()
    verdict = since(committed)
    assert verdict.outcome == "unknown"
    assert [each.where for each in verdict.problems] == ["snapshots/cassettes/a.json"]
    assert told(verdict) == [("observation-lost", "$", None)]


def test_a_commit_holds_its_own_files(committed: Any) -> None:
    (committed.root / "snapshots/cassettes/a.json").unlink()
    (committed.root / "snapshots/cassettes/new ü.json").write_text("{}")
    tree = CommitTree.at(committed.root, "main")
    assert tree.files("snapshots", ".json") == ["snapshots/cassettes/a.json", "snapshots/cassettes/b.json"]
    assert tree.read("snapshots/cassettes/a.json") is not None
    assert tree.read("snapshots/cassettes/nowhere.json") is None
    assert tree.differing("snapshots") == {"snapshots/cassettes/a.json", "snapshots/cassettes/new ü.json"}
    assert tree.differing("contracts") == set()


def test_a_git_that_fails_is_never_taken_for_no_change(committed: Any) -> None:
    tree = CommitTree(committed.root, "0" * 40)
    with pytest.raises(AcetateError, match="`git diff` failed"):
        tree.differing("snapshots")
    with pytest.raises(AcetateError, match="`git ls-tree` failed"):
        tree.files("snapshots", ".json")


@pytest.mark.parametrize("ref", ["nowhere", "-x", "--help", ""])
def test_what_names_no_commit_is_said(committed: Any, ref: str) -> None:
    with pytest.raises(UsageError, match="git knows no commit"):
        CommitTree.at(committed.root, ref)
