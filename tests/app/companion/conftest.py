"""What the companion's tests stand on: the service, and a model that is a stand-in of Together on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.main import create_app
from app.models import Role
from app.settings import Settings
from tests.standin.server import KEY, Standin


@pytest.fixture(scope="session")
def standin() -> Iterator[Standin]:
    """One for all: an application that points at it can be used again."""
    with Standin() as standin:
        yield standin


@pytest.fixture
def together(standin: Standin) -> Standin:
    standin.anew()
    return standin


@pytest.fixture
def mock_together_api(together: Standin) -> Standin:
    """The name that the testing plan has for it."""
    return together


@pytest.fixture
def settings(settings: Settings, together: Standin) -> Settings:
    """Waits are short, and nobody is too quick."""
    return told(
        settings,
        together_base_url=together.url,
        together_api_key=KEY,
        together_first_wait_seconds=0.01,
        companion_chats="10000/minute",
        companion_requests="10000/minute",
    )


def told(settings: Settings, **changes: Any) -> Settings:
    """The settings with others, checked like those from outside."""
    return Settings.model_validate(settings.model_dump() | changes)


@pytest.fixture
def me(as_role: Callable[[Role], dict[str, str]]) -> dict[str, str]:
    """The headers of somebody."""
    return as_role(Role.DEVELOPER)


@pytest.fixture
def other(as_role: Callable[[Role], dict[str, str]]) -> dict[str, str]:
    """The headers of somebody else."""
    return as_role(Role.REVIEWER)


@pytest.fixture
def user(client: TestClient, me: dict[str, str]) -> TestClient:
    """A client of somebody who has signed in."""
    client.headers.update(me)
    return client


@pytest.fixture
def client_told(settings: Settings, me: dict[str, str]) -> Iterator[Callable[..., TestClient]]:
    """`client_told(companion_chats="2/minute")`: a client of an application with other settings."""
    opened: list[TestClient] = []

    def client(**changes: Any) -> TestClient:
        app: FastAPI = create_app(told(settings, **changes))
        client = TestClient(app, headers=me)
        client.__enter__()
        opened.append(client)
        return client

    yield client
    for client in opened:
        client.__exit__(None, None, None)
