"""`acetate.use_cassette`: recorded from a server on this machine, then played with the server gone."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import httpx
import pytest
import requests

import acetate
from acetate.cassette import Cassette
from acetate.errors import AcetateError, UsageError


class Handler(BaseHTTPRequestHandler):
    """Says back what it was asked, with how often it was asked anything."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.count += 1
        body = json.dumps({"asked": asked, "count": self.server.count}).encode()
        self.send_response(200)
        half = asked["question"] == "half a stream"
        self.send_header("content-type", "text/event-stream" if half else "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


class Server:
    def __init__(self):
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.count = 0
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1/chat/completions"
        threading.Thread(target=self.http.serve_forever, args=[0.01], daemon=True).start()

    @property
    def count(self):
        return self.http.count

    def stop(self):
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture
def server(sandbox, monkeypatch):
    monkeypatch.chdir(sandbox.root)
    server = Server()
    yield server
    server.stop()


def ask(server, question, client=httpx):
    return client.post(server.url, json={"question": question}).json()


@pytest.fixture
def recorded(server, sandbox):
    """A cassette with the answer to `a`; whoever asks the server now is counted."""
    with acetate.use_cassette("cassettes/one", record_mode="once"):
        ask(server, "a")
    return server


@pytest.mark.parametrize("client", [httpx, requests])
def test_what_is_recorded_once_is_played_with_the_server_gone(server, sandbox, client):
    with acetate.use_cassette("cassettes/one.yaml", record_mode="once"):
        first = ask(server, "a", client)
    server.stop()
    with acetate.use_cassette("cassettes/one") as cassette:
        assert ask(server, "a", client) == first
    assert (cassette.play_count, cassette.all_played) == (1, True)
    (exchange,) = Cassette.load(sandbox.root / "cassettes" / "one.yaml", sandbox.root).exchanges
    assert exchange.recording.test == "use_cassette cassettes/one.yaml"


def swallowed(server, question, **settings):
    """Asks as an SDK does that keeps quiet about what went wrong."""
    with acetate.use_cassette("cassettes/one", **settings), contextlib.suppress(Exception):
        ask(server, question)


def translated(server, question):
    """Asks as an SDK does that has an error of its own."""
    with acetate.use_cassette("cassettes/one"):
        try:
            ask(server, question)
        except Exception:  # noqa: BLE001  (as broad as theirs)
            raise RuntimeError("Connection error.") from None


def test_by_default_nothing_goes_live_and_the_end_says_what_was_missed(recorded):
    with pytest.raises(AcetateError) as failed:
        swallowed(recorded, "b")
    assert "has no recording in cassettes/one; nearest: cassettes/one#0" in failed.value.problem
    assert "$.question (a -> b)" in failed.value.problem
    assert "record_mode='once'" in failed.value.next
    assert recorded.count == 1


def test_an_error_that_leaves_the_block_is_the_clients_with_a_note(recorded):
    with pytest.raises(RuntimeError, match=r"Connection error") as failed:
        translated(recorded, "b")
    (note,) = failed.value.__notes__
    assert note.startswith("acetate: POST")


def test_in_ci_nothing_is_recorded(server, sandbox, monkeypatch):
    monkeypatch.setenv("CI", "true")
    with pytest.raises(AcetateError, match=r"has no recording in cassettes/one\n"):
        swallowed(server, "a", record_mode="all")
    assert server.count == 0
    assert not (sandbox.root / "cassettes").exists()


def test_in_ci_a_client_that_nobody_taps_is_stopped_at_its_socket(server, monkeypatch):
    @acetate.use_cassette("cassettes/one")
    def reach():
        with contextlib.suppress(Exception):
            socket.create_connection(("192.0.2.1", 443), timeout=1)

    monkeypatch.setenv("CI", "true")
    with pytest.raises(AcetateError, match="was not reached"):
        reach()


def test_what_a_failed_block_recorded_is_staged_and_told(server, sandbox):
    @acetate.use_cassette("cassettes/one", record_mode="once")
    def fail():
        ask(server, "a")
        raise ZeroDivisionError

    said = r"staged at \.acetate/staged/cassettes/one\.yaml, because its test failed"
    with pytest.warns(UserWarning, match=said), pytest.raises(ZeroDivisionError):
        fail()
    assert not (sandbox.root / "cassettes").exists()


def test_what_stood_in_the_way_of_recording_is_told(server, sandbox):
    with pytest.warns(UserWarning, match=r"a response is not whole: .*; next: "):
        swallowed(server, "half a stream", record_mode="once")
    assert not (sandbox.root / "cassettes").exists()


def test_a_function_can_be_decorated_and_starts_anew_each_time(recorded):
    @acetate.use_cassette("cassettes/one")
    def question():
        """Asked."""
        return ask(recorded, "a")["count"]

    assert [question(), question()] == [1, 1]
    assert question.__doc__ == "Asked."


def test_a_coroutine_is_played_until_it_ends(recorded):
    @acetate.use_cassette("cassettes/one")
    async def question():
        async with httpx.AsyncClient() as client:
            return (await client.post(recorded.url, json={"question": "a"})).json()["count"]

    assert asyncio.run(question()) == 1
    assert recorded.count == 1


def test_of_two_that_are_open_the_inner_one_has_the_calls(recorded):
    with acetate.use_cassette("cassettes/two", record_mode="once"):
        ask(recorded, "a")
    with acetate.use_cassette("cassettes/one") as outer, acetate.use_cassette("cassettes/two") as inner:
        assert ask(recorded, "a")["count"] == 2
    assert (outer.play_count, inner.play_count) == (0, 1)


def test_vcrpys_settings_are_followed(recorded):
    with acetate.use_cassette("cassettes/one", allow_playback_repeats=True, match_on=["method", "path"]) as cassette:
        assert [ask(recorded, question)["count"] for question in "xyz"] == [1, 1, 1]
    assert cassette.play_count == 3


def test_a_setting_that_does_not_exist_is_refused_and_leaves_nothing_open(server, monkeypatch):
    monkeypatch.setenv("CI", "true")
    with pytest.raises(UsageError, match="filtered_headers"), acetate.use_cassette("one", filtered_headers=["x"]):
        pass
    monkeypatch.delenv("CI")
    assert ask(server, "a")["count"] == 1


def test_keys_have_a_value_only_while_it_plays(recorded):
    with acetate.use_cassette("cassettes/one"):
        assert os.environ["TOGETHER_API_KEY"]
        ask(recorded, "a")
    assert "TOGETHER_API_KEY" not in os.environ


def test_the_root_can_be_named(server, sandbox, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    with acetate.use_cassette("cassettes/one", record_mode="once", root=sandbox.root):
        ask(server, "a")
    assert (sandbox.root / "cassettes" / "one.yaml").is_file()


def test_importing_acetate_does_not_bring_vcrpy_along():
    script = "import acetate, sys; assert 'vcr' not in sys.modules; acetate.use_cassette; assert 'vcr' in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_another_name_does_not_exist():
    with pytest.raises(AttributeError, match="use_casette"):
        acetate.use_casette  # noqa: B018


def test_what_our_own_api_answers_meanwhile_is_left_to_its_tests(recorded, sandbox):
    from fastapi import FastAPI
    from starlette.testclient import TestClient

    app = FastAPI()
    app.get("/x")(lambda: {})
    (sandbox.root / "acetate.toml").write_text('app = "own_shop:app"\n')
    sys.modules["own_shop"] = SimpleNamespace(app=app)
    try:
        with acetate.use_cassette("cassettes/one"):
            assert ask(recorded, "a")
            assert TestClient(app).get("/x").status_code == 200
    finally:
        del sys.modules["own_shop"]
    assert not (sandbox.root / ".acetate" / "pending").exists()
