"""Cassettes: vcrpy's own format, read from anybody, written so that nothing is ever lost."""

from __future__ import annotations

import base64
import gzip
import json
import os
import subprocess
import sys
import threading
import urllib.request
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import brotli
import pytest
import vcr
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from vcr.persisters.filesystem import FilesystemPersister
from vcr.serialize import serialize
from vcr.serializers import jsonserializer, yamlserializer

from acetate.cassette import Cassette, Playback, name_of, read_exchanges, rendered
from acetate.document import careful, fast
from acetate.errors import AcetateError, CassetteError
from acetate.exchange import Exchange, Headers, Recording, RedactedExchange, Request, Response

URI = "https://api.together.ai/v1/chat/completions"


def exchange(question: str = "hello", answer: bytes = b'{"id": "x"}', **response: Any) -> RedactedExchange:
    return RedactedExchange(
        Exchange(
            Request("POST", URI, (("content-type", "application/json"),), json.dumps({"q": question}).encode()),
            Response(200, "OK", **({"headers": (("content-type", "application/json"),)} | response), body=answer),
        )
    )


def recorded(root: Path, *exchanges: RedactedExchange, name: str = "chat") -> Path:
    cassette = Cassette(root / f"{name}.yaml", root)
    for each in exchanges:
        cassette.append(each)
    cassette.replace()
    return cassette.path


def refusal(root: Path, content: str | bytes, name: str = "chat.yaml") -> CassetteError:
    (root / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(CassetteError) as caught:
        Cassette.load(root / name, root)
    return caught.value


# Reading


def test_a_cassette_is_named_by_its_path_without_suffix(tmp_path: Path) -> None:
    path = tmp_path / "tests" / "cassettes" / "test_chat" / "test_hello[gpt-4.1].yaml"
    assert name_of(path, tmp_path) == "tests/cassettes/test_chat/test_hello[gpt-4.1]"


@pytest.mark.parametrize("path", ["../chat.yaml", "link/chat.yaml", "/etc/chat.yaml"])
def test_a_cassette_outside_of_the_project_is_refused(tmp_path: Path, path: str) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (root / "link").symlink_to(tmp_path)
    with pytest.raises(CassetteError, match="outside the project"):
        Cassette(root / path, root)


def test_what_vcrpy_writes_is_read(tmp_path: Path) -> None:
    asked = vcr.request.Request("POST", URI, b'{"q": 1}', {"Accept": "*/*"})
    answered = {"status": {"code": 200, "message": "OK"}, "headers": {"A": ["1", "2"]}, "body": {"string": b"\xff"}}
    tape = {"requests": [asked, asked], "responses": [answered, answered | {"body": {"string": "für".encode()}}]}
    (tmp_path / "a.yaml").write_text(serialize(tape, yamlserializer))
    first, second = Cassette.load(tmp_path / "a.yaml", tmp_path).exchanges
    assert first.request == second.request == Request("POST", URI, (("Accept", "*/*"),), b'{"q": 1}')
    assert first.response == Response(200, "OK", (("A", "1"), ("A", "2")), b"\xff")
    assert second.response.body == "für".encode()


def test_what_vcrpys_json_serializer_writes_is_read(tmp_path: Path) -> None:
    asked = vcr.request.Request("GET", URI, None, {})
    answered = {"status": {"code": 200, "message": None}, "headers": {}, "body": {"string": "😀".encode()}}
    (tmp_path / "a.json").write_text(serialize({"requests": [asked], "responses": [answered]}, jsonserializer))
    assert Cassette.load(tmp_path / "a.json", tmp_path).exchanges == [
        Exchange(Request("GET", URI), Response(200, "", (), "😀".encode()))
    ]


LINES = """\
interactions:
- request: {method: GET, uri: 'https://x', body: null, headers: {}}
  response:
    status: {code: 200, message: OK}
    headers: {x-ratelimit-remaining: [08], x-cost: [1e3]}
    body: {string: hi}
version: 1
"""


@pytest.mark.parametrize("text", [LINES, "\ufeff" + LINES, LINES.replace("\n", "\r\n"), LINES.replace("\n", "\r")])
def test_scalars_of_yaml_1_1_and_other_line_ends_are_read_as_vcrpy_reads_them(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.yaml").write_bytes(text.encode())
    [only] = Cassette.load(tmp_path / "a.yaml", tmp_path).exchanges
    assert only.response.headers == (("x-ratelimit-remaining", "08"), ("x-cost", "1e3"))


def test_interactions_of_betamax_and_ruby_are_read() -> None:
    text = """
    http_interactions:
    - request: {method: get, uri: 'https://x', body: {encoding: US-ASCII, string: ''}, headers: {Accept: ['*/*']}}
      response: {status: {code: 200, message: OK}, headers: {}, body: {encoding: UTF-8, string: hi}}
      recorded_at: Tue, 01 Nov 2011 04:58:44 GMT
    recorded_with: VCR 6.0.0
    """
    [only] = read_exchanges(text, "a")
    assert (only.response.body, only.recording.recorded_at) == (b"hi", "2011-11-01T04:58:44.000Z")


@pytest.mark.parametrize("text", ["interactions: []\nversion: 1\n", "interactions:\n", '{"interactions": []}'])
def test_a_cassette_may_be_empty(text: str) -> None:
    assert read_exchanges(text, "a") == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "it is empty"),
        ("# nothing\n", "it is empty"),
        ("a: 1\n", "it is not a cassette: it has no list of `interactions`"),
        ("interactions: {}\n", "it is not a cassette: it has no list of `interactions`"),
        ("text", "it is not a cassette: it has no list of `interactions`"),
        ("- request: {}\n  response: {}\n", "it is a bare list, as vcrpy wrote before its version 1"),
        ("interactions: []\nversion: 2\n", "it has version 2 of the format; version 1 is known"),
    ],
)
def test_what_is_no_cassette_is_refused_with_the_way_out(tmp_path: Path, text: str, problem: str) -> None:
    error = refusal(tmp_path, text)
    assert (error.problem, error.where) == (problem, "chat.yaml")
    assert error.next == "record it again, or take back the last version of it with `git checkout -- chat.yaml`"


