"""What goes wrong is told on a page to whoever came with a browser, and as a problem document to everybody else."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from starlette.testclient import TestClient

from app import errors
from app.main import create_app
from app.models import Role
from app.settings import Settings
from app.web.page import POLICY
from app.web.page_route import pages
from app.web.problem_page import prefers_page
from tests.app.access import PASSWORD

CHROMIUM = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"
BROWSER = {"Accept": CHROMIUM}

faulty = APIRouter(prefix="/faulty")


@faulty.get("/unforeseen")
def unforeseen() -> None:
    raise RuntimeError("postgresql://admin:hunter2@db/prod does not answer")


@faulty.get("/conflict")
def conflict() -> None:
    raise errors.Conflict("stale", "Somebody was <b>quicker</b>: \ud800.", version=7)


broken_page = pages()


@broken_page.get("/faulty/page")
def page_that_breaks() -> None:
    raise RuntimeError("hunter2")


@pytest.fixture
def engine() -> str:
    """Nothing here asks a database for more than who is there."""
    return "sqlite"


@pytest.fixture(scope="module")
def faulty_app(sqlite_file: Path) -> FastAPI:
    """The whole application, with routes that go wrong."""
    made = create_app(
        Settings(
            database_url=f"sqlite:///{sqlite_file}",
            secret_key="of tests only, and long enough to be one",  # type: ignore[arg-type]
            password_memory_kib=8,
            password_rounds=1,
        )
    )
    made.include_router(faulty)
    made.include_router(broken_page)
    return made


@pytest.fixture
def client(faulty_app: FastAPI, database_url: str) -> Iterator[TestClient]:
    with TestClient(faulty_app) as client:
        yield client


def told(answer: Any, status: int) -> str:
    """What can be read on the page that an answer is."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert '<a href="/">Back to the inbox</a>' in answer.text
    assert f"<code>{answer.headers['X-Request-ID']}</code>" in answer.text
    main = answer.text.partition("<main")[2].partition("</main>")[0]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", main.partition(">")[2])).split())


@pytest.mark.parametrize("address", ["/nowhere", "/runs/", "/api/v1/nothing", "/%00", "/static/../etc"])
def test_an_address_that_does_not_exist_is_a_page_in_a_browser(client, address):
    assert told(client.get(address, headers=BROWSER), 404).startswith("Not Found There is nothing at this address.")


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/problem+json, text/html", ""])
def test_a_program_is_answered_with_a_document(client, accept):
    answer = client.get("/nowhere", headers={"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]
    assert answer.headers["content-security-policy"] != POLICY


def test_a_thing_that_is_not_there_is_a_page_at_an_address_of_the_api_too(client, create_user, sign_in):
    create_user("mara")
    headers = {**BROWSER, **sign_in("mara")}
    nothing = "/api/v1/runs/00000000-0000-0000-0000-000000000000"
    assert told(client.get(nothing, headers=headers), 404).startswith("Not Found There is no such run.")
    said = told(client.get("/api/v1/runs/nothing", headers=headers), 422)
    assert "path.run_id Input should be a valid UUID" in said


def test_what_else_is_refused_keeps_its_status_and_its_headers(client):
    answer = client.put("/token", headers=BROWSER)
    assert told(answer, 405).startswith("Method Not Allowed")
    assert answer.headers["allow"] == "POST"
    answer = client.get("/api/v1/me", headers=BROWSER)
    assert told(answer, 401).startswith("Unauthorized Sign in first.")
    assert answer.headers["www-authenticate"] == "Bearer"
    answer = client.post("/sign-in", content=b"x" * (2 << 20), headers=BROWSER)
    assert "The body may have 1048576 bytes at most." in told(answer, 413)


def test_a_body_that_grows_too_large_on_its_way_is_refused_on_a_page(client):
    form = {**BROWSER, "Content-Type": "application/x-www-form-urlencoded"}
    answer = client.post("/sign-in", content=(b"x" * 65536 for _ in range(40)), headers=form)
    assert "The request's body is too large." in told(answer, 413)


def test_what_is_unforeseen_tells_nothing_but_the_request(client):
    for address in ("/faulty/unforeseen", "/faulty/page"):
        answer = client.get(address, headers=BROWSER)
        assert told(answer, 500).startswith("Internal Server Error Something went wrong here.")
        assert "hunter2" not in answer.text
    answer = client.get("/faulty/unforeseen")
    assert answer.json()["code"] == "internal-error"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_address_of_a_page_answers_with_a_page_whoever_asks(client):
    assert told(client.get("/faulty/page", headers={"Accept": "*/*"}), 500)


def test_what_a_problem_says_is_text_on_a_page(client):
    answer = client.get("/faulty/conflict", headers=BROWSER)
    assert "Somebody was <b>quicker</b>: \\ud800." in told(answer, 409)
    assert "<b>" not in answer.text
    assert client.get("/faulty/conflict").json()["version"] == 7


def test_whoever_has_signed_in_keeps_the_way_to_the_other_pages(client, create_user):
    create_user("mara", Role.REVIEWER)
    assert "mara" not in client.get("/nowhere", headers=BROWSER).text
    client.post("/sign-in", data={"username": "mara", "password": PASSWORD})
    answer = client.get("/nowhere", headers=BROWSER)
    assert told(answer, 404)
    assert '<a href="/account"><bdi>mara</bdi></a>' in answer.text
    assert '<a href="/history">' in answer.text


def test_a_database_that_is_away_keeps_nobody_from_being_told(client, create_user, faulty_app, monkeypatch, tmp_path):
    create_user("mara")
    client.post("/sign-in", data={"username": "mara", "password": PASSWORD})
    away = type(faulty_app.state.database)(f"sqlite:///{tmp_path}/away.db")
    monkeypatch.setattr(faulty_app.state, "database", away)
    answer = client.get("/nowhere", headers=BROWSER)
    assert told(answer, 404)
    assert "mara" not in answer.text
    assert told(client.get("/history", headers=BROWSER), 500)
    away.close()


@pytest.mark.parametrize(
    ("accept", "is_page"),
    [
        (CHROMIUM, True),
        ("text/html", True),
        ("TEXT/HTML ; Q=0.9 , application/json ; q=0.8", True),
        ("text/*, */*;q=0.1", True),
        ("text/html;q=0.5, application/json", False),
        ("text/html, application/problem+json", False),
        ("text/html;q=0", False),
        ("text/html;q=nan, */*;q=x", False),
        ("*/*", False),
        ("application/*", False),
        (",;,;q=;", False),
        ("", False),
    ],
)
def test_a_browser_is_known_by_what_it_prefers(accept, is_page):
    assert prefers_page(accept) is is_page
