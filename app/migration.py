"""The database brought to the shape that `models.py` describes, by Alembic's revisions in `alembic/versions/`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from alembic.config import Config
from alembic.script.revision import ResolutionError
from alembic.util import CommandError
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from alembic import command
from app.database import BUSY_SECONDS

__all__ = ["ROOT", "NewerDatabase", "configuration", "connection_for_migrations", "downgrade", "upgrade"]

ROOT: Final = Path(__file__).parents[1]
LOCK: Final = 0x61636574
"""Of PostgreSQL's advisory locks the one of our migrations ("acet")."""


class NewerDatabase(Exception):
    """The database has a shape that this version does not know."""


def upgrade(url: str, revision: str = "head") -> None:
    """All or nothing. Of several processes that start at once, one migrates and the others wait for it. Raises
    NewerDatabase for one that a later version of the service has brought further."""
    with connection_for_migrations(url) as connection:
        try:
            command.upgrade(configuration(connection), revision)
        except CommandError as error:
            if isinstance(error.__cause__, ResolutionError):
                raise NewerDatabase("The database is of a newer version of the service.") from error
            raise


def downgrade(url: str, revision: str) -> None:
    with connection_for_migrations(url) as connection:
        command.downgrade(configuration(connection), revision)


def configuration(connection: Connection) -> Config:
    """Alembic's configuration; alembic/env.py uses the connection that it carries."""
    config = Config(ROOT / "alembic.ini")
    config.attributes["connection"] = connection
    return config


@contextmanager
def connection_for_migrations(url: str) -> Iterator[Connection]:
    """A connection in a transaction that nobody else's migration shares. On SQLite foreign keys are off: a table that
    is rebuilt is dropped on the way, and what refers to it would be deleted with it; they are checked at the end."""
    address = make_url(url)
    sqlite = address.get_backend_name() == "sqlite"
    if sqlite:
        Path(str(address.database)).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(address, poolclass=NullPool, connect_args={"timeout": BUSY_SECONDS})

        @event.listens_for(engine, "connect")
        def connected(connection: object, _record: object) -> None:
            connection.isolation_level = None  # type: ignore[attr-defined]

        @event.listens_for(engine, "begin")
        def begun(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        engine = create_engine(address.set(drivername="postgresql+psycopg"), poolclass=NullPool)
    with engine.begin() as connection:
        if not sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:name)"), {"name": LOCK})
        yield connection
        if sqlite and (broken := connection.exec_driver_sql("PRAGMA foreign_key_check").all()):
            raise RuntimeError(f"the migration left {len(broken)} rows that refer to nothing")
