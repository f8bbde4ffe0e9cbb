"""The application as a whole: headers, limits, health, its document."""

from __future__ import annotations

import asyncio

import pytest
from starlette.testclient import TestClient

from app.companion.chat import overdue
from app.main import create_app
from app.models import Role
from tests.app.engines import ONLY_SQLITE


@ONLY_SQLITE
@pytest.mark.parametrize("path", ["/health/live", "/nowhere", "/api/v1/me", "/openapi.json"])
def test_every_answer_says_how_careful_a_browser_has_to_be(client, path):
    headers = client.get(path).headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert "Strict-Transport-Security" not in headers
    assert "server" not in headers


@ONLY_SQLITE
def test_behind_https_browsers_stay_there(settings):
    with TestClient(create_app(settings.model_copy(update={"public_url": "https://reviews.example"}))) as client:
        assert client.get("/health/live").headers["Strict-Transport-Security"] == "max-age=31536000"


def test_a_process_that_answers_is_alive_and_one_with_a_database_ready(client):
    assert client.get("/health/live").json() == {"status": "ok"}
    ready = client.get("/health/ready").json()
    assert ready["status"] == "ok"
    assert ready["database_milliseconds"] >= 0


@ONLY_SQLITE
def test_without_its_database_it_is_alive_and_not_ready(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(overdue, "end_all", lambda _: 0)  # it might hold the file open that is taken away
    folder = tmp_path / "gone"
    with TestClient(create_app(settings.model_copy(update={"database_url": f"sqlite:///{folder}/x.db"}))) as client:
        client.app.state.database.close()
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
        assert client.get("/health/live").status_code == 200
        answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()["code"]) == (503, "not-ready")
    assert str(folder) not in answer.text


# The size of a body


def small(settings, **more):
    return TestClient(create_app(settings.model_copy(update={"max_body_bytes": 2000, "max_push_bytes": 4000, **more})))


def pieces(size: int):
    for _ in range(size // 100):
        yield b"x" * 100


@ONLY_SQLITE
@pytest.mark.parametrize("body", [b"x" * 2001, pieces(2100)], ids=["announced", "streamed"])
def test_a_larger_body_is_refused(settings, body):
    with small(settings) as client:
        answer = client.post("/token", content=body, headers={"content-type": "application/x-www-form-urlencoded"})
    assert (answer.status_code, answer.json()["code"]) == (413, "body-too-large")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["X-Request-ID"] == answer.json()["request_id"]


@ONLY_SQLITE
def test_a_body_of_the_very_size_passes(settings):
    with small(settings) as client:
        form = b"username=a&password=b&x=" + b"x" * (2000 - 24)
        answer = client.post("/token", content=form, headers={"content-type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 401


@ONLY_SQLITE
def test_a_run_may_be_larger(settings, as_role):
    with small(settings) as client:
        sizes = {
            size: client.post("/api/v1/runs", content=b"x" * size, headers=as_role(Role.DEVELOPER)).status_code
            for size in (3000, 5000)
        }
    assert sizes[3000] != 413
    assert sizes[5000] == 413


@ONLY_SQLITE
@pytest.mark.parametrize("length", ["-1", "1e3", "١٢", "9" * 30, "abc"])
def test_a_length_that_lies_is_counted(settings, length):
    """What arrives counts, whatever was announced."""
    sent = []

    async def ask() -> None:
        application = create_app(settings.model_copy(update={"max_body_bytes": 2000}))
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/token",
            "query_string": b"",
            "headers": [
                (b"content-length", length.encode()),
                (b"content-type", b"application/x-www-form-urlencoded"),
            ],
        }
        arriving = iter([{"type": "http.request", "body": b"x" * 1500, "more_body": True}] * 3)

        async def receive():
            return next(arriving)

        async def send(message):
            sent.append(message)

        await application(scope, receive, send)
        application.state.database.close()

    asyncio.run(ask())
    assert sent[0]["status"] == 413
