"""From a folder of real recordings to a decision, and what is seen on the way: nothing that is not news, and every
change that Together AI really made."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from acetate.exchange import Exchange
from acetate.kind import KINDS

CHAT = "openinference/test_chat"
STREAM = "openinference/test_chat_stream"


# The baseline


def test_real_recordings_are_approved_once_and_then_pass(whole: Any) -> None:
    code, said = whole.acetate("check")
    assert code == 0, said
    assert "passed: no change, 0 problems" in said
    assert len(whole.names()) > 60
    assert whole.changes() == []


def test_a_cassette_that_is_laid_out_otherwise_is_no_change(whole: Any) -> None:
    for name in whole.names():
        whole.edit(name, lambda exchange: exchange)
    assert whole.changes() == []


# One change, and its decision


def is_plain_chat(exchange: Exchange) -> bool:
    return exchange.response.status == 200 and b'"chat.completion"' in exchange.response.body


def plain_chats(whole: Any) -> list[str]:
    """The cassettes that hold one plain chat completion, and nothing else."""
    found = [(name, whole.exchanges(name)) for name in whole.names()]
    return [name for name, exchanges in found if len(exchanges) == 1 and is_plain_chat(exchanges[0])]


def without_total(body: Any) -> Any:
    del body["usage"]["total_tokens"]
    return body


def test_a_field_that_disappears_from_one_cassette_is_one_change(whole: Any, bodies: Any) -> None:
    whole.edit(CHAT, bodies(without_total))
    (change,) = whole.changes()
    assert (change["kind"], change["path"], change["severity"]) == ("field-removed", "$.usage.total_tokens", "error")
    assert [each["cassette"] for each in change["occurrences"]] == [f"cassettes/{CHAT}"]
    code, said = whole.acetate("check")
    assert code == 1
    assert "failed: 1 breaking, 0 to review, 0 harmless" in said


def test_a_field_that_disappears_from_twenty_cassettes_is_one_change_and_one_decision(whole: Any, bodies: Any) -> None:
    names = list(islice(plain_chats(whole), 20))
    assert len(names) == 20
    for name in names:
        whole.edit(name, bodies(without_total))
    before = whole.approved()
    (change,) = whole.changes()
    assert (change["kind"], change["path"]) == ("field-removed", "$.usage.total_tokens")
    assert {each["cassette"] for each in change["occurrences"]} == {f"cassettes/{name}" for name in names}
    assert len(change["occurrences"]) == 20

    code, said = whole.acetate("accept", change["fingerprint"][:8], "--reason", "we never bill by it")
    assert (code, "1 accepted, 21 approved files written" in said) == (0, True), said
    assert whole.changes() == []

    assert whole.acetate("undo", "--reason", "too early")[0] == 0
    assert whole.approved() == before
    assert [each["fingerprint"] for each in whole.changes()] == [change["fingerprint"]]
    assert [(each["decision"], each["why"]) for each in whole.decisions()[-2:]] == [
        ("approved", "we never bill by it"),
        ("undone", "too early"),
    ]
    log = whole.acetate("log", change["fingerprint"][:8])[1]
    assert log.index("undone by") < log.index("approved by")


def test_a_rejected_change_fails_until_the_old_recording_is_back(whole: Any, bodies: Any) -> None:
    before = whole.cassette(CHAT).read_bytes()
    whole.edit(CHAT, bodies(without_total))
    whole.acetate("reject", "--all", "--reason", "the provider says it is a bug")
    code, said = whole.acetate("check")
    assert code == 1
    assert "rejected: the provider says it is a bug" in said
    whole.cassette(CHAT).write_bytes(before)
    assert whole.acetate("check")[0] == 0


# What is not news

TEXTS = frozenset({"content", "text"})
NUMBERS = frozenset({"created", "seed", "prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens"})


def otherwise(value: Any, key: str = "") -> Any:
    """The same answer on another day: other words, ids, times and counts, its keys in another order."""
    if isinstance(value, dict):
        return {name: otherwise(each, name) for name, each in reversed(value.items())}
    if isinstance(value, list):
        return [otherwise(each) for each in value]
    if isinstance(value, str) and key in TEXTS:
        return f"{value} Or something else."
    if isinstance(value, str) and key == "id":
        return f"{value[::-1]}-other"
    if isinstance(value, int) and key in NUMBERS:
        return value + 1
    return value


def test_other_words_ids_times_counts_order_and_white_space_are_no_change(whole: Any, bodies: Any) -> None:
    edited = 0
    for name in whole.names():
        before = whole.exchanges(name)
        whole.edit(name, bodies(otherwise, indent=3))
        edited += sum(
            old.response.body != new.response.body for old, new in zip(before, whole.exchanges(name), strict=True)
        )
    assert edited > 80
    assert whole.changes() == []


# What really happened

HUB = "huggingface_hub/TestInferenceClient.test_chat_completion_"
JS = "openllmetry-js-har/should-set-attributes-in-span-for-"
PYDANTIC = "pydantic-ai-hf-router/"
FORCED = f"{PYDANTIC}TestToolChoiceRequired.test_required_forces_tool_use@2025-12-"
MIXTRAL_2024 = "openllmetry/test_together_chat_legacy@2024-06-06-a658602.yaml"
MIXTRAL_2025 = f"{JS}chat@2025-02-19-4ae2198.har"
QWEN_STREAM_2025 = f"{JS}streaming-chat@2025-02-20-98c1618.har"
LLAMA_STREAM_2025 = f"{HUB}with_stream[together,conversational].yaml"
LLAMA_2026, LLAMA_STREAM_2026 = f"{CHAT}.yaml", f"{STREAM}.yaml"
SCOUT_21, SCOUT_22 = f"{FORCED}21-aa1f88a.yaml", f"{FORCED}22-bac470c.yaml"
SCOUT_2026 = [
    f"{PYDANTIC}test_tool_choice[huggingface-required-forces-tool]@2026-01-06-2df5eee.yaml",
    f"{PYDANTIC}test_tool_choice[huggingface-required-forces-tool]@2026-01-06-db3e24e.yaml",
    f"{PYDANTIC}test_tool_choice[huggingface-required-forces-tool]@2026-01-12-dc34d1b.yaml",
    f"{PYDANTIC}test_tool_choice_matrix[required-huggingface]@2026-01-29-af83e56.yaml",
]
MAVERICK_2025 = "mirascope/test_call__Llama_4_Maverick_17B_128E_Instruct_FP8__sync.yaml"

NATURAL_END = ("enum-value-replaced", "$.choices[].finish_reason")
CACHED_TOKENS = ("field-added", "$.usage.cached_tokens")
SEED = ("field-added", "$.choices[].seed")
TOOL_CALLS = ("field-added", "$.choices[].message.tool_calls")
REASONING = ("field-added", "$.choices[].message.reasoning")
STREAMED_TOOL_CALLS = "$.choices[].delta.tool_calls"

DRIFT = [
    pytest.param(MIXTRAL_2025, LLAMA_2026, {NATURAL_END, CACHED_TOKENS}, id="D2 D3 a natural end is stop"),
    pytest.param(QWEN_STREAM_2025, LLAMA_STREAM_2026, {NATURAL_END, CACHED_TOKENS}, id="D2 D3 in a stream"),
    pytest.param(MIXTRAL_2024, MIXTRAL_2025, {SEED, TOOL_CALLS}, id="D4 seed and tool calls came"),
    pytest.param(MIXTRAL_2025, MAVERICK_2025, {NATURAL_END, ("field-added", "$.metadata")}, id="D5 metadata came"),
    *(pytest.param(early, late, {REASONING}, id=f"D6 {early[-22:-13]} {late[-23:-13]}")
      for early in (SCOUT_21, SCOUT_22) for late in SCOUT_2026),
]  # fmt: skip


@pytest.mark.parametrize(("earlier", "later", "expected"), DRIFT)
def test_what_a_provider_changed_is_seen_in_a_project_of_one_cassette(
    together: Path, alone: Any, earlier: str, later: str, expected: set[tuple[str, str]]
) -> None:
    alone.put(together / earlier, "chat")
    alone.approve()
    assert alone.changes() == []
    alone.put(together / later, "chat")
    assert expected <= alone.kinds()


@pytest.mark.parametrize(("earlier", "later", "expected"), DRIFT)
def test_what_a_provider_changed_is_seen_in_a_project_that_knows_both_forms(
    together: Path, whole: Any, earlier: str, later: str, expected: set[tuple[str, str]]
) -> None:
    whole.put(together / later, Path(earlier).with_suffix("").as_posix())
    assert expected <= whole.kinds()


STREAMS = [LLAMA_STREAM_2025, QWEN_STREAM_2025]


@pytest.mark.parametrize("earlier", STREAMS)
def test_a_key_that_left_every_chunk_is_a_break_where_every_chunk_had_it(
    together: Path, alone: Any, earlier: str
) -> None:
    """D7"""
    alone.put(together / earlier, "chat")
    alone.approve()
    alone.put(together / LLAMA_STREAM_2026, "chat")
    assert ("field-removed", STREAMED_TOOL_CALLS) in alone.kinds()


@pytest.mark.parametrize("earlier", STREAMS)
def test_a_key_that_left_every_chunk_is_to_review_where_some_never_had_it(
    together: Path, whole: Any, earlier: str
) -> None:
    """D7"""
    whole.put(together / LLAMA_STREAM_2026, Path(earlier).with_suffix("").as_posix())
    assert ("optional-field-removed", STREAMED_TOOL_CALLS) in whole.kinds()


def test_a_seed_that_became_null_is_a_break_where_it_was_always_a_number(together: Path, alone: Any) -> None:
    """D5"""
    alone.put(together / MIXTRAL_2025, "chat")
    alone.approve()
    alone.put(together / MAVERICK_2025, "chat")
    assert ("became-nullable", "$.choices[].seed") in alone.kinds()


def test_another_spelling_of_ids_and_another_layout_are_no_change(together: Path, alone: Any) -> None:
    """D1, D9, D10: the same model in 2024 and in 2025 differs in nothing but the fields of D4."""
    alone.put(together / MIXTRAL_2024, "chat")
    alone.approve()
    alone.put(together / MIXTRAL_2025, "chat")
    assert {(each["kind"], each["path"]) for each in alone.changes()} == {SEED, TOOL_CALLS}


def test_an_accepted_drift_passes_from_then_on_and_can_be_taken_back(together: Path, alone: Any) -> None:
    alone.put(together / QWEN_STREAM_2025, "chat")
    alone.approve()
    alone.put(together / LLAMA_STREAM_2026, "chat")
    before, seen = alone.approved(), alone.changes()
    assert len(seen) > 3
    for change in reversed(seen):
        assert alone.acetate("accept", change["fingerprint"])[0] == 0
    assert alone.acetate("check")[0] == 0
    for _ in seen:
        assert alone.acetate("undo")[0] == 0
    assert alone.approved() == before


# Two branches


def git(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", *who, "-C", str(root), *words], capture_output=True, text=True, check=False)


def commit(root: Path, message: str) -> None:
    git(root, "add", ".")
    done = git(root, "commit", "--quiet", "--message", message)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def repository(whole: Any) -> Any:
    git(whole.root, "init", "--quiet", "--initial-branch=main")
    commit(whole.root, "approved")
    return whole


def test_the_same_accept_on_two_branches_merges(repository: Any, bodies: Any) -> None:
    repository.edit(CHAT, bodies(without_total))
    commit(repository.root, "recorded again")
    for branch in ("one", "two"):
        git(repository.root, "switch", "--quiet", "--create", branch, "main")
        assert repository.acetate("accept", "--all", "--reason", f"seen on {branch}")[0] == 0
        commit(repository.root, f"accepted on {branch}")
    merged = git(repository.root, "merge", "--quiet", "--no-edit", "one")
    assert merged.returncode == 0, merged.stdout
    assert repository.acetate("check")[0] == 0
    assert {each["why"] for each in repository.decisions()[-2:]} == {"seen on one", "seen on two"}


def test_accepts_that_conflict_in_a_contract_are_cured_by_rebuilding(repository: Any, bodies: Any) -> None:
    names = plain_chats(repository)
    for branch, edited in (("one", names[:1]), ("two", names[1:3])):
        git(repository.root, "switch", "--quiet", "--create", branch, "main")
        for name in edited:
            repository.edit(name, bodies(without_total))
        assert repository.acetate("accept", "--all")[0] == 0
        commit(repository.root, f"accepted on {branch}")
    assert git(repository.root, "merge", "--quiet", "--no-edit", "one").returncode == 1
    contract = "contracts/together/chat.completions/200.json"
    assert git(repository.root, "diff", "--name-only", "--diff-filter=U").stdout.split() == [contract]
    code, said = repository.acetate("check")
    assert code == 2
    assert contract in said
    assert "acetate accept --rebuild" in said
    assert repository.acetate("accept", "--rebuild") == (0, f"derived again  {contract}\n")
    assert repository.acetate("check")[0] == 0
    commit(repository.root, "merged")
    assert lacking_total(repository.root / contract) == 3


def lacking_total(contract: Path) -> int:
    """How many approved exchanges lack the field, as the contract counts them: `54 of 57`."""
    usage = json.loads(contract.read_text())["properties"]["usage"]
    present, _, of = usage["properties"]["total_tokens"]["x-acetate"]["presence"].partition(" of ")
    return int(of) - int(present)


def test_a_pull_request_shows_what_its_author_accepted(repository: Any, bodies: Any) -> None:
    git(repository.root, "switch", "--quiet", "--create", "branch")
    repository.edit(CHAT, bodies(without_total))
    repository.acetate("accept", "--all", "--reason", "handled in #88")
    code, said = repository.acetate("check", "--against", "main")
    assert code == 0
    assert "$.usage.total_tokens" in said
    assert "approved: handled in #88" in said


# One mutation for each kind


def changed(path: str, value: Any) -> Any:
    """An edit that sets what lies at a dotted path of the body (or, given a function, replaces it)."""

    def edit(body: Any) -> Any:
        *above, last = [int(step) if step.isdecimal() else step for step in path.split(".")]
        here = body
        for step in above:
            here = here[step]
        here[last] = value(here[last]) if callable(value) else value
        return body

    return edit


def renamed(body: Any) -> Any:
    body["usage"]["all_tokens"] = body["usage"].pop("total_tokens")
    return body


def moved(body: Any) -> Any:
    body["total_tokens"] = body["usage"].pop("total_tokens")
    return body


def removed(body: Any) -> Any:
    del body["created"]
    return body


def added(body: Any) -> Any:
    return {**body, "system_fingerprint": ["x"]}


def second_choice(**changes: Any) -> Any:
    def edit(body: Any) -> Any:
        body["choices"].append({**body["choices"][0], **changes})
        return body

    return edit


def same(body: Any) -> Any:
    return body


# kind, path, the recording as it was approved, and as it is seen now
BODIES = [
    ("field-removed", "$.created", same, removed),
    ("field-added", "$.system_fingerprint", same, added),
    ("field-renamed", "$.usage.total_tokens", same, renamed),
    ("field-moved", "$.usage.total_tokens", same, moved),
    ("body-wrapped", "$", same, lambda body: {"data": body}),
    ("body-unwrapped", "$.data", lambda body: {"data": body}, same),
    ("became-nullable", "$.usage", same, changed("usage", None)),
    ("type-changed", "$.created", same, changed("created", str)),
    ("type-widened", "$.usage.total_tokens", same, changed("usage.total_tokens", 1.5)),
    ("scalar-became-object", "$.created", same, changed("created", {"at": 1})),
    ("object-became-scalar", "$.usage", same, changed("usage", 91)),
    ("scalar-became-array", "$.choices[].message.content", same, changed("choices.0.message.content", ["x"])),
    ("array-became-scalar", "$.choices", same, changed("choices", "x")),
    ("enum-value-added", "$.choices[].finish_reason", same, second_choice(finish_reason="content_filter")),
    ("enum-value-replaced", "$.choices[].finish_reason", same, changed("choices.0.finish_reason", "eos")),
    ("const-changed", "$.object", same, changed("object", "chat.answer")),
    ("array-may-be-empty", "$.choices", same, changed("choices", [])),
    ("value-changed", "$.model", same, changed("model", "meta-llama/Llama-4")),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "path", "approved", "seen"), BODIES, ids=[each[0] for each in BODIES])
def test_each_kind_is_seen_at_its_path_and_nothing_else(
    together: Path, alone: Any, bodies: Any, kind: str, path: str, approved: Any, seen: Any
) -> None:
    alone.put(together / LLAMA_2026, "chat")
    alone.edit("chat", bodies(approved))
    alone.approve()
    alone.put(together / LLAMA_2026, "chat")
    alone.edit("chat", bodies(seen))
    assert [(each["kind"], each["path"]) for each in alone.changes()] == [(kind, path)]
    assert alone.acetate("accept", "--all")[0] == 0
    assert alone.changes() == []


def test_a_field_that_only_some_had_is_to_review_when_it_is_gone(together: Path, alone: Any, bodies: Any) -> None:
    for name in ("with", "without"):
        alone.put(together / LLAMA_2026, name)
    alone.edit("without", bodies(removed))
    alone.approve()
    alone.edit("with", bodies(removed))
    assert [(each["kind"], each["path"]) for each in alone.changes()] == [("optional-field-removed", "$.created")]


def answered(status: int, media_type: str, body: bytes) -> Any:
    def edit(exchange: Exchange) -> Exchange:
        response = replace(
            exchange.response, status=status, body=body, headers=(("content-type", media_type), ("x-request-id", "1"))
        )
        return replace(exchange, response=response)

    return edit


def without_header(exchange: Exchange) -> Exchange:
    return replace(exchange, response=replace(exchange.response, headers=(("content-type", "application/json"),)))


OK = answered(200, "application/json", b'{"object": "chat.completion"}')
PROTOCOL = [
    ("status-added", "$status", answered(202, "application/json", b'{"object": "chat.completion"}')),
    ("error-status-added", "$status", answered(429, "application/json", b'{"error": {"message": "slow down"}}')),
    ("content-type-changed", "$headers.content-type", answered(200, "text/html", b"<h1>Bad gateway</h1>")),
    ("header-removed", "$headers.x-request-id", lambda exchange: without_header(OK(exchange))),
]


@pytest.mark.parametrize(("kind", "path", "seen"), PROTOCOL, ids=[each[0] for each in PROTOCOL])
def test_each_kind_of_the_protocol_is_seen_at_its_path_and_nothing_else(
    together: Path, alone: Any, kind: str, path: str, seen: Any
) -> None:
    alone.put(together / LLAMA_2026, "chat")
    alone.edit("chat", OK)
    alone.approve()
    alone.edit("chat", seen)
    assert [(each["kind"], each["path"]) for each in alone.changes()] == [(kind, path)]
    assert alone.acetate("accept", "--all")[0] == 0
    assert alone.changes() == []


def chunked(edit: Any) -> Any:
    """An edit of the chunks of a stream: `edit` takes all of them as JSON and gives those that are sent instead."""

    def edited(exchange: Exchange) -> Exchange:
        lines = exchange.response.body.decode().split("\n\n")
        chunks = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")]
        sent = [*(f"data: {json.dumps(each)}" for each in edit(chunks)), "data: [DONE]", ""]
        return replace(exchange, response=replace(exchange.response, body="\n\n".join(sent).encode()))

    return edited


def without_end(exchange: Exchange) -> Exchange:
    body = exchange.response.body.replace(b"data: [DONE]\n\n", b"")
    return replace(exchange, response=replace(exchange.response, body=body))


def typed(*more: str) -> Any:
    """The chunks as another dialect sends them: each says its type, the first one another than the rest."""

    def edit(chunks: list[Any]) -> list[Any]:
        kinds = ["start", *["piece"] * (len(chunks) - 1)]
        return [{**each, "type": kind} for each, kind in zip(chunks, kinds, strict=True)] + [
            {**chunks[0], "type": kind} for kind in more
        ]

    return chunked(edit)


def usage_in_every_chunk(chunks: list[Any]) -> list[Any]:
    return [{**each, "usage": chunks[-1]["usage"]} for each in chunks]


STREAM_KINDS = [
    ("stream-terminator-missing", "$terminator", same, without_end),
    ("stream-field-phase-moved", "$.usage", same, chunked(usage_in_every_chunk)),
    ("stream-event-type-added", "$.type", typed(), typed("note")),
    ("stream-event-type-removed", "$.type", typed("note"), typed()),
]


@pytest.mark.parametrize(("kind", "path", "approved", "seen"), STREAM_KINDS, ids=[each[0] for each in STREAM_KINDS])
def test_each_kind_of_a_stream_is_seen_at_its_path_and_nothing_else(
    together: Path, alone: Any, kind: str, path: str, approved: Any, seen: Any
) -> None:
    alone.put(together / LLAMA_STREAM_2026, "chat")
    alone.edit("chat", approved)
    alone.approve()
    alone.put(together / LLAMA_STREAM_2026, "chat")
    alone.edit("chat", seen)
    assert [(each["kind"], each["path"]) for each in alone.changes()] == [(kind, path)]
    assert alone.acetate("accept", "--all")[0] == 0
    assert alone.changes() == []


def test_every_kind_that_an_exchange_of_this_recording_can_show_is_in_the_matrix() -> None:
    shown = {each[0] for each in [*BODIES, *PROTOCOL, *STREAM_KINDS]} | {"optional-field-removed"}
    catalogued = {kind.id for kind in KINDS.values() if kind.seen_in == "exchange" and kind.group != "Library"}
    assert catalogued - shown == {
        # One response cannot show that the wider type is gone.
        # No time and no JSON text stands in this recording.
        "format-changed",
        "format-lost",
        # No comparison tells these apart from the kinds above.
        "object-became-map",
        "map-became-object",
        "array-became-map",
        "map-became-array",
        "order-changed",
        "length-changed",
        "unclassified",
        "request-drift",
        # Of a stream's types, where another approved stream did without.
        "enum-value-removed",
    }


def test_the_recordings_of_others_are_left_as_they_are(together: Path, alone: Any) -> None:
    before = (together / LLAMA_2026).read_bytes()
    shutil.copytree(
        together / "openinference", alone.root / "cassettes" / "openinference", copy_function=shutil.copyfile
    )
    alone.approve()
    assert alone.cassette(CHAT).read_bytes() == before
    assert (together / LLAMA_2026).read_bytes() == before
