"""Signing in and out, users and CI tokens, as a client of the API meets them."""

from __future__ import annotations

from uuid import uuid4

import pytest

from app.auth import service
from app.models import Role
from tests.app.access import PASSWORD
from tests.app.engines import ONLY_SQLITE

ANOTHER = "another long password"


@pytest.fixture
def admin(as_role):
    return as_role(Role.ADMIN)


def status(client, headers) -> int:
    return client.get("/api/v1/me", headers=headers).status_code


def bearer(client, username, password=PASSWORD) -> dict[str, str]:
    answer = client.post("/token", data={"username": username, "password": password})
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


# Signing in and out


def test_a_name_and_a_password_give_a_token(client, create_user):
    create_user("mara")
    answer = client.post("/token", data={"username": "Mara", "password": PASSWORD})
    assert answer.status_code == 200
    assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("bearer", 43200)
    me = client.get("/api/v1/me", headers={"Authorization": f"Bearer {answer.json()['access_token']}"})
    assert me.json()["username"] == "mara"


@pytest.mark.parametrize(("username", "password"), [("mara", "wrong"), ("nobody", PASSWORD), ("mara", "")])
def test_a_wrong_name_and_a_wrong_password_look_the_same(client, create_user, username, password):
    create_user("mara")
    answer = client.post("/token", data={"username": username, "password": password or "x"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json()["code"] == "bad-credentials"


def test_a_disabled_user_looks_like_a_wrong_password(client, create_user, admin):
    mara = create_user("mara")
    client.patch(f"/api/v1/users/{mara.id}", json={"disabled": True}, headers=admin)
    answer = client.post("/token", data={"username": "mara", "password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (401, "bad-credentials")


@ONLY_SQLITE
def test_the_swagger_page_is_told_the_address_that_there_is(client):
    schemes = client.get("/openapi.json").json()["components"]["securitySchemes"]
    assert schemes["password"]["flows"]["password"]["tokenUrl"] == "/token"
    assert client.post("/token").status_code == 422


@ONLY_SQLITE
@pytest.mark.parametrize("path", ["/api/token", "/token/", "/auth/token", "/api/v1/token"])
def test_there_is_no_second_token_address(client, path):
    assert client.post(path, data={"username": "mara", "password": PASSWORD}).status_code == 404


def test_signing_out_voids_the_token_and_no_other(client, create_user):
    create_user("mara")
    phone, desk = bearer(client, "mara"), bearer(client, "mara")
    assert client.post("/logout", headers=phone).status_code == 204
    assert (status(client, phone), status(client, desk)) == (401, 200)
    assert client.post("/logout", headers=phone).status_code == 401


def test_a_cheaper_hash_is_renewed_at_the_next_sign_in(client, database, settings, create_user):
    mara = create_user("mara")
    dearer = settings.model_copy(update={"password_rounds": 2})
    service.sign_in(database, dearer, username="mara", password=PASSWORD, address="127.0.0.1")
    with database.read() as session:
        assert "t=2" in service.find_user(session, mara.id).password_hash
    bearer(client, "mara")


def test_one_changes_ones_own_password_and_signs_in_anew(client, create_user):
    create_user("mara")
    headers = bearer(client, "mara")
    change = {"current": PASSWORD, "new": ANOTHER}
    assert client.post("/api/v1/me/password", json=change, headers=headers).status_code == 204
    assert status(client, headers) == 401
    assert status(client, bearer(client, "mara", ANOTHER)) == 200


def test_changing_ones_password_takes_the_present_one_and_is_throttled(client, as_role):
    headers = as_role(Role.VIEWER)
    change = {"current": "wrong wrong wrong", "new": ANOTHER}
    answers = [client.post("/api/v1/me/password", json=change, headers=headers) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [403] * 10 + [429]
    assert answers[0].json()["code"] == "wrong-password"
    assert status(client, headers) == 200


# Users


def test_an_administrator_makes_a_user_who_signs_in_with_the_password_shown(client, admin):
    new = {"username": "noor", "role": "reviewer", "handles": ["noor@example.com"]}
    made = client.post("/api/v1/users", json=new, headers=admin)
    assert made.status_code == 201
    me = client.get("/api/v1/me", headers=bearer(client, "noor", made.json()["password"])).json()
    assert me == made.json()["user"]
    assert (me["role"], me["handles"], me["disabled_at"]) == ("reviewer", ["noor@example.com"], None)
    assert "password" not in client.get(f"/api/v1/users/{me['id']}", headers=admin).text


def test_a_name_is_taken_in_any_case(client, admin, create_user):
    create_user("mara")
    answer = client.post("/api/v1/users", json={"username": "MARA"}, headers=admin)
    assert (answer.status_code, answer.json()["code"]) == (409, "username-taken")


@ONLY_SQLITE
@pytest.mark.parametrize(
    "wrong",
    [
        {"username": ""},
        {"username": "a b"},
        {"username": "-a"},
        {"username": "x" * 101},
        {"username": "mära"},
        {"username": "noor", "password": "short"},
        {"username": "noor", "password": "x" * 257},
        {"username": "noor", "role": "root"},
        {"username": "noor", "admin": True},
        {"username": "noor", "handles": ["x" * 201]},
        {"username": "noor", "handles": ["x"] * 21},
    ],
)
def test_a_user_that_does_not_fit_is_refused(client, admin, wrong):
    answer = client.post("/api/v1/users", json=wrong, headers=admin)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")


def test_users_are_listed_by_name_a_page_at_a_time(client, admin, create_user):
    for name in ("Zoe", "bea", "Ann"):
        create_user(name)
    page = client.get("/api/v1/users?limit=2&offset=1", headers=admin).json()
    assert [user["username"] for user in page["items"]] == ["Ann", "bea"]
    assert page["total"] == 4


@pytest.mark.parametrize("change", [{"role": "developer"}, {"disabled": True}])
def test_another_role_or_none_voids_every_token(client, admin, create_user, change):
    mara = create_user("mara")
    headers = bearer(client, "mara")
    assert client.patch(f"/api/v1/users/{mara.id}", json=change, headers=admin).status_code == 200
    assert status(client, headers) == 401


def test_what_does_not_change_who_may_do_what_voids_nothing(client, admin, create_user):
    mara = create_user("mara")
    headers = bearer(client, "mara")
    change = {"handles": ["m"], "role": "viewer", "disabled": False}
    assert client.patch(f"/api/v1/users/{mara.id}", json=change, headers=admin).json()["handles"] == ["m"]
    assert status(client, headers) == 200


def test_a_user_who_is_enabled_again_signs_in_again(client, admin, create_user):
    mara = create_user("mara")
    for disabled in (True, False):
        client.patch(f"/api/v1/users/{mara.id}", json={"disabled": disabled}, headers=admin)
    assert status(client, bearer(client, "mara")) == 200


@pytest.mark.parametrize("change", [{"role": "reviewer"}, {"disabled": True}])
def test_the_last_administrator_stays_one(client, admin, create_user, change):
    me = client.get("/api/v1/me", headers=admin).json()["id"]
    answer = client.patch(f"/api/v1/users/{me}", json=change, headers=admin)
    assert (answer.status_code, answer.json()["code"]) == (409, "last-administrator")
    create_user("second", Role.ADMIN)
    assert client.patch(f"/api/v1/users/{me}", json=change, headers=admin).status_code == 200


def test_a_reset_password_replaces_the_old_one_and_voids_every_token(client, admin, create_user):
    mara = create_user("mara")
    headers = bearer(client, "mara")
    new = client.post(f"/api/v1/users/{mara.id}/password", headers=admin).json()["password"]
    assert status(client, headers) == 401
    assert client.post("/token", data={"username": "mara", "password": PASSWORD}).status_code == 401
    assert status(client, bearer(client, "mara", new)) == 200


@ONLY_SQLITE
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "users/{}"), ("PATCH", "users/{}"), ("POST", "users/{}/password"), ("DELETE", "tokens/{}")],
)
def test_who_is_not_there_is_404_and_what_is_no_id_422(client, admin, method, path):
    body = {} if method == "PATCH" else None
    for key, expected in ((uuid4(), 404), ("1", 422)):
        answer = client.request(method, f"/api/v1/{path.format(key)}", json=body, headers=admin)
        assert answer.status_code == expected


# Tokens of CI jobs


def test_the_secret_of_a_ci_token_is_shown_once_and_kept_nowhere(client, admin, database_url, database):
    made = client.post("/api/v1/tokens", json={"project": "chat", "name": "GitHub"}, headers=admin)
    secret = made.json()["secret"]
    assert made.status_code == 201
    listed = client.get("/api/v1/tokens", headers=admin)
    assert listed.json()["items"] == [made.json()["token"]]
    assert secret not in listed.text
    assert secret.startswith(listed.json()["items"][0]["prefix"])
    job = service.identify_ci(database, secret)
    assert (job.project, job.name) == ("chat", "GitHub")


def test_ci_tokens_are_listed_by_project(client, admin, ci_token):
    for project in ("chat", "chat", "shop"):
        ci_token(project)
    assert client.get("/api/v1/tokens?project=chat", headers=admin).json()["total"] == 2
    assert client.get("/api/v1/tokens?limit=1", headers=admin).json()["total"] == 3


def test_a_revoked_ci_token_is_void_and_stays_listed(client, admin, database):
    made = client.post("/api/v1/tokens", json={"project": "chat", "name": "CI"}, headers=admin).json()
    for _ in range(2):
        assert client.delete(f"/api/v1/tokens/{made['token']['id']}", headers=admin).status_code == 204
    with pytest.raises(service.Unauthorized):
        service.identify_ci(database, made["secret"])
    assert client.get("/api/v1/tokens", headers=admin).json()["items"][0]["revoked_at"]


def test_when_a_ci_token_was_used_is_noted(client, admin, ci_token, database):
    secret = ci_token("chat")["Authorization"].removeprefix("Bearer ")
    assert client.get("/api/v1/tokens", headers=admin).json()["items"][0]["last_used_at"] is None
    service.identify_ci(database, secret)
    noted = client.get("/api/v1/tokens", headers=admin).json()["items"][0]["last_used_at"]
    assert noted
    service.identify_ci(database, secret)
    assert client.get("/api/v1/tokens", headers=admin).json()["items"][0]["last_used_at"] == noted


def test_a_ci_token_is_nobodys_sign_in(client, ci_token):
    assert status(client, ci_token("chat")) == 401


@pytest.mark.parametrize("secret", ["act_unknown", "", "act_", "x" * 5000, "act_\udcff"])
def test_an_unknown_secret_is_401(database, secret):
    with pytest.raises(service.Unauthorized):
        service.identify_ci(database, secret)


# The first administrator


def test_the_first_administrator_is_made_where_nobody_is(database, settings, client):
    name, password = service.first_administrator(database, settings)
    headers = bearer(client, name, password)
    assert client.get("/api/v1/users", headers=headers).json()["total"] == 1
    assert service.first_administrator(database, settings) is None


def test_of_two_replicas_that_start_at_once_one_makes_the_administrator(database, settings, monkeypatch):
    def meanwhile() -> str:
        service.create_user(database, settings, username="admin", role=Role.ADMIN, password=PASSWORD)
        return ANOTHER

    monkeypatch.setattr(service, "generated_password", meanwhile)
    assert service.first_administrator(database, settings) is None


def test_a_user_is_found_by_name_in_any_case_or_not_at_all(database, create_user):
    mara = create_user("mara")
    with database.read() as session:
        assert service.user_named(session, "MARA").id == mara.id
        with pytest.raises(service.NotFound):
            service.user_named(session, "noor")
