"""What administrators do on the pages: people, tokens, projects and their webhooks."""

from __future__ import annotations

import html
import re

import pytest
from sqlalchemy import update

from app.models import Delivery, Role
from tests.app.bundles import bundle, change
from tests.app.engines import ONLY_SQLITE
from tests.app.web.conftest import text

pytestmark = ONLY_SQLITE

USAGE = change("$.usage")
ROLE = change("$.choices[].message.role", places=["cassettes/a", "cassettes/b"])


def test_an_administrator_makes_a_user_whose_password_is_shown_once(visit, client):
    root = visit("root", Role.ADMIN)
    answer = root.post("/users", username="nele", role="reviewer", handles="nele@example.com\n\n nele-gh ")
    password = re.search(r'class="secret">([^<]+)<', answer.text)[1]
    assert client.post("/sign-in", data={"username": "nele", "password": html.unescape(password)}).url.path == "/"
    listed = root.get("/users")
    assert password not in listed.text
    assert "nele@example.com\nnele-gh" in listed.text


def test_an_administrator_changes_disables_and_resets(visit, client):
    root = visit("root", Role.ADMIN)
    mara = visit("mara")
    user = re.search(r"/users/([0-9a-f-]{36})/password", root.get("/users").text)[1]
    found = root.post(f"/users/{user}", role="viewer", disabled="1")
    assert "disabled" in text(found)
    assert mara.get("/").url.path == "/sign-in"
    root.post(f"/users/{user}", role="viewer")
    answer = root.post(f"/users/{user}/password")
    assert "The password of mara" in text(answer)


def test_loading_a_page_with_a_secret_again_makes_no_second_one(visit, push):
    push(bundle(USAGE))
    root = visit("root", Role.ADMIN)
    for address, form in (
        ("/users", {"username": "nele", "role": "viewer"}),
        ("/tokens", {"project": "chat", "name": "CI"}),
        ("/projects/webhooks", {"project": "chat", "url": "https://hooks.example/x"}),
    ):
        made = root.post(address, **form)
        assert [each.status_code for each in made.history] == [303]
        assert 'class="secret"' in made.text
        assert 'class="secret"' not in root.get(made.url.path).text


def test_a_secret_that_was_not_made_in_this_session_is_not_shown(visit):
    root, other = visit("root", Role.ADMIN), visit("other", Role.ADMIN)
    form = {"csrf_token": root.csrf, "project": "chat", "name": "CI"}
    cookie = root.client.post("/tokens", data=form, follow_redirects=False).headers["set-cookie"]
    assert re.search(r"HttpOnly; Path=/tokens; SameSite=strict", cookie)
    other.client.cookies.set("acetate_once", cookie.partition("=")[2].partition(";")[0].strip('"'), path="/tokens")
    assert 'class="secret"' not in other.get("/tokens").text
    other.client.cookies.set("acetate_once", "garbage", path="/tokens")
    assert other.get("/tokens").status_code == 200


def test_what_an_administrator_typed_is_kept_where_it_cannot_be_taken(visit, push):
    push(bundle(USAGE))
    root = visit("root", Role.ADMIN)
    for address, form, words, kept in (
        ("/users", {"username": "a b", "role": "reviewer"}, "begins with a letter or a digit", 'value="a b"'),
        ("/users", {"username": "root", "role": "reviewer"}, "There is a user of that name.", 'value="root"'),
        ("/tokens", {"project": "chat", "name": " "}, "Say on one line what it is for", 'value="chat"'),
        ("/projects", {"name": "chat", "repository": "https://github.com/acme/chat"}, "owner/name", "acme/chat"),
        ("/projects/webhooks", {"project": "chat", "url": "ftp://x"}, "Name an http(s) address", 'value="ftp://x"'),
    ):
        answer = root.post(address, **form)
        assert answer.status_code in (409, 422)
        assert "Nothing was changed." in text(answer)
        assert words in text(answer)
        assert kept in answer.text
        assert "pattern" not in text(answer)


