"""show, explain, log, status: what there is, in plain and aligned text."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from acetate.kind import KINDS
from tests.toolkit.tapes import asked, ran, tape

KEY = "sk-" + "0123456789abcdefABCDEF0123456789"


def prefix(sandbox: Any, length: int = 8) -> str:
    return str(sandbox.check().changes[0].fingerprint[:length])


# show


def test_a_change_is_shown_with_both_sides_and_all_its_places(sandbox: Any, run: Any) -> None:
    for name in ("a", "b", "c"):
        sandbox.record(name, sandbox.reply())
    run("accept", "--all")
    for name in ("a", "b"):
        sandbox.record(name, sandbox.reply(usage=None))
    done = run("show", prefix(sandbox, 5))
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0].endswith("  became-nullable  error  consume")
    assert lines[1] == "together:chat.completions 200  $.usage"
    assert lines[2] == '  approved  "object", present in 3 of 3'
    assert lines[3] == '  now       "null"'
    assert "seen in 2 of 3 exchanges, in 2 cassettes" in lines
    assert "  cassettes/a#0  $.usage  (meta-llama/Llama-3.3-70B-Instruct-Turbo)" in lines
    assert "  cassettes/b#0  $.usage  (meta-llama/Llama-3.3-70B-Instruct-Turbo)" in lines
    assert '  +  "usage": null' in lines
    assert '  -    "total_tokens": "<int>"' in lines
    assert lines[-1] == "  acetate explain became-nullable"


def test_a_change_of_something_new_shows_what_would_be_approved(sandbox: Any, run: Any) -> None:
    sandbox.record("a", sandbox.reply())
    done = run("show", prefix(sandbox))
    assert "nothing is approved of this exchange" in done.out
    assert '"content": "<text>"' in done.out
    assert "The sky is blue." not in done.out


def test_a_decision_is_shown_with_its_change(sandbox: Any, run: Any) -> None:
    sandbox.record("a", sandbox.reply())
    run("reject", "--all", "--reason", "not yet")
    assert "  decided   rejected: not yet" in run("show", prefix(sandbox)).out.splitlines()


def test_a_change_that_no_cassette_shows_is_shown_without_sides(sandbox: Any, run: Any) -> None:
    sandbox.record("a", sandbox.reply())
    sandbox.record("error", {"error": {"message": "slow down"}}, status=429)
    run("accept", "--all")
    (sandbox.root / "cassettes/a.yaml").unlink()
    done = run("show", prefix(sandbox))
    assert (done.code, "status-removed" in done.out) == (0, True)
    assert "approved and now" not in done.out


def test_a_difference_outside_of_the_body_is_said(sandbox: Any, run: Any) -> None:
    sent = {"content-type": "application/json", "x-request-id": "1"}
    sandbox.record("a", sandbox.reply(), headers=sent)
    run("accept", "--all")
    sandbox.record("a", sandbox.reply())
    assert "header-removed" in run("show", prefix(sandbox)).out
    assert "the bodies are alike" in run("show", prefix(sandbox)).out


def test_a_change_since_a_commit_is_shown_with_both_sides(sandbox: Any, run: Any, git: Any) -> None:
    sandbox.record("a", sandbox.reply())
    run("accept", "--all")
    git("add", ".")
    git("commit", "--quiet", "--message", "first")
    sandbox.record("a", sandbox.reply(usage=None))
    run("accept", "--all")
    (change,) = json.loads(run("check", "--against", "main", "--format", "json").out)["changes"]
    name = change["fingerprint"][:8]
    done = run("show", name, "--against", "main")
    assert done.code == 0, done.err
    assert '+  "usage": null' in done.out
    assert f'acetate accept {name} --against main --reason "..."' in done.out
    assert (run("show", name).code, run("show", "0123", "--against", "main").next) == (
        2,
        "acetate check --against main   (lists them)",
    )
    assert run("show", "cassettes/a#0", "--against", "main").next == "acetate show 'cassettes/a#0'"


def test_a_fingerprint_that_is_not_seen_says_how_to_list_them(run: Any) -> None:
    done = run("show", "abc")
    assert (done.code, done.next) == (2, "acetate check   (lists them)")


def test_a_cassette_without_number_says_how_to_name_an_exchange(sandbox: Any, run: Any) -> None:
    sandbox.record("a", sandbox.reply())
    assert run("show", "cassettes/a").next.startswith("acetate show 'cassettes/a#0'")


def test_an_exchange_is_shown_as_it_was_sent_and_answered(sandbox: Any, run: Any) -> None:
    sandbox.record("a", sandbox.reply(), sandbox.reply(id="second"))
    done = run("show", "cassettes/a#1")
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0] == "cassettes/a#1  together:chat.completions 200"
    assert "POST https://api.together.xyz/v1/chat/completions" in lines
    assert '      "content": "question 1"' in lines
    assert "200 OK" in lines
    assert '  "id": "second",' in lines


@pytest.mark.parametrize("name", ["a.yaml", "./a", "../cassettes/a"])
def test_an_exchange_is_named_from_the_current_folder_too(
    sandbox: Any, run: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    sandbox.record("a", sandbox.reply())
    monkeypatch.chdir(sandbox.root / "cassettes")
    assert run("show", f"{name}#0").out.startswith("cassettes/a#0")


def test_an_exchange_that_is_not_there_names_the_first(sandbox: Any, run: Any) -> None:
    sandbox.record("a", sandbox.reply())
    done = run("show", "cassettes/a#1")
    assert done.code == 2
    assert "holds 1 exchange, numbered from 0" in done.err
    assert done.next == "acetate show 'cassettes/a#0'"
    sandbox.record("a")
    assert run("show", "cassettes/a#0").next == "record it again"


def test_a_folder_names_no_exchange(sandbox: Any, run: Any) -> None:
    sandbox.record("a", sandbox.reply())
    sandbox.record("b", sandbox.reply())
    done = run("show", "cassettes#0")
    assert (done.code, done.next) == (2, "acetate show 'cassettes/a#0'")


def chunk(delta: dict[str, Any], **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": None, **more}
    return {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


def test_a_stream_is_shown_as_events_and_the_reply_they_add_up_to(sandbox: Any, run: Any) -> None:
    path = sandbox.stream("s", chunk({"role": "assistant", "content": "Hel"}), chunk({"content": "lo"}))
    document = json.loads(path.read_text())
    size = len(document["interactions"][0]["response"]["body"]["string"].encode())
    document["interactions"][0]["response"]["acetate"] = {
        "version": 1,
        "recorded_at": "2026-11-22T10:00:00.000Z",
        "source": "api.together.ai",
        "test": "tests/test_chat.py::test_hello",
        "chunks": [[120, 20], [345, size - 20]],
    }
    path.write_text(json.dumps(document))
    lines = run("show", "cassettes/s#0").out.splitlines()
    assert lines[0] == "cassettes/s#0  together:chat.completions 200 stream"
    assert lines[1:4] == [
        "  recorded  2026-11-22T10:00:00.000Z",
        "  source    api.together.ai",
        "  test      tests/test_chat.py::test_hello",
    ]
    moments = [line[:16] for line in lines if line[:4].strip().isdigit() and " ms  " in line]
    assert moments == ["   0     120 ms ", "   1     345 ms ", "   2     345 ms "]
    assert any(line.endswith("[DONE]") for line in lines)
    assert "the reply that these events add up to" in lines
    assert '        "content": "Hello"' in lines


def test_the_type_of_a_named_event_is_shown(sandbox: Any, run: Any) -> None:
    text = 'event: message_start\ndata: {"type": "message_start"}\n\n'
    sandbox.record("s", text, headers={"content-type": "text/event-stream"})
    assert '   0  message_start  {"type": "message_start"}' in run("show", "cassettes/s#0").out.splitlines()


def with_request(sandbox: Any, **changes: Any) -> None:
    path = sandbox.record("a", sandbox.reply())
    document = json.loads(path.read_text())
    document["interactions"][0]["request"].update(changes)
    path.write_text(json.dumps(document))


def test_no_secret_of_a_foreign_recording_is_printed(sandbox: Any, run: Any) -> None:
    with_request(sandbox, headers={"authorization": [f"Bearer {KEY}"], "x-api-key": [KEY]})
    done = run("show", "cassettes/a#0")
    assert done.code == 0
    assert "POST https" in done.out
    assert KEY not in done.out + done.err


def test_an_exchange_in_which_a_secret_is_left_is_not_printed_at_all(
    sandbox: Any, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOGETHER_API_KEY", KEY)
    half = KEY[: len(KEY) // 2]
    with_request(sandbox, body=json.dumps({"model": "m", "note": f"my key starts with {half}"}))
    done = run("show", "cassettes/a#0")
    assert done.code == 2
    assert "looks like a secret" in done.err
    assert done.next
    assert half not in done.out + done.err


def test_what_is_no_json_is_shown_line_by_line_and_cannot_move_the_cursor(sandbox: Any, run: Any) -> None:
    sandbox.record("a", "<h1>Bad\x1b[2J</h1>\n<p>\u202egateway</p>", status=502, headers={"content-type": "text/html"})
    lines = run("show", "cassettes/a#0").out.splitlines()
    assert "<h1>Bad\\x1b[2J</h1>" in lines
    assert "<p>\\u202egateway</p>" in lines


# explain


def test_all_kinds_are_listed_with_their_levels(run: Any) -> None:
    lines = run("explain").out.splitlines()
    assert lines[0].split() == ["kind", "group", "consume", "provide"]
    assert [line.split()[0] for line in lines[1 : len(KINDS) + 1]] == list(KINDS)
    assert lines[-1] == "next: acetate explain KIND"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_explained_with_a_level_that_can_be_set(sandbox: Any, run: Any, kind: str) -> None:
    done = run("explain", kind)
    assert done.code == 0
    assert done.out.startswith(f"{kind}   (")
    assert all(len(line) <= 100 for line in done.out.splitlines())
    table = done.out.partition("[tool.acetate.severity]\n  ")[2].strip()
    (sandbox.root / "acetate.toml").write_text(f"[severity]\n{table}\n")
    assert run("status").code == 0


def test_a_kind_that_does_not_exist_names_the_nearest(run: Any) -> None:
    assert run("explain", "field-remved").next == "acetate explain field-removed"
    assert run("explain", "zzzz").next.startswith("acetate explain   ")


# log


def test_an_empty_log_says_so(run: Any) -> None:
    assert run("log").out == "no decision yet\n"


def test_the_log_tells_who_when_why_and_what_newest_first(sandbox: Any, run: Any, git: Any) -> None:
    git("config", "user.name", "Grace")
    sandbox.record("a", sandbox.reply())
    sandbox.stream("s", chunk({"content": "x"}))
    run("accept", "--all", "--reason", "baseline")
    run("undo")
    lines = run("log").out.splitlines()
    assert lines[0].endswith("  undone by Grace")
    assert lines[3] == ""
    assert lines[4].endswith("  approved by Grace")
    assert lines[5] == "  why: baseline"
    assert lines[6].endswith("  exchange-unapproved  together:chat.completions 200 stream  $")
    assert len(lines) == 8


def test_a_decision_of_the_service_says_so(sandbox: Any, run: Any) -> None:
    sandbox.record("a", sandbox.reply())
    run("accept", "--all")
    file = next((sandbox.root / "contracts/.reviews").iterdir())
    file.write_text(file.read_text().replace('"terminal"', '"service"'))
    assert ", via the service" in run("log").out


@pytest.mark.parametrize(
    ("what", "kinds"),
    [
        ("cassettes/chat/a", 1),
        ("cassettes/chat/a.yaml", 1),
        ("cassettes/chat", 1),
        ("cassettes", 2),
        ("snapshots/cassettes/b.json", 1),
        ("contracts/together/chat.completions/200.json", 2),
        ("cassettes/ch", 0),
        ("b", 0),
    ],
)
def test_the_log_of_a_path_holds_its_decisions_only(sandbox: Any, run: Any, what: str, kinds: int) -> None:
    sandbox.record("chat/a", sandbox.reply())
    sandbox.record("b", sandbox.reply())
    sandbox.accept()
    sandbox.record("chat/a", sandbox.reply(usage=None))
    sandbox.record("b", sandbox.reply(prompt=None))
    run("accept", "--kind", "became-nullable")
    out = run("log", what).out
    assert out.count("became-nullable") == kinds
    assert (f"no decision on `{what}`" in out) == (kinds == 0)


def test_the_log_is_asked_from_the_current_folder_or_by_fingerprint(
    sandbox: Any, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.record("chat/a", sandbox.reply())
    named = prefix(sandbox)
    run("accept", "--all")
    assert "exchange-unapproved" in run("log", named.upper()).out
    monkeypatch.chdir(sandbox.root / "cassettes/chat")
    assert "exchange-unapproved" in run("log", "a.yaml").out


# status


def test_the_stock_tells_size_calls_models_and_dates(sandbox: Any, run: Any) -> None:
    headers = {"content-type": "application/json", "date": "Sun, 22 Nov 2026 10:00:00 GMT"}
    path = sandbox.record("a", sandbox.reply(), sandbox.reply(id="2"), headers=headers)
    lines = run("status").out.splitlines()
    assert lines == [
        "sandbox  1 cassette, 2 exchanges, 0 approved",
        "",
        "cassettes/a",
        f"  2 exchanges, 0 approved, {path.stat().st_size:,} bytes, recorded 2026-11-22",
        "  calls   together:chat.completions 2",
        "  models  meta-llama/Llama-3.3-70B-Instruct-Turbo",
    ]


def test_the_stock_says_what_is_amiss_and_what_to_type(sandbox: Any, run: Any) -> None:
    sandbox.record("gone", sandbox.reply())
    run("accept", "--all")
    (sandbox.root / "cassettes/gone.yaml").unlink()
    with_request(sandbox, headers={"authorization": [f"Bearer {KEY}"]})
    (sandbox.root / "cassettes/x.har").write_text("{}")
    (sandbox.root / "cassettes/broken.yaml").write_text("- nothing")
    done = run("status")
    assert done.code == 0
    assert KEY not in done.out
    lines = done.out.splitlines()
    for title, name in (
        ("approved, but no recording answers to it any more: 1", "  snapshots/cassettes/gone.json"),
        ("looks like a secret: 1", "  cassettes/a#0"),
        ("not a cassette: 1", "  cassettes/x.har"),
    ):
        place = lines.index(title)
        assert lines[place + 1] == name
        assert lines[place + 2].startswith("  next: ")
    assert "  cassettes/broken.yaml: it is a bare list, as vcrpy wrote before its version 1" in lines


def test_the_stock_lists_what_no_test_of_a_complete_run_asked_for(sandbox: Any, run: Any) -> None:
    project = sandbox.project()
    tape(project, "cassettes/one", asked("a", "1"), asked("b", "2"))
    tape(project, "cassettes/closed", asked("c", "3"))
    assert "asked for" not in run("status").out, "nobody knows yet"
    ran(project, ["tests/test_chat.py::test_hello"], {"cassettes/one": [0]})
    tape(project, "cassettes/later", asked("d", "4"))
    lines = run("status").out.splitlines()
    place = lines.index("no test of the last complete run asked for it: 2")
    assert lines[place + 1 : place + 4] == [
        "  cassettes/closed.yaml",
        "  cassettes/one#1",
        "  next: acetate prune",
    ]
    place = lines.index("changed since the last complete run, so nobody knows if it is used: 1")
    assert lines[place + 1] == "  cassettes/later.yaml"
    stock = json.loads(run("status", "--format", "json").out)
    assert (len(stock["unused"]), stock["stale"]) == (2, ["cassettes/later.yaml"])


def test_an_empty_project_says_how_to_begin(run: Any) -> None:
    assert "next: acetate init" in run("status").out


def test_the_stock_as_json_says_the_same(sandbox: Any, run: Any) -> None:
    sandbox.record("a", sandbox.reply())
    (sandbox.root / "cassettes/broken.yaml").write_text("- nothing")
    stock = json.loads(run("status", "--format", "json").out)
    assert stock["schema"] == "acetate.status/1"
    assert [each["name"] for each in stock["cassettes"]] == ["cassettes/a", "cassettes/broken"]
    assert set(stock["cassettes"][1]["problems"][0]) == {"where", "problem", "next"}


def test_a_recording_in_yaml_is_shown_like_one_in_json(sandbox: Any, run: Any) -> None:
    path = sandbox.record("a", sandbox.reply())
    before = run("show", "cassettes/a#0").out
    path.write_text(yaml.safe_dump(json.loads(path.read_text())))
    assert run("show", "cassettes/a#0").out == before
