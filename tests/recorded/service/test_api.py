"""What the service's own API returns to its clients, route by route. Nothing is recorded here: the shape of each answer
is under contract, and one that changes unnoticed fails a run in CI."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.auth import service
from app.database import Database
from app.models import Role
from tests.app.bundles import COMMIT, bundle, change
from tests.recorded.companion.conftest import PASSWORD, migrated, served, settings, sign_in

assert migrated  # a fixture

PEOPLE = {"root": Role.ADMIN, "mara": Role.REVIEWER}


@pytest.fixture
def anyone(migrated: Path, tmp_path: Path) -> Iterator[TestClient]:
    """Somebody who has not signed in, where there are people of every role."""
    told = settings(migrated, tmp_path)
    database = Database(told.database_url)
    for name, role in PEOPLE.items():
        service.create_user(database, told, username=name, role=role, handles=(), password=PASSWORD)
    database.close()
    with served(told) as client:
        yield client


@pytest.fixture
def admin(anyone: TestClient) -> TestClient:
    return sign_in(anyone, "root")


@pytest.fixture
def run(admin: TestClient) -> str:
    """The id of a run that CI has pushed, with two changes; mara, a reviewer, is signed in."""
    made = admin.post("/api/v1/tokens", json={"project": "chat", "name": "CI"}).json()
    as_ci = {"authorization": f"Bearer {made['secret']}"}
    pushed = admin.post("/api/v1/runs", json=bundle(change("$.usage"), change("$.id")), headers=as_ci)
    assert pushed.status_code == 201, pushed.text
    sign_in(admin, "mara")
    return str(pushed.json()["id"])


def got(client: TestClient, path: str, **asked: Any) -> Any:
    answer = client.get(f"/api/v1/{path}", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_signing_in_and_out(anyone):
    assert anyone.post("/token", data={"username": "root", "password": "wrong"}).status_code == 401
    assert anyone.get("/api/v1/me").status_code == 401
    sign_in(anyone, "root")
    assert got(anyone, "me")["username"] == "root"
    assert anyone.post("/logout").status_code == 204


def test_users(admin):
    made = admin.post("/api/v1/users", json={"username": "eve", "role": "viewer"})
    assert made.status_code == 201, made.text
    assert admin.post("/api/v1/users", json={"username": "eve", "role": "viewer"}).status_code == 409
    assert admin.post("/api/v1/users", json={"username": ""}).status_code == 422
    assert len(got(admin, "users")["items"]) == 4


def test_tokens(admin):
    assert admin.post("/api/v1/tokens", json={"project": "chat", "name": "CI"}).status_code == 201
    assert len(got(admin, "tokens")["items"]) == 1


def test_a_run(anyone, run):
    assert got(anyone, f"runs/{run}")["commit"] == COMMIT
    assert got(anyone, f"runs/{run}/status")["waiting"] == 2
    assert len(got(anyone, "runs")["items"]) == 1
    assert anyone.get("/api/v1/runs/00000000-0000-4000-8000-000000000000").status_code == 404


def test_a_decision(anyone, run):
    first, second = got(anyone, f"runs/{run}/changes")
    chosen = [{"fingerprint": first["fingerprint"], "state": first["state"]}]
    body = {"decision": "approved", "why": "handled in #88", "changes": chosen}
    assert anyone.post(f"/api/v1/runs/{run}/decisions", json=body).status_code == 200
    assert anyone.post(f"/api/v1/runs/{run}/decisions", json=body).status_code == 409
    assert got(anyone, f"runs/{run}/changes/{second['fingerprint']}")["fingerprint"] == second["fingerprint"]
    assert got(anyone, f"runs/{run}/status")["waiting"] == 1


def test_the_library(anyone, run):
    assert got(anyone, "library", project="chat")


def test_health(anyone):
    assert anyone.get("/health/live").status_code == 200
    assert anyone.get("/health/ready").status_code == 200
