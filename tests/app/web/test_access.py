"""Every page, visited by everybody: only who may sees it, and a form without its token does nothing."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest

from app.models import Role
from tests.app.access import PAGES
from tests.app.engines import ONLY_SQLITE

pytestmark = ONLY_SQLITE


def address(path: str) -> str:
    return re.sub(r"\{[^}]+\}", str(uuid4()), path)


def is_refused(answer) -> bool:
    """Told to sign in, or that it is not for them."""
    return answer.status_code == 403 or answer.headers.get("location", "").startswith("/sign-in?")


@pytest.mark.parametrize("role", list(Role))
def test_only_who_may_sees_a_page_or_sends_a_form(visit, role):
    visitor = visit("somebody", role)
    wrong = []
    for row, who in PAGES.items():
        method, path = row.split()
        if path == "/sign-out":
            continue
        form = {"data": {"csrf_token": visitor.csrf}} if method == "POST" else {}
        answer = visitor.client.request(method, address(path), follow_redirects=False, **form)
        let_in = who in ("anyone", "person") or role.includes(who)
        if is_refused(answer) == let_in or answer.status_code >= 500:
            wrong.append((row, answer.status_code))
    assert wrong == []


def test_nobody_who_has_not_signed_in_sees_more_than_the_sign_in_form(client):
    for row, who in PAGES.items():
        method, path = row.split()
        answer = client.request(method, address(path), follow_redirects=False)
        assert is_refused(answer) or answer.headers.get("location") == "/sign-in" or who == "anyone", row


def test_a_token_of_the_api_opens_no_page(client, as_role):
    answer = client.get("/runs", headers=as_role(Role.ADMIN), follow_redirects=False)
    assert answer.headers["location"] == "/sign-in?next=%2Fruns"


def test_a_form_without_the_token_of_its_session_does_nothing(visit):
    visitor = visit("root", Role.ADMIN)
    other = visit("other", Role.ADMIN)
    for token in ("", "0" * 64, other.csrf):
        for row in PAGES:
            method, path = row.split()
            if method == "POST" and path != "/sign-in":
                answer = visitor.client.post(address(path), data={"csrf_token": token})
                assert answer.status_code == 403, (row, token)
    assert visitor.get("/users").status_code == 200


def test_a_form_of_another_site_does_nothing(visit):
    visitor = visit("root", Role.ADMIN)
    forged = {"data": {"csrf_token": visitor.csrf}, "headers": {"Sec-Fetch-Site": "cross-site"}}
    assert visitor.client.post("/sign-out", **forged).status_code == 403
    signing_in = {"data": {"username": "root", "password": "x"}, "headers": {"Origin": "https://evil.example"}}
    assert visitor.client.post("/sign-in", **signing_in).status_code == 403
