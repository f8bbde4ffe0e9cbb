"""The service as a process of its own, with its companion's model on this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pydantic import SecretStr

from app import migration
from app.auth import service as accounts
from app.database import Database
from app.models import Role
from app.settings import Settings
from tests.app.access import PASSWORD
from tests.standin.server import KEY, Standin

__all__ = ["Live", "serving"]

SECRET = "of tests only, and long enough to be one"


@dataclass(frozen=True)
class Live:
    url: str
    process: subprocess.Popen[str]
    settings: Settings
    """Those that it was started with, as far as accounts need them."""

    def signed_up(self, username: str) -> dict[str, str]:
        """The headers of a new user."""
        database = Database(self.settings.database_url)
        try:
            accounts.create_user(database, self.settings, username=username, role=Role.VIEWER, password=PASSWORD)
            signed_in = accounts.sign_in(
                database, self.settings, username=username, password=PASSWORD, address="127.0.0.1"
            )
        finally:
            database.close()
        return {"Authorization": f"Bearer {signed_in.token}"}


@contextmanager
def serving(database_url: str, together: Standin, **more: str) -> Iterator[Live]:
    """`more` are settings, as the environment has them."""
    settings = Settings(
        database_url=database_url, secret_key=SecretStr(SECRET), password_memory_kib=8, password_rounds=1
    )
    migration.upgrade(database_url)
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = str(found.getsockname()[1])
    told = {
        "database_url": database_url,
        "secret_key": SECRET,
        "password_memory_kib": "8",
        "password_rounds": "1",
        "together_base_url": together.url,
        "together_api_key": KEY,
        "companion_chats": "100000/minute",
        "companion_requests": "100000/minute",
        "log_level": "error",
        **more,
    }
    variables = {f"ACETATE_{name.upper()}": value for name, value in told.items()}
    command = [sys.executable, "-W", "ignore", "-m", "app", "serve", "--port", port]
    process = subprocess.Popen(command, env=os.environ | variables, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        while "http://" not in (line := process.stdout.readline()):
            assert line, "the service did not start"
        yield Live(f"http://127.0.0.1:{port}", process, settings)
    finally:
        process.terminate()
        process.communicate(timeout=30)
