"""From recorded exchanges to a verdict."""

from __future__ import annotations

import json
from typing import Any

import pytest


def test_what_nobody_has_approved_needs_review_once_for_all_exchanges(sandbox: Any) -> None:
    for name in "abc":
        sandbox.record(name, sandbox.reply(), sandbox.reply())
    verdict = sandbox.check()
    assert verdict.outcome == "needs-review"
    assert [(each.kind, len(each.occurrences)) for each in verdict.changes] == [("exchange-unapproved", 6)]
    assert (verdict.counts.cassettes, verdict.counts.exchanges, verdict.counts.examined) == (3, 6, 6)


def test_nothing_to_examine_is_no_pass(sandbox: Any) -> None:
    assert sandbox.check().outcome == "unknown"


def test_a_baseline_passes(sandbox: Any) -> None:
    sandbox.record("a", sandbox.reply(), sandbox.reply(choices=[]))
    sandbox.accept()
    assert sandbox.check().outcome == "passed"
    assert sandbox.check().changes == ()


def test_a_removed_field_is_one_change_with_all_its_occurrences(sandbox: Any) -> None:
    for number in range(20):
        sandbox.record(f"c{number}", sandbox.reply())
    sandbox.accept()
    for number in range(20):
        changed = sandbox.reply()
        del changed["choices"][0]["message"]["role"]
        sandbox.record(f"c{number}", changed)
    (change,) = sandbox.check().changes
    assert (change.kind, change.severity, change.path) == ("field-removed", "error", "$.choices[].message.role")
    assert len(change.occurrences) == 20
    assert {each.at for each in change.occurrences} == {"$.choices[0].message.role"}
    assert (change.evidence.now, change.evidence.approved) == ("20 of 20", "20 of 20")
    assert sandbox.check().outcome == "failed"


def test_the_place_is_the_first_that_shows_it(sandbox: Any) -> None:
    choice = sandbox.reply()["choices"][0]
    sandbox.record("a", sandbox.reply(choices=[choice, choice, choice]))
    sandbox.accept()
    sandbox.record("a", sandbox.reply(choices=[choice, choice, {**choice, "seed": None}]))
    (change,) = sandbox.check().changes
    assert (change.kind, change.occurrences[0].at) == ("became-nullable", "$.choices[2].seed")


def test_an_exchange_without_snapshot_is_checked_against_the_contract(sandbox: Any) -> None:
    sandbox.record("a", sandbox.reply())
    sandbox.accept()
    sandbox.record("b", sandbox.reply(usage=None))
    assert sorted(sandbox.kinds()) == [("became-nullable", "$.usage"), ("exchange-unapproved", "$")]


def test_the_contract_is_silent_where_the_comparison_spoke(sandbox: Any) -> None:
    sandbox.record("a", sandbox.reply())
    sandbox.accept()
    renamed = sandbox.reply()
    renamed["usage"]["prompt_token_count"] = renamed["usage"].pop("prompt_tokens")
    sandbox.record("a", renamed)
    assert sandbox.kinds() == [("field-renamed", "$.usage.prompt_tokens")]


def test_a_pinned_contract_speaks_where_the_snapshot_agrees(sandbox: Any) -> None:
    sandbox.record("a", sandbox.reply())
    sandbox.accept()
    path = sandbox.root / "contracts/together/chat.completions/200.json"
    document = json.loads(path.read_text())
    total = document["properties"]["usage"]["properties"]["total_tokens"]
    total.update({"maximum": 90, "x-acetate": {"pinned": True}})
    path.write_text(json.dumps(document))
    assert sandbox.kinds() == [("range-widened", "$.usage.total_tokens")]


@pytest.mark.parametrize(("status", "kind"), [(201, "status-added"), (429, "error-status-added")])
def test_another_status_is_one_change_whatever_the_body_is(sandbox: Any, status: int, kind: str) -> None:
    sandbox.record("a", sandbox.reply())
    sandbox.accept()
    sandbox.record("a", {"error": {"message": "slow down"}}, status=status)
    assert (kind, "$status") in sandbox.kinds()


def test_an_approved_status_that_is_not_seen_any_more_was_removed(sandbox: Any) -> None:
    sandbox.record("a", sandbox.reply())
    sandbox.record("b", {"error": {"message": "slow down"}}, status=429)
    sandbox.accept()
    (sandbox.root / "cassettes/a.yaml").unlink()
    assert ("status-removed", "$status") in sandbox.kinds()
    assert sandbox.check("cassettes/b.yaml").changes == ()