def test_a_user_who_cannot_be_changed_so_keeps_what_was_typed(visit):
    root = visit("root", Role.ADMIN)
    user = re.search(r"/users/([0-9a-f-]{36})/password", root.get("/users").text)[1]
    answer = root.post(f"/users/{user}", role="viewer", handles="x" * 201)
    assert "20 names in CI at most" in text(answer)
    assert "x" * 201 in answer.text


@pytest.mark.parametrize("form", [{"username": "a b", "role": "viewer"}, {"username": "x", "role": "king"}, {}])
def test_what_cannot_be_a_user_is_refused_in_words(visit, form):
    assert visit("root", Role.ADMIN).post("/users", **form).status_code == 422


def test_the_last_administrator_stays_one(visit):
    root = visit("root", Role.ADMIN)
    user = re.search(r"/users/([0-9a-f-]{36})/password", root.get("/users").text)[1]
    answer = root.post(f"/users/{user}", role="viewer")
    assert answer.status_code == 409
    assert "Make somebody else an administrator first." in text(answer)


def test_a_token_is_shown_once_and_can_be_revoked(visit, client):
    root = visit("root", Role.ADMIN)
    answer = root.post("/tokens", project="shop", name="GitHub Actions")
    secret = re.search(r'class="secret">([^<]+)<', answer.text)[1]
    assert secret.startswith("act_")
    listed = root.get("/tokens")
    assert secret not in listed.text
    assert "GitHub Actions" in text(listed)
    token = re.search(r"/tokens/([0-9a-f-]{36})/revoke", listed.text)[1]
    assert "revoked" in text(root.post(f"/tokens/{token}/revoke"))
    pushed = client.post("/api/v1/runs", json={}, headers={"Authorization": f"Bearer {secret}"})
    assert pushed.status_code == 401


def test_a_project_is_set_up_with_webhooks(visit, push):
    push(bundle(USAGE))
    root = visit("root", Role.ADMIN)
    said = root.post("/projects", name="chat", repository="acme/chat", require_approval="1")
    assert 'value="acme/chat"' in said.text
    assert re.search(r'name="require_approval" value="1" checked', said.text)
    answer = root.post("/projects/webhooks", project="chat", url="https://hooks.example/x", style="slack")
    assert "whsec_" in text(answer)
    hook = re.search(r"/projects/webhooks/([0-9a-f-]{36})/remove", answer.text)[1]
    assert "Nothing was sent there yet." in text(root.get(f"/projects/webhooks/{hook}"))
    push(bundle(ROLE, commit="c" * 40))
    assert "run.needs-review" in text(root.get(f"/projects/webhooks/{hook}"))
    assert "hooks.example" not in text(root.post(f"/projects/webhooks/{hook}/remove"))


def test_what_failed_on_its_way_is_seen_at_the_project(visit, push, database):
    push(bundle(USAGE))
    root = visit("root", Role.ADMIN)
    root.post("/projects/webhooks", project="chat", url="https://hooks.example/x")
    said = text(root.post("/projects", name="chat", repository="acme/chat"))
    assert "Saved: chat" in said
    assert "no token is set at the service" in said
    push(bundle(ROLE, commit="c" * 40))
    with database.write() as session:
        session.execute(update(Delivery).values(state="given-up", status=500, error="answered 500"))
    answer = root.get("/projects")
    assert "given-up" in text(answer)
    hook = re.search(r"/projects/webhooks/([0-9a-f-]{36})/remove", answer.text)[1]
    assert "500 answered 500" not in text(root.get(f"/projects/webhooks/{hook}"))


def test_a_webhook_to_the_metadata_of_the_machine_is_refused(visit, push):
    push(bundle(USAGE))
    answer = visit("root", Role.ADMIN).post("/projects/webhooks", project="chat", url="http://169.254.169.254/")
    assert answer.status_code == 422
