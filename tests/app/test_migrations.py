"""Migrations: up, down and up again, equal to the models, safe when two begin at once; on both databases."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, ForeignKeyConstraint, UniqueConstraint, inspect, text

from alembic import command
from app import migration
from app.database import Database
from app.models import Base, Message, User
from tests.app.engines import ONLY_POSTGRESQL, ONLY_SQLITE
from tests.app.factories import ChatKeyFactory, QuestionFactory, UserFactory, made_in

ROOT = Path(__file__).parents[2]


def tables(url: str) -> set[str]:
    with migration.connection_for_migrations(url) as connection:
        return set(inspect(connection).get_table_names()) - {"alembic_version"}


def schema(url: str) -> str:
    """Every table with its columns, indexes and constraints."""
    with migration.connection_for_migrations(url) as connection:
        seen = inspect(connection)
        parts = (seen.get_columns, seen.get_indexes, seen.get_unique_constraints, seen.get_foreign_keys)
        return "\n".join(
            str(sorted(json.dumps(each, default=str) for each in part(table)))
            for table in sorted(seen.get_table_names())
            for part in parts
        )


def test_the_models_are_what_the_migrations_make(empty_url):
    migration.upgrade(empty_url)
    assert tables(empty_url) == set(Base.metadata.tables)
    with migration.connection_for_migrations(empty_url) as connection:
        command.check(migration.configuration(connection))


@ONLY_POSTGRESQL
def test_every_constraint_is_named_as_the_models_name_it(database):
    query = (
        "SELECT conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'f', 'u')"
    )
    with database.read() as session:
        made = set(session.scalars(text(query)))
    kinds = (CheckConstraint, ForeignKeyConstraint, UniqueConstraint)
    named = {
        str(one.name) for table in Base.metadata.tables.values() for one in table.constraints if isinstance(one, kinds)
    }
    assert made == named


def test_down_takes_everything_away_and_up_brings_the_same_back(empty_url):
    migration.upgrade(empty_url)
    before = schema(empty_url)
    migration.downgrade(empty_url, "base")
    assert tables(empty_url) == set()
    migration.upgrade(empty_url)
    assert schema(empty_url) == before


def test_each_step_goes_down_and_up_with_the_rows_of_the_accounts_kept(empty_url):
    migration.upgrade(empty_url)
    with closing(Database(empty_url)) as database, database.write() as session, made_in(session):
        UserFactory(username="mara", role="admin", handles=["m"])
    migration.downgrade(empty_url, "0001_accounts")
    assert "users" in tables(empty_url)
    migration.upgrade(empty_url)
    with closing(Database(empty_url)) as database, database.read() as session:
        (kept,) = session.query(User).all()
    assert (kept.username, kept.role, kept.handles) == ("mara", "admin", ["m"])


def test_a_question_and_its_key_keep_their_time_on_the_way_up_and_down(empty_url):
    """Since 0004 the question has it; the question without a key is overdue."""
    migration.upgrade(empty_url)
    asked, later = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    with closing(Database(empty_url)) as database:
        with database.write() as session, made_in(session):
            keyed = QuestionFactory(status="pending", created_at=asked, pending_until=later)
            ChatKeyFactory(message=keyed)
            keyless = QuestionFactory(status="pending", created_at=asked, pending_until=later)
            answered = QuestionFactory(created_at=asked)
        migration.downgrade(empty_url, "0003_companion")
        assert "pending_until" not in schema(empty_url)
        migration.upgrade(empty_url)
        with database.read() as session:
            until = {row.id: row.pending_until for row in session.query(Message)}
    assert until == {keyed.id: later, keyless.id: asked, answered.id: None}


def test_the_revisions_are_one_line():
    script = ScriptDirectory(str(ROOT / "alembic"))
    assert len(script.get_heads()) == 1
    assert len(script.get_bases()) == 1


def test_of_two_that_begin_at_once_one_migrates(empty_url):
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda _: subprocess_upgrade(empty_url), range(2)))
    assert tables(empty_url) == set(Base.metadata.tables)


def subprocess_upgrade(url: str) -> None:
    program = "import sys; from app import migration; migration.upgrade(sys.argv[1])"
    subprocess.run([sys.executable, "-c", program, url], check=True, cwd=ROOT)


def test_a_migration_that_fails_leaves_the_database_as_it_was(empty_url):
    with migration.connection_for_migrations(empty_url) as connection:
        connection.execute(text("CREATE TABLE revoked_tokens (x INTEGER)"))
    with pytest.raises(Exception, match="revoked_tokens"):
        migration.upgrade(empty_url)
    assert tables(empty_url) == {"revoked_tokens"}


@ONLY_SQLITE
def test_a_migration_that_leaves_rows_that_refer_to_nothing_is_undone(empty_url):
    migration.upgrade(empty_url)
    row = "INSERT INTO api_tokens (id, project, name, prefix, digest, created_by, created_at) VALUES (1,2,3,4,5,6,7)"
    with pytest.raises(RuntimeError, match="1 rows"), migration.connection_for_migrations(empty_url) as connection:
        connection.execute(text(row))
    with closing(Database(empty_url)) as database, database.read() as session:
        assert session.scalar(text("SELECT count(*) FROM api_tokens")) == 0


@ONLY_SQLITE
def test_alembics_own_command_does_the_same(empty_url):
    environment = {**os.environ, "ACETATE_DATABASE_URL": empty_url}
    alembic = Path(sys.executable).with_name("alembic")
    for words in (["upgrade", "head"], ["check"]):
        run = subprocess.run([alembic, *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
    assert tables(empty_url) == set(Base.metadata.tables)