def test_another_media_type_is_one_change(sandbox: Any) -> None:
    sandbox.record("a", sandbox.reply())
    sandbox.accept()
    sandbox.record("a", "<html>busy</html>", headers={"content-type": "text/html"})
    (change,) = sandbox.check().changes
    assert (change.kind, change.before, change.after) == ("content-type-changed", "application/json", "text/html")


def test_a_kept_header_that_is_gone_was_removed(sandbox: Any) -> None:
    both = {"content-type": "application/json", "x-request-id": "r-1"}
    sandbox.record("a", sandbox.reply(), headers=both)
    sandbox.accept()
    sandbox.record("a", sandbox.reply(), headers={"content-type": "application/json"})
    assert sandbox.kinds() == [("header-removed", "$headers.x-request-id")]


def test_a_recorder_that_kept_no_headers_says_nothing_of_them(sandbox: Any) -> None:
    sandbox.record("a", sandbox.reply(), headers={"content-type": "application/json", "x-request-id": "r-1"})
    sandbox.accept()
    sandbox.record("a", sandbox.reply(), headers={})
    assert sandbox.kinds() == []


def _event(**choice: Any) -> dict[str, Any]:
    delta = {"role": "assistant", "content": "a", "tool_calls": None}
    held = {"index": 0, "delta": delta, "finish_reason": None, "seed": None, **choice}
    return {"id": "o", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [held], "usage": None}


def test_a_change_in_the_events_is_not_told_again_of_the_reply(sandbox: Any) -> None:
    last = {**_event(finish_reason="eos", seed=2**64), "usage": {"total_tokens": 3}}
    sandbox.stream("a", _event(), _event(), last)
    sandbox.accept()
    assert sandbox.check().changes == ()
    changed = json.loads(json.dumps([_event(), _event(), last]).replace('"eos"', '"stop"'))
    sandbox.stream("a", *changed)
    (change,) = sandbox.check().changes
    assert (change.kind, change.path, change.stream) == ("enum-value-replaced", "$.choices[].finish_reason", True)
    assert change.occurrences[0].at == "$events[2].choices[0].finish_reason"


def test_a_key_that_is_gone_from_every_event_is_one_change(sandbox: Any) -> None:
    sandbox.stream("a", _event(), _event(finish_reason="stop"))
    sandbox.accept()
    without = json.loads(json.dumps([_event(), _event(finish_reason="stop")]).replace(', "tool_calls": null', ""))
    sandbox.stream("a", *without)
    assert sandbox.kinds() == [("field-removed", "$.choices[].delta.tool_calls")]


def test_a_cassette_that_cannot_be_read_is_a_problem_that_names_it(sandbox: Any) -> None:
    sandbox.record("a", sandbox.reply())
    sandbox.record("b", sandbox.reply()).write_text("interactions: [")
    verdict = sandbox.check()
    assert verdict.outcome == "unknown"
    (problem,) = verdict.problems
    assert "cassettes/b.yaml" in problem.where
    assert problem.next


def test_a_missing_contract_is_a_problem_with_its_cure(sandbox: Any) -> None:
    sandbox.record("a", sandbox.reply())
    sandbox.accept()
    (sandbox.root / "contracts/together/chat.completions/200.json").unlink()
    (problem,) = sandbox.check().problems
    assert "acetate accept --rebuild" in problem.next


def test_severity_is_what_the_project_says(sandbox: Any) -> None:
    sandbox.record("a", sandbox.reply())
    sandbox.accept()
    sandbox.record("a", sandbox.reply(usage=None))
    (sandbox.root / "acetate.toml").write_text('[severity]\nbecame-nullable = "warn"\n')
    assert sandbox.check().outcome == "needs-review"
    (sandbox.root / "acetate.toml").write_text('[severity]\nbecame-nullable = "none"\n')
    assert sandbox.check().changes == ()


def test_a_fingerprint_does_not_depend_on_the_rest_of_the_run(sandbox: Any) -> None:
    sandbox.record("a", sandbox.reply())
    sandbox.accept()
    sandbox.record("a", sandbox.reply(usage=None))
    (alone,) = sandbox.check().changes
    sandbox.record("b", sandbox.reply(model="other"))
    beside = {each.kind: each.fingerprint for each in sandbox.check().changes}
    assert beside["became-nullable"] == alone.fingerprint
