"""Visitors of the pages, and a run for them to look at."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.models import Role
from tests.app.access import PASSWORD


@dataclass
class Visitor:
    """Somebody who signed in on the page. Answers have been followed to the page that they lead to."""

    client: TestClient
    csrf: str

    def get(self, address: str, **more: Any) -> Any:
        return self.client.get(address, **more)

    def post(self, address: str, **form: Any) -> Any:
        return self.client.post(address, data={"csrf_token": self.csrf, **form})


@pytest.fixture
def visit(app: FastAPI, client: TestClient, create_user: Any) -> Callable[..., Visitor]:
    """`visit("mara", Role.REVIEWER)` makes the user and signs them in."""

    def visit(name: str, role: Role = Role.REVIEWER, **more: Any) -> Visitor:
        create_user(name, role, **more)
        window = TestClient(app)
        answer = window.post("/sign-in", data={"username": name, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        token = re.search(r'name="csrf_token" value="([0-9a-f]+)"', answer.text)
        assert token
        return Visitor(window, token[1])

    return visit


@pytest.fixture
def push(client: TestClient, ci_token: Callable[[str], Any]) -> Callable[[dict[str, Any]], str]:
    """Pushes as the CI of the bundle's project; the run's id."""

    def push(body: dict[str, Any]) -> str:
        answer = client.post("/api/v1/runs", json=body, headers=ci_token(body["project"]))
        assert answer.status_code in (200, 201), answer.text
        return str(answer.json()["id"])

    return push


def ticks(html: str) -> list[str]:
    """The values of the boxes by which changes are selected."""
    return re.findall(r'name="chosen" value="([^"]+)"', html)


def state_of(html: str) -> str:
    """The state that a decision is sent with."""
    return re.findall(r'name="state" value="([^"]+)"', html)[-1]


def text(answer: Any) -> str:
    """What can be read on a page."""
    main = answer.text.partition("<main")[2].partition("</main>")[0]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", main.partition(">")[2])).split())