def test_a_broken_interaction_is_named_with_its_line(tmp_path: Path) -> None:
    text = rendered([exchange("a"), exchange("b")]).replace("code: 200", "code: none", 2).replace("none", "200", 1)
    error = refusal(tmp_path, text)
    assert error.where == "chat.yaml, interaction 1, line 20"
    assert error.problem == "the status of its response is not a number from 100 to 999"


def test_a_broken_interaction_is_named_without_its_line_where_the_layout_hides_it(tmp_path: Path) -> None:
    assert refusal(tmp_path, "interactions: [{}]").where == "chat.yaml, interaction 0"


def test_broken_yaml_is_named_with_its_line(tmp_path: Path) -> None:
    error = refusal(tmp_path, "interactions:\n- a: b: c\n")
    assert error.where == "chat.yaml, line 2"


def test_conflict_markers_name_the_fix(tmp_path: Path) -> None:
    error = refusal(tmp_path, "interactions:\n<<<<<<< HEAD\n- a\n=======\n- b\n>>>>>>> theirs\nversion: 1\n")
    assert error.problem == "a merge left conflict markers in it"
    assert "`git checkout --theirs chat.yaml`" in error.next


def test_conflict_markers_inside_a_body_are_text(tmp_path: Path) -> None:
    answer = b"<<<<<<< HEAD\na\n=======\nb\n>>>>>>> x\n"
    assert Cassette.load(recorded(tmp_path, exchange(answer=answer)), tmp_path).exchanges[0].response.body == answer


def test_a_cassette_of_a_newer_acetate_names_the_upgrade(tmp_path: Path) -> None:
    cassette = rendered([RedactedExchange(Exchange(Request("GET", URI), Response(200), Recording(source="a")))])
    error = refusal(tmp_path, cassette.replace("{version: 1,", "{version: 2,"))
    assert (error.problem, error.next) == ("it was written by a newer Acetate", "upgrade: `pip install -U acetate`")


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(CassetteError, match="there is no such file"):
        Cassette.load(tmp_path / "a.yaml", tmp_path)


