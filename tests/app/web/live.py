"""The service as a browser sees it: a server of its own on loopback, with a database of its own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
import structlog
import uvicorn
from pydantic import SecretStr

from app import migration
from app.auth import service as accounts
from app.database import Database
from app.main import create_app
from app.models import ApiToken, Role
from app.runs import webhooks
from app.settings import Settings
from tests.app.access import PASSWORD

__all__ = ["Live", "serving"]


@dataclass(frozen=True)
class Live:
    """The server's address, and its database from beside it."""

    url: str
    settings: Settings
    database: Database

    def user(self, username: str, role: Role, handles: tuple[str, ...] = ()) -> None:
        accounts.create_user(
            self.database, self.settings, username=username, role=role, handles=handles, password=PASSWORD
        )

    def token(self, project: str) -> str:
        """The secret of a new token of a project's CI."""
        with self.database.write() as session:
            admin = accounts.user_named(session, "admin")
            person: Any = admin
            made: tuple[ApiToken, str] = accounts.create_ci_token(session, project=project, name="CI", by=person)
        return made[1]

    def webhook(self, project: str, url: str) -> None:
        with self.database.write() as session:
            admin: Any = accounts.user_named(session, "admin")
            webhooks.add_webhook(session, project, url, "plain", by=admin)

    def push(self, bundle: dict[str, Any]) -> str:
        """A made-up run; its id."""
        headers = {"Authorization": f"Bearer {self.token(bundle['project'])}"}
        answer = httpx.post(f"{self.url}/api/v1/runs", json=bundle, headers=headers, timeout=60)
        assert answer.status_code in (200, 201), answer.text
        return str(answer.json()["id"])

    def signed_in(self, username: str) -> httpx.Client:
        """A client with the cookie of a session."""
        client = httpx.Client(base_url=self.url, timeout=30)
        answer = client.post("/sign-in", data={"username": username, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        return client


@contextmanager
def serving(folder: Path) -> Iterator[Live]:
    """People: admin; mara and otto, who review; vera, who looks. Passwords cost next to nothing."""
    # What goes wrong in the server is told in few words: the default draws every local variable, for a minute.
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.processors.format_exc_info, plain])
    url = f"sqlite:///{folder}/service.db"
    migration.upgrade(url)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    settings = Settings(
        database_url=url,
        public_url=address,
        secret_key=SecretStr("of tests only, and long enough to be one"),
        password_memory_kib=8,
        password_rounds=1,
        together_base_url="http://127.0.0.1:9",
        login_attempts=1000,
    )
    with _listening(settings) as database:
        live = Live(address, settings, database)
        live.user("admin", Role.ADMIN)
        live.user("mara", Role.REVIEWER, ("mara@example.com",))
        live.user("otto", Role.REVIEWER)
        live.user("vera", Role.VIEWER)
        yield live
    structlog.reset_defaults()


@contextmanager
def _listening(settings: Settings) -> Iterator[Database]:
    host, _, port = settings.public_url.removeprefix("http://").partition(":")
    config = uvicorn.Config(create_app(settings), host=host, port=int(port), log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        thread.join(0.01)
    database = Database(settings.database_url)
    yield database
    database.close()
    server.should_exit = True
    thread.join(20)
