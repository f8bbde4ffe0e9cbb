"""One database, SQLite or PostgreSQL: `with database.read() as session`, `with database.write() as session`.

SQLite gets two engines: one connection that writes (BEGIN IMMEDIATE, so that a transaction that reads and then writes
loses nothing) and a pool of connections that can only read. PostgreSQL gets one pool; `read` opens read-only
transactions on it, and who reads a row in order to change it asks for it `with_for_update()`, which SQLite leaves out.

Open a session in one function and close it there, on one thread. A session held by a FastAPI dependency needs a second
thread of the pool to be given back, and a full pool then waits for itself.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Engine, Text, create_engine, event, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, DontWrapMixin
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.types import TypeDecorator

from app.errors import Unprocessable

__all__ = [
    "BUSY_SECONDS",
    "Database",
    "JsonValue",
    "PlainText",
    "Unstorable",
    "UtcDateTime",
    "WholeNumber",
    "lock",
]

BUSY_SECONDS: Final = 15
LARGEST: Final = 2**63 - 1
ESCAPED_NUL: Final = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
RETRIED: Final = frozenset({"40001", "40P01"})
"""SQLSTATE of a serialization failure and of a deadlock."""

T = TypeVar("T")


class Unstorable(Unprocessable, DontWrapMixin):
    """A value that one of the two databases cannot hold is refused by both."""


def _storable(value: str) -> str:
    if "\0" in value:
        raise Unstorable("unstorable-text", "Text with a NUL character cannot be kept.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Unstorable("unstorable-text", "Text with half a surrogate pair cannot be kept.") from None
    return value


def _dumps(value: Any) -> str:
    """JSON as both databases can hold it: no NaN, no NUL, no lone surrogate."""
    try:
        written = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        written.encode()
    except (ValueError, RecursionError):
        raise Unstorable("unstorable-json", "JSON with NaN, half a surrogate pair or no end cannot be kept.") from None
    if "\\u0000" in written and ESCAPED_NUL.search(written):  # The plain search is much quicker.
        raise Unstorable("unstorable-json", "JSON with a NUL character cannot be kept.")
    return written


class PlainText(TypeDecorator[str]):
    """Every `Mapped[str]`."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        return None if value is None else _storable(value)


class WholeNumber(TypeDecorator[int]):
    """Every `Mapped[int]`: 64 bits."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return dialect.type_descriptor(BigInteger())

    def process_bind_param(self, value: int | None, _dialect: Dialect) -> int | None:
        if value is not None and abs(value) > LARGEST:
            raise Unstorable("unstorable-number", "A number of more than 64 bits cannot be kept.")
        return value


class UtcDateTime(TypeDecorator[datetime]):
    """Every `Mapped[datetime]`: aware going in, aware and in UTC coming out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise TypeError(f"{value!r} has no time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


JsonValue: Final = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
"""For `mapped_column(JsonValue)`: None is NULL."""


class Database:
    """Both engines behind two verbs. Made once by `create_app`, closed with it."""

    def __init__(self, url: str, *, connections: int = 20) -> None:
        self.url: URL = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._writing, self._reading = _sqlite(self.url) if self.is_sqlite else _postgresql(self.url, connections)
        self._write = sessionmaker(self._writing, expire_on_commit=False)
        self._read = sessionmaker(self._reading, expire_on_commit=False, autoflush=False)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that cannot write."""
        with self._read() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Committed when the block ends, rolled back when it raises. Nothing slow belongs inside: SQLite has one."""
        with self._write.begin() as session:
            yield session

    def write_again(self, work: Callable[[Session], T]) -> T:
        """The result of `work` in a writing session, once more where PostgreSQL chose it to break a deadlock. Only for
        work that may be done from the start again."""
        try:
            with self.write() as session:
                return work(session)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in RETRIED:
                raise
        with self.write() as session:
            return work(session)

    @contextmanager
    def listening(self, hear: Callable[[Session], None]) -> Iterator[None]:
        """`hear` is called after each commit of a writing session, in its thread."""
        event.listen(self._write, "after_commit", hear)
        try:
            yield
        finally:
            event.remove(self._write, "after_commit", hear)

    def ping(self) -> float:
        """Seconds that the smallest question takes. Raises what the driver raises."""
        began = time.perf_counter()
        with self.read() as session:
            session.execute(select(1))
        return time.perf_counter() - began

    def close(self) -> None:
        self._writing.dispose()
        self._reading.dispose()


def lock(session: Session, name: str) -> None:
    """Others that ask for the same name wait until this writing session ends. On SQLite they do already."""
    connection = session.connection()  # with SQLite this begins, and waits for the one that writes
    if connection.dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


def _sqlite(url: URL) -> tuple[Engine, Engine]:
    Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    common: dict[str, Any] = {
        "connect_args": {"timeout": BUSY_SECONDS, "check_same_thread": False},
        "hide_parameters": True,
        "json_serializer": _dumps,
    }
    writing = create_engine(url, pool_size=1, max_overflow=0, pool_timeout=60, **common)
    reading = create_engine(url, pool_size=10, max_overflow=10, pool_timeout=60, **common)
    _begin(writing, "BEGIN IMMEDIATE", "PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL", "PRAGMA foreign_keys=ON")
    _begin(reading, "BEGIN", "PRAGMA query_only=ON")
    return writing, reading


def _begin(engine: Engine, statement: str, *pragmas: str) -> None:
    """Transactions are ours, not the driver's: it would begin them late and not at all for a read."""

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in pragmas:
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def begun(connection: Any) -> None:
        connection.exec_driver_sql(statement)


def _postgresql(url: URL, connections: int) -> tuple[Engine, Engine]:
    pool = max(1, connections // 2)
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=pool,
        max_overflow=connections - pool,
        pool_timeout=60,
        pool_pre_ping=True,
        connect_args={"options": "-c timezone=UTC -c lock_timeout=30s", "connect_timeout": 10},
        hide_parameters=True,
        json_serializer=_dumps,
    )
    return engine, engine.execution_options(postgresql_readonly=True)