def test_a_folder_is_not_a_cassette(tmp_path: Path) -> None:
    with pytest.raises(CassetteError, match="it cannot be read: Is a directory"):
        Cassette.load(tmp_path, tmp_path.parent)


def test_what_is_not_utf8_is_refused_with_its_byte(tmp_path: Path) -> None:
    assert refusal(tmp_path, b"interactions: '\xff'").problem == "byte 15 is not UTF-8"


# Hostile files: no code runs, under a second, under 64 MB more than reading an ordinary one, and a reason given.

PROBE = """
import resource, sys, time
from pathlib import Path
from acetate.cassette import Cassette, read_exchanges
from acetate.errors import CassetteError
try:
    read_exchanges("[", "a")  # brings in PyYAML
except CassetteError:
    pass
path = Path(sys.argv[1])
before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
try:
    Cassette.load(path, path.parent)
    said = "read"
except CassetteError as error:
    said = f"{error.problem} | {error.next}"
spent = time.process_time() - started
print(spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, said.encode("ascii", "replace").decode())
"""


def one(response: str, request: str = "{method: GET, uri: 'https://x'}") -> str:
    return f"interactions:\n- request: {request}\n  response: {response}\nversion: 1\n"


def packed(coding: str, body: bytes) -> str:
    binary = base64.b64encode(body).decode()
    return one(
        f"{{status: {{code: 200}}, headers: {{content-encoding: [{coding}]}}, body: {{string: !!binary {binary}}}}}"
    )


def laughs(first: str, link: str) -> str:
    steps = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))
    return f"a0: &a0 {first}\n{steps}{link}"


