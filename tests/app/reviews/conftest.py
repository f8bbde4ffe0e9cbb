"""A pushed run, and people who decide on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.models import Role

Headers = dict[str, str]


@dataclass
class Desk:
    """The service as one person uses it."""

    client: TestClient
    headers: Headers

    def get(self, path: str, **asked: Any) -> Any:
        answer = self.client.get(f"/api/v1/{path}", params=asked, headers=self.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def changes(self, run: str) -> dict[str, Any]:
        """The changes of a run by their paths."""
        return {each["path"]: each for each in self.get(f"runs/{run}/changes")}

    def post(self, run: str, decision: str, *changes: dict[str, Any], why: str = "because") -> Any:
        """The answer to a decision on changes as they were when they were read."""
        chosen = [{"fingerprint": each["fingerprint"], "state": each["state"]} for each in changes]
        body = {"decision": decision, "why": why, "changes": chosen}
        return self.client.post(f"/api/v1/runs/{run}/decisions", json=body, headers=self.headers)

    def decide(self, run: str, decision: str, *paths: str, why: str = "because") -> dict[str, Any]:
        """Decide on changes as they are now; how they stand afterwards."""
        now = self.changes(run)
        answer = self.post(run, decision, *(now[path] for path in paths), why=why)
        assert answer.status_code == 200, answer.text
        return {each["path"]: each for each in answer.json()}

    def outcome(self, run: str) -> tuple[str, int]:
        found = self.get(f"runs/{run}/status")
        return found["outcome"], found["waiting"]


@pytest.fixture
def push(client: TestClient, ci_token: Callable[[str], Headers]) -> Callable[[dict[str, Any]], str]:
    """Pushes as the CI of the bundle's project; the run's id."""

    def push(body: dict[str, Any]) -> str:
        answer = client.post("/api/v1/runs", json=body, headers=ci_token(body["project"]))
        assert answer.status_code in (200, 201), answer.text
        return str(answer.json()["id"])

    return push


@pytest.fixture
def desk_of(client: TestClient, create_user: Any, sign_in: Any) -> Callable[..., Desk]:
    """`desk_of("mara", Role.REVIEWER)`"""

    def desk_of(name: str, role: Role = Role.REVIEWER, **more: Any) -> Desk:
        create_user(name, role, **more)
        return Desk(client, sign_in(name))

    return desk_of


@pytest.fixture
def mara(desk_of: Callable[..., Desk]) -> Desk:
    """A reviewer."""
    return desk_of("mara")
