"""The companion as its clients see it, its model being a recording: both edges of one backend are watched at once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from app import migration
from app.auth import service
from app.database import Database
from app.main import create_app
from app.models import Role
from app.settings import Settings
from tests.recorded.place import URL
from tests.standin.server import KEY

PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("companion") / "service.db"
    migration.upgrade(f"sqlite:///{file}")
    return file


def settings(migrated: Path, folder: Path) -> Settings:
    """Those of a service with a database of its own in that folder."""
    shutil.copy(migrated, folder / "service.db")
    return Settings(
        database_url=f"sqlite:///{folder}/service.db",
        secret_key=SecretStr("of tests only, and long enough to be one"),
        password_memory_kib=8,
        password_rounds=1,
        together_base_url=URL,
        together_api_key=SecretStr(KEY),
        together_first_wait_seconds=0.01,
        companion_recall_threshold=0.99,
        companion_chats="10000/minute",
        companion_requests="10000/minute",
    )


@contextmanager
def served(settings: Settings) -> Iterator[TestClient]:
    """A client of the service, where ada is a developer. She has not signed in."""
    database = Database(settings.database_url)
    service.create_user(database, settings, username="ada", role=Role.DEVELOPER, handles=(), password=PASSWORD)
    database.close()
    with TestClient(create_app(settings)) as client:
        yield client


def sign_in(client: TestClient, name: str = "ada") -> TestClient:
    client.headers.pop("authorization", None)
    signed_in = client.post("/token", data={"username": name, "password": PASSWORD}).json()
    client.headers["authorization"] = f"Bearer {signed_in['access_token']}"
    return client


@pytest.fixture
def user(migrated: Path, tmp_path: Path) -> Iterator[TestClient]:
    """Somebody who has signed in."""
    with served(settings(migrated, tmp_path)) as client:
        yield sign_in(client)


@pytest.fixture
def companion(user: TestClient) -> Callable[..., str]:
    """`companion(tools=["calculator"])`: the id of a new one, which remembers nothing unless told to."""

    def made(**said: Any) -> str:
        answer = user.post("/api/v1/companions/", json={"name": "Ada", "remembers": False, **said})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    return made