ZEROS = bytes(200 * 1024 * 1024)
HOSTILE: dict[str, Callable[[], str]] = {
    "code": lambda: one("!!python/object/apply:os.system ['touch escaped']"),
    "code in a body": lambda: one("{body: !!python/object/new:os.system ['touch escaped']}"),
    "aliases": lambda: laughs("[x, x]", "interactions: *a9\n"),
    "aliases, nameless": lambda: laughs("[x, x]", "interactions: *a9\n").replace("a", "ü"),
    "brackets": lambda: "interactions: " + "[" * 100_000,
    "closed brackets": lambda: "interactions: " + "[" * 100_000 + "]" * 100_000,
    "braces": lambda: "interactions: " + "{a: " * 100_000,
    "dashes": lambda: "- " * 100_000 + "a",
    "spread dashes": lambda: "-  " * 100_000 + "a",
    "questions": lambda: "? " * 100_000 + "a",
    "colons": lambda: ": " * 100_000 + "a",
    "keys of keys": lambda: "a: " + "{? " * 110 + "b" + "}" * 110,
    "steps": lambda: "".join(" " * n + "a:\n" for n in range(3000)),
    "json brackets": lambda: '{"interactions": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "a long integer": lambda: one("{status: " + "9" * 5000 + "}"),
    "a long integer of json": lambda: '{"interactions": ' + "9" * 5000 + "}",
    "not a number": lambda: one("{status: 200, parsed_body: {a: .nan}}"),
    "half a character": lambda: one('{status: 200, body: {string: "\\ud800"}}'),
    "half a character of json": lambda: json.dumps(
        {"interactions": [{"request": {"method": "\n", "uri": "\ud800"}, "response": {}}]}
    ),
    "a header in a header": lambda: one('{status: 200, headers: {a: ["b\\r\\nSet-Cookie: c"]}}'),
    "gzip bomb": lambda: packed("gzip", gzip.compress(ZEROS, 9)),
    "deflate bomb": lambda: packed("deflate", zlib.compress(ZEROS, 9)),
    "br bomb": lambda: packed("br", brotli.compress(ZEROS, quality=2)),
    "zstd bomb": lambda: packed("zstd", zstandard.compress(ZEROS)),
    "nested bomb": lambda: packed("'br, gzip'", gzip.compress(brotli.compress(ZEROS, quality=2))),
    "shared body": lambda: (
        "interactions:\n- &a {request: {method: GET, uri: x, body: "
        + "x" * 200_000
        + "}, response: {status: 200}}\n"
        + "- *a\n" * 400
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_quickly_and_in_little_memory(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.yaml").write_text(HOSTILE[name]())
    assert_harmless(tmp_path)


def test_a_file_of_a_hundred_megabytes_is_refused_unread(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").touch()
    os.truncate(tmp_path / "a.yaml", 100 * 1024 * 1024)
    assert "it has 100 MiB, and 64 are the most" in assert_harmless(tmp_path)


def assert_harmless(folder: Path) -> str:
    # By way of a small process: a child's peak counts from that of its parent, which may be large here.
    way = "import subprocess, sys; subprocess.run(sys.argv[1:], check=True)"
    probe = [sys.executable, "-c", way, sys.executable, "-c", PROBE, str(folder / "a.yaml")]
    done = subprocess.run(probe, cwd=folder, capture_output=True, text=True, timeout=60, check=True)
    seconds, kilobytes, said = done.stdout.split(" ", 2)
    assert "read" not in said.split(" | ")[0].split() or "cannot be read" in said
    assert "|" in said
    assert float(seconds) < 1, said
    assert int(kilobytes) < 64 * 1024, said
    assert [path.name for path in folder.iterdir()] == ["a.yaml"]
    return said


def test_the_last_of_two_equal_keys_counts_as_for_vcrpy() -> None:
    [only] = read_exchanges(one("{status: 200, status: 404}"), "a")
    assert only.response.status == 404


# Writing


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.text(
    " \n\t\r#:-?[]{}\"'\\ab&*!|>%@`,.0\x85\u2028\ufeff\x00\x7f😀", max_size=40
)
bodies = st.binary(max_size=60) | texts.map(str.encode)
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=30)
names = st.text("abcXYZ-_", min_size=1, max_size=8).filter(lambda name: not name.lower().startswith("content-"))
headers = st.dictionaries(names, st.lists(words, min_size=1, max_size=3)).map(
    lambda grouped: tuple((name, value) for name, values in grouped.items() for value in values)
)
recordings = st.builds(
    Recording, st.none() | words, st.none() | words, st.none() | st.integers(0, 2**40), st.none() | words
)
exchanges = st.builds(
    Exchange,
    st.builds(Request, words, words, headers, bodies),
    st.builds(Response, st.integers(100, 999), words, headers, bodies),
    recordings,
).map(RedactedExchange)


@given(st.lists(exchanges, max_size=3))
def test_what_is_written_is_read_back_by_both_readers(written: list[RedactedExchange]) -> None:
    text = rendered(written)
    assert read_exchanges(text, "a") == written
    assert fast(text) in (None, careful(text))


@given(st.lists(exchanges, min_size=1, max_size=3))
def test_stock_vcrpy_loads_what_is_written(written: list[RedactedExchange]) -> None:
    requests, responses = vcr.serialize.deserialize(rendered(written), yamlserializer)
    assert [request.uri for request in requests] == [each.request.uri for each in written]
    assert [request.body or b"" for request in requests] == [each.request.body for each in written]
    assert [response["body"]["string"] for response in responses] == [each.response.body for each in written]
    assert [response["status"]["code"] for response in responses] == [each.response.status for each in written]


def test_stock_vcrpy_plays_what_is_written(tmp_path: Path) -> None:
    stream: Headers = (("Content-Type", "text/event-stream"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"))
    path = recorded(tmp_path, exchange(answer=b"data: \xc3\xbc\r\n\r\n", headers=stream), exchange(answer=b"\x00\xff"))
    sent = urllib.request.Request(URI, json.dumps({"q": "hello"}).encode(), {"content-type": "application/json"})
    with vcr.use_cassette(str(path), record_mode="none", match_on=["method", "uri", "body"]) as tape:
        with urllib.request.urlopen(sent) as response:
            assert response.read() == b"data: \xc3\xbc\r\n\r\n"
            assert response.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
        with urllib.request.urlopen(sent) as response:
            assert response.read() == b"\x00\xff"
        assert tape.play_count == 2


def test_stock_vcrpy_keeps_what_acetate_notes(tmp_path: Path) -> None:
    recording = Recording("2026-11-22T10:00:00Z", "api.together.xyz", 12, "tests/a.py::b", ((1, 2),))
    noted = RedactedExchange(Exchange(Request("GET", URI), Response(200, "OK", (), b"hi"), recording))
    path = recorded(tmp_path, noted)
    requests, responses = FilesystemPersister.load_cassette(str(path), yamlserializer)
    FilesystemPersister.save_cassette(str(path), {"requests": requests, "responses": responses}, yamlserializer)
    assert Cassette.load(path, tmp_path).exchanges == [noted]


def test_the_same_exchanges_always_give_the_same_bytes(tmp_path: Path) -> None:
    at_once = recorded(tmp_path, exchange("a"), exchange("b"), name="at-once").read_bytes()
    for question in ("a", "b"):
        one_by_one = Cassette(tmp_path / "one-by-one.yaml", tmp_path)
        one_by_one.append(exchange(question))
        one_by_one.save()
    assert (tmp_path / "one-by-one.yaml").read_bytes() == at_once


def test_appending_changes_no_line_of_what_vcrpy_wrote(tmp_path: Path) -> None:
    asked = vcr.request.Request("POST", URI, b'{"q": 1}', {"Accept": "*/*"})
    answered = {"status": {"code": 200, "message": "OK"}, "headers": {}, "body": {"string": b"x"}, "mine": [1]}
    before = serialize({"requests": [asked], "responses": [answered]}, yamlserializer)
    (tmp_path / "a.yaml").write_text(before)
    cassette = Cassette.load(tmp_path / "a.yaml", tmp_path)
    cassette.append(exchange())
    cassette.save()
    after = (tmp_path / "a.yaml").read_text()
    assert after.startswith(before.removesuffix("version: 1\n"))
    assert [each.response.body for each in Cassette.load(tmp_path / "a.yaml", tmp_path).exchanges] == [
        b"x",
        b'{"id": "x"}',
    ]


ITEMS = rendered([exchange()]).removeprefix("interactions:\n").removesuffix("version: 1\n")


@pytest.mark.parametrize("before", ["interactions: []\nversion: 1\n", f"version: 1\ninteractions:\n{ITEMS}"])
def test_other_layouts_that_end_with_the_interactions_can_be_appended_to(tmp_path: Path, before: str) -> None:
    (tmp_path / "a.yaml").write_text(before)
    cassette = Cassette.load(tmp_path / "a.yaml", tmp_path)
    cassette.append(exchange("b"))
    cassette.save()
    assert Cassette.load(tmp_path / "a.yaml", tmp_path).exchanges == cassette.exchanges
    assert (tmp_path / "a.yaml").read_text().count("version: 1\n") == 1


@pytest.mark.parametrize(
    "before",
    [
        '{"interactions": [{"request": {"method": "GET", "uri": "x"}, "response": {"status": 200}}], "version": 1}',
        f"interactions:\n{ITEMS}metadata: {{a: 1}}\nversion: 1\n",
        f"interactions:\n{ITEMS}mine:\n- request\nversion: 1\n",
        "interactions:\n" + "".join(f"  {line}\n" for line in ITEMS.splitlines()) + "version: 1\n",
    ],
)
def test_a_layout_that_cannot_be_appended_to_is_said_and_left_alone(tmp_path: Path, before: str) -> None:
    (tmp_path / "a.yaml").write_text(before)
    cassette = Cassette.load(tmp_path / "a.yaml", tmp_path)
    cassette.append(exchange("b"))
    with pytest.raises(CassetteError, match="nothing can be appended to"):
        cassette.save()
    assert (tmp_path / "a.yaml").read_text() == before


def test_a_damaged_cassette_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("interactions: [\n")
    cassette = Cassette(tmp_path / "a.yaml", tmp_path)
    cassette.append(exchange())
    with pytest.raises(CassetteError, match="next: record it again"):
        cassette.save()
    assert (tmp_path / "a.yaml").read_text() == "interactions: [\n"


def test_a_header_that_could_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    cassette = Cassette(tmp_path / "a.yaml", tmp_path)
    cassette.append(exchange(headers=(("a", "b\nc"),)))
    with pytest.raises(CassetteError, match="the header `a` contains a line break"):
        cassette.replace()
    assert not (tmp_path / "a.yaml").exists()


def test_saving_twice_writes_once(tmp_path: Path) -> None:
    cassette = Cassette(tmp_path / "a.yaml", tmp_path)
    cassette.append(exchange())
    cassette.save()
    cassette.save()
    assert Cassette.load(tmp_path / "a.yaml", tmp_path).exchanges == cassette.exchanges == [exchange()]


def test_saving_nothing_writes_nothing(tmp_path: Path) -> None:
    Cassette(tmp_path / "a.yaml", tmp_path).save()
    assert not (tmp_path / "a.yaml").exists()


def test_a_new_recording_replaces_the_old_one(tmp_path: Path) -> None:
    recorded(tmp_path, exchange("old"), exchange("older"))
    path = recorded(tmp_path, exchange("new"))
    assert Cassette.load(path, tmp_path).exchanges == [exchange("new")]


def test_a_recording_of_nothing_is_an_empty_cassette(tmp_path: Path) -> None:
    assert recorded(tmp_path).read_text() == "interactions: []\nversion: 1\n"


WRITER = """
import sys
from pathlib import Path
from acetate.cassette import Cassette
from acetate.exchange import Exchange, RedactedExchange, Request, Response
root = Path(sys.argv[1])
for number in range(10):
    cassette = Cassette(root / "shared.yaml", root)
    cassette.append(RedactedExchange(Exchange(Request("GET", f"https://x/{sys.argv[2]}/{number}"), Response(200))))
    cassette.save()
"""


def test_writers_in_four_processes_lose_nothing(tmp_path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(each)]) for each in range(4)]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0, 0, 0]
    uris = [each.request.uri for each in Cassette.load(tmp_path / "shared.yaml", tmp_path).exchanges]
    assert sorted(uris) == sorted(f"https://x/{writer}/{number}" for writer in range(4) for number in range(10))
    for writer in range(4):  # each in its own order
        own = [uri for uri in uris if uri.startswith(f"https://x/{writer}/")]
        assert own == [f"https://x/{writer}/{number}" for number in range(10)]


def test_nothing_but_the_cassette_lies_outside_of_the_workspace(tmp_path: Path) -> None:
    recorded(tmp_path, exchange())
    assert sorted(path.name for path in tmp_path.iterdir()) == [".acetate", "chat.yaml"]


def test_a_cassette_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").mkdir()
    with pytest.raises(AcetateError, match="cannot be written"):
        Cassette(tmp_path / "a.yaml", tmp_path).replace()


# Playing


def question(each: Exchange) -> str:
    return each.request.body.decode()


def asked(text: str) -> str:
    return json.dumps({"q": text})


def test_equal_requests_play_in_order_and_then_no_more() -> None:
    playback = Playback([exchange("a"), exchange("b"), exchange("a")], question)
    assert [playback.find(asked("a")) for _ in range(3)] == [0, 2, None]
    assert playback.find(asked("b")) == 1
    assert playback.find(asked("c")) is None


def test_the_last_answer_repeats_where_that_is_wanted() -> None:
    playback = Playback([exchange("a"), exchange("a")], question, repeats="last")
    assert [playback.find(asked("a")) for _ in range(4)] == [0, 1, 1, 1]
    assert playback.find(asked("c")) is None


def test_a_playback_knows_what_was_recorded_and_what_nobody_asked_for() -> None:
    playback = Playback([exchange("a"), exchange("b"), exchange("a")], question)
    playback.find(asked("a"))
    assert playback.unplayed() == [1, 2]
    assert (playback.knows(asked("a")), playback.knows(asked("c"))) == (True, False)


def test_threads_never_get_the_same_answer_twice() -> None:
    playback = Playback([exchange("a")] * 400, question)
    found: list[int | None] = []
    threads = [
        threading.Thread(target=lambda: found.extend(playback.find(asked("a")) for _ in range(50))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(position for position in found if position is not None) == list(range(400))
