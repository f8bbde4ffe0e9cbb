"""What the service's tests stand on: both databases, an application, a client, and people of every role."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest
import structlog
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from app import migration
from app.auth import service
from app.auth.schemas import UserOut
from app.database import Database
from app.main import create_app
from app.models import Base, Role
from app.settings import Settings
from tests.app import postgres
from tests.app.access import PASSWORD

KEY = "of tests only, and long enough to be one"


@pytest.fixture(scope="session", autouse=True)
def _quiet_logs() -> None:
    """structlog's own default paints every variable of a traceback, in seconds."""
    structlog.configure(processors=[], logger_factory=structlog.ReturnLoggerFactory())


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """Started for the first test that wants PostgreSQL."""
    with postgres.serving() as server:
        yield server


@pytest.fixture(scope="session")
def sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file, migrated once, and emptied after each test."""
    file = tmp_path_factory.mktemp("sqlite") / "service.db"
    migration.upgrade(f"sqlite:///{file}")
    return file


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> str:
    """Each test that stands on a database runs on both; tests.app.engines chooses one."""
    return str(request.param)


@pytest.fixture
def database_url(engine: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A migrated database without a row."""
    if engine == "sqlite":
        file: Path = request.getfixturevalue("sqlite_file")
        yield f"sqlite:///{file}"
        with closing(sqlite3.connect(file, timeout=20)) as connection:
            connection.executescript("".join(f"DELETE FROM {table};" for table in Base.metadata.tables))
    else:
        server: postgres.Server = request.getfixturevalue("postgres_server")
        yield server.shared
        server.clean()


@pytest.fixture
def empty_url(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of this test's own, without a table."""
    if engine == "sqlite":
        yield f"sqlite:///{tmp_path}/empty.db"
        return
    server: postgres.Server = request.getfixturevalue("postgres_server")
    url = server.empty()
    yield url
    server.drop(url)


@pytest.fixture
def settings(database_url: str) -> Settings:
    """Passwords cost next to nothing here."""
    return Settings(
        database_url=database_url,
        secret_key=SecretStr(KEY),
        password_memory_kib=8,
        password_rounds=1,
        together_base_url="http://127.0.0.1:9",
    )


application = cache(create_app)
"""One application for all the tests that want the same settings: half of what a test costs would be making it."""

connections = cache(Database)


@pytest.fixture
def app(settings: Settings) -> Iterator[FastAPI]:
    made = application(settings)
    yield made
    made.dependency_overrides.clear()


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    """A client of the application, which runs as long as the test does."""
    with TestClient(app) as client:
        yield client


@pytest.fixture
def database(settings: Settings) -> Database:
    """A database of its own connections, beside the application's."""
    return connections(settings.database_url)


@pytest.fixture
def db_session(database: Database) -> Iterator[Session]:
    """A writing session, committed at the end of the test: not together with `client`, which would wait for it."""
    with database.write() as session:
        yield session


CreateUser = Callable[..., UserOut]


@pytest.fixture
def create_user(database: Database, settings: Settings) -> CreateUser:
    """`create_user("mara", Role.REVIEWER, handles=["mara@example.com"])`; everybody's password is PASSWORD."""

    def create(username: str, role: Role = Role.VIEWER, handles: tuple[str, ...] = ()) -> UserOut:
        user, _ = service.create_user(
            database, settings, username=username, role=role, handles=handles, password=PASSWORD
        )
        return UserOut.of(user)

    return create


Headers = dict[str, str]


@pytest.fixture
def sign_in(database: Database, settings: Settings) -> Callable[[str], Headers]:
    """`client.get(..., headers=sign_in("mara"))`"""

    def headers(username: str) -> Headers:
        signed_in = service.sign_in(database, settings, username=username, password=PASSWORD, address="127.0.0.1")
        return {"Authorization": f"Bearer {signed_in.token}"}

    return headers


@pytest.fixture
def as_role(create_user: CreateUser, sign_in: Callable[[str], Headers]) -> Callable[[Role], Headers]:
    """`client.get(..., headers=as_role(Role.REVIEWER))`: a user of that role, named like it, made on first use."""
    known: dict[Role, Headers] = {}

    def headers(role: Role) -> Headers:
        if role not in known:
            create_user(role.value, role)
            known[role] = sign_in(role.value)
        return known[role]

    return headers


@pytest.fixture
def auth_token(as_role: Callable[[Role], Headers]) -> str:
    """The JWT of a new user, a developer."""
    return as_role(Role.DEVELOPER)["Authorization"].removeprefix("Bearer ")


@pytest.fixture
def ci_token(client: TestClient, as_role: Callable[[Role], Headers]) -> Callable[[str], Headers]:
    """`client.post(..., headers=ci_token("chat"))`: as a CI job of that project."""

    def headers(project: str) -> Headers:
        body = {"project": project, "name": "CI"}
        made = client.post("/api/v1/tokens", json=body, headers=as_role(Role.ADMIN)).json()
        return {"Authorization": f"Bearer {made['secret']}"}

    return headers


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])
