"""The page's sessions: a cookie that scripts cannot read, and a CSRF token that is of no use elsewhere."""

from __future__ import annotations

import pytest
from fastapi import APIRouter, Response
from starlette.testclient import TestClient

from app.auth import service
from app.auth.sessions import CurrentVisit, GuardedVisit, close_session, open_session
from app.main import create_app
from app.state import AppDatabase, AppSettings
from tests.app.access import PASSWORD
from tests.app.engines import ONLY_SQLITE

pytestmark = ONLY_SQLITE

page = APIRouter(prefix="/page")


@page.post("/in")
def enter(name: str, response: Response, settings: AppSettings, database: AppDatabase) -> None:
    signed_in = service.sign_in(
        database, settings, username=name, password=PASSWORD, address="here", audience="acetate:page"
    )
    open_session(response, signed_in, settings)


@page.get("/who")
def who(visit: CurrentVisit) -> dict[str, str] | None:
    return {"name": visit.person.username, "csrf": visit.csrf} if visit else None


@page.post("/act")
async def act(visit: GuardedVisit) -> str:
    return visit.person.username


@page.post("/out")
def leave(visit: GuardedVisit, response: Response, settings: AppSettings, database: AppDatabase) -> None:
    with database.write() as session:
        service.sign_out(session, visit.person)
    close_session(response, settings)


@pytest.fixture
def application(settings, create_user):
    create_user("mara")
    create_user("noor")
    application = create_app(settings)
    application.include_router(page)
    return application


@pytest.fixture
def browser(application):
    with TestClient(application) as browser:
        yield browser


def csrf(browser) -> str:
    return browser.get("/page/who").json()["csrf"]


def test_the_cookie_says_who_it_is(browser):
    assert browser.get("/page/who").json() is None
    browser.post("/page/in?name=mara")
    assert browser.get("/page/who").json()["name"] == "mara"


def test_the_cookie_is_kept_from_scripts_and_from_other_sites(browser):
    cookie = browser.post("/page/in?name=mara").headers["Set-Cookie"].lower()
    assert cookie.startswith("acetate_session=ey")
    assert {"httponly", "samesite=lax", "path=/", "max-age=43200"} <= set(cookie.split("; "))
    assert "secure" not in cookie


def test_behind_https_the_cookie_is_bound_to_the_host(settings, create_user):
    create_user("mara")
    application = create_app(settings.model_copy(update={"public_url": "https://reviews.example"}))
    application.include_router(page)
    with TestClient(application, base_url="https://reviews.example") as browser:
        cookie = browser.post("/page/in?name=mara").headers["Set-Cookie"]
        assert cookie.startswith("__Host-acetate_session=ey")
        assert "; Secure" in cookie
        assert browser.get("/page/who").json()["name"] == "mara"
        ended = browser.post("/page/out", headers={"X-CSRF-Token": csrf(browser)}).headers["Set-Cookie"]
        assert ended.startswith('__Host-acetate_session="";')
        assert "; Secure" in ended


def test_a_form_with_the_sessions_token_is_taken(browser):
    browser.post("/page/in?name=mara")
    token = csrf(browser)
    assert browser.post("/page/act", data={"csrf_token": token}).json() == "mara"
    assert browser.post("/page/act", files={"csrf_token": (None, token)}).json() == "mara"
    assert browser.post("/page/act", headers={"X-CSRF-Token": token}).json() == "mara"


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"data": {"csrf_token": ""}},
        {"data": {"csrf_token": "0" * 64}},
        {"data": {"csrf_token": "é"}},
        {"headers": {"X-CSRF-Token": "wrong"}},
        {"json": {"csrf_token": "x"}},
        {"files": {"csrf_token": ("a.txt", b"x")}},
    ],
)
def test_any_other_is_refused(browser, request_):
    browser.post("/page/in?name=mara")
    answer = browser.post("/page/act", **request_)
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf")


def test_the_token_of_another_session_is_refused(browser, application):
    browser.post("/page/in?name=mara")
    with TestClient(application) as other:
        other.post("/page/in?name=noor")
        assert browser.post("/page/act", data={"csrf_token": csrf(other)}).status_code == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "http://testserver"}, 200),
        ({"Origin": "http://127.0.0.1:8400"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_a_form_of_another_site_is_refused_even_with_the_token(browser, headers, status):
    browser.post("/page/in?name=mara")
    assert browser.post("/page/act", data={"csrf_token": csrf(browser)}, headers=headers).status_code == status


def test_nobody_is_asked_to_sign_in(browser):
    assert browser.post("/page/act").status_code == 401


@pytest.mark.parametrize("cookie", ["garbage", "a.b.c", "é"])
def test_a_broken_cookie_is_nobody(browser, cookie):
    answer = browser.get("/page/who", headers={"Cookie": f"acetate_session={cookie}".encode()})
    assert answer.json() is None


def test_signing_out_ends_the_session_and_not_only_the_cookie(browser):
    browser.post("/page/in?name=mara")
    kept = browser.cookies["acetate_session"]
    assert browser.post("/page/out", data={"csrf_token": csrf(browser)}).status_code == 200
    assert "acetate_session" not in browser.cookies
    browser.cookies.set("acetate_session", kept)
    assert browser.get("/page/who").json() is None


def test_a_cookie_is_no_token_of_the_api_and_a_token_no_cookie(browser, sign_in):
    browser.post("/page/in?name=mara")
    page_token = browser.cookies["acetate_session"]
    assert browser.get("/api/v1/me").status_code == 401
    assert browser.get("/api/v1/me", headers={"Authorization": f"Bearer {page_token}"}).status_code == 401
    api_token = sign_in("mara")["Authorization"].removeprefix("Bearer ")
    browser.cookies.clear()
    browser.cookies.set("acetate_session", api_token)
    assert browser.get("/page/who").json() is None
