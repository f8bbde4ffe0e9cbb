"""`python -m app`: served, migrated, and people let in from a terminal."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from sqlalchemy import text

from app import migration
from app.__main__ import main
from app.auth import service
from app.auth.passwords import passwords
from app.database import Database
from app.settings import Settings

ROOT = Path(__file__).parents[2]


@pytest.fixture
def url(tmp_path, monkeypatch) -> str:
    """A database that is not there yet, and a cheap password hash."""
    url = f"sqlite:///{tmp_path}/data/service.db"
    monkeypatch.setenv("ACETATE_DATABASE_URL", url)
    monkeypatch.setenv("ACETATE_PASSWORD_MEMORY_KIB", "8")
    monkeypatch.setenv("ACETATE_PASSWORD_ROUNDS", "1")
    passwords.cache_clear()
    return url


def signs_in(url: str, name: str, password: str) -> bool:
    database, settings = Database(url), Settings()
    with database.read() as session:
        known = service.user_named(session, name).password_hash
    database.close()
    return passwords(settings.password_memory_kib, settings.password_rounds).verify(password, known)


def shown(text: str) -> tuple[str, str]:
    """User and password as they were printed."""
    return re.findall(r"user +(\S+)", text)[-1], re.findall(r"password +(\S+)", text)[-1]


def test_an_administrator_is_made_and_the_password_shown(url, capsys):
    assert main(["create-admin", "mara"]) == 0
    assert signs_in(url, *shown(capsys.readouterr().out))


def test_a_name_that_is_taken_is_said(url, capsys):
    main(["create-admin", "mara"])
    assert main(["create-admin", "Mara"]) == 1
    assert capsys.readouterr().err == "There is a user of that name.\n"


def test_a_password_is_reset_and_shown(url, capsys):
    main(["create-admin", "mara"])
    _, old = shown(capsys.readouterr().out)
    assert main(["reset-password", "MARA"]) == 0
    name, new = shown(capsys.readouterr().out)
    assert name == "mara"
    assert signs_in(url, name, new)
    assert not signs_in(url, name, old)


def test_a_user_who_is_not_there_has_no_password(url, capsys):
    main(["migrate"])
    assert main(["reset-password", "mara"]) == 1
    assert capsys.readouterr().err == "There is no user of that name.\n"


def test_migrating_twice_is_the_same_as_once(url, capsys):
    assert main(["migrate"]) == main(["migrate"]) == 0
    assert capsys.readouterr().out == "The database is up to date.\n" * 2


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ACETATE_SECRET_KEY", "short", "shorter than 32"),
        ("ACETATE_TOKEN_MINUTES", "0", "ACETATE_TOKEN_MINUTES"),
        ("ACETATE_SECRET_KEY", "k" * 31, "ACETATE_SECRET_KEY: "),
        ("ACETATE_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none", "ACETATE_SECRET_KEY is needed"),
    ],
)
def test_a_setting_that_cannot_work_says_what_to_do(url, monkeypatch, capsys, name, value, said):
    monkeypatch.setenv(name, value)
    assert main(["migrate"]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "next: see docs/service.md" in error
    assert value not in error or len(value) < 6


def test_a_database_that_does_not_answer_is_said(url, monkeypatch, capsys):
    monkeypatch.setenv("ACETATE_DATABASE_URL", "postgresql://nobody:hunter2@127.0.0.1:9/none")
    monkeypatch.setenv("ACETATE_SECRET_KEY", "k" * 32)
    assert main(["migrate"]) == 2
    assert capsys.readouterr().err == "The database does not answer.\n  next: look at ACETATE_DATABASE_URL\n"


@pytest.mark.parametrize("verb", ["migrate", "serve"])
def test_a_database_of_a_newer_service_is_said(url, capsys, monkeypatch, verb):
    monkeypatch.setattr("app.__main__.configure_logging", lambda _level: None)
    main(["migrate"])
    with migration.connection_for_migrations(url) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999_from_the_future'"))
    capsys.readouterr()
    assert main([verb]) == 2
    assert capsys.readouterr().err.splitlines()[-2:] == [
        "The database is of a newer version of the service.",
        "  next: install that version, or give back the backup from before it",
    ]


@pytest.mark.parametrize("name", ["a b", "", "-", "x" * 101])
def test_a_name_that_the_api_would_not_take_is_refused(url, capsys, name):
    with pytest.raises(SystemExit):
        main(["create-admin", "--", name])
    assert "letters, digits" in capsys.readouterr().err


@pytest.fixture
def served(url, free_port):
    """The service as `make run` starts it: its process, its address and what it printed first."""
    running = subprocess.Popen(
        [sys.executable, "-m", "app", "serve", "--port", str(free_port)],
        cwd=ROOT,
        env={**os.environ, "ACETATE_DATABSE_URL": "misspelt"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdout
    lines = [running.stdout.readline() for _ in range(4)]
    yield running, f"http://127.0.0.1:{free_port}", "".join(lines)
    if running.poll() is None:
        running.kill()
    running.communicate()


def test_it_is_served_with_a_first_administrator_and_stops_when_told(served, url):
    running, address, printed = served
    assert f"{address}/" in printed
    assert signs_in(url, *shown(printed))
    with urllib.request.urlopen(f"{address}/health/ready", timeout=30) as answer:
        assert answer.status == 200
    running.send_signal(signal.SIGTERM)
    out, err = running.communicate(timeout=30)
    assert out == ""
    assert "ACETATE_DATABSE_URL" in err
    assert shown(printed)[1] not in err
    assert running.returncode in (0, -signal.SIGTERM)
    assert all(line.startswith("{") for line in err.splitlines()), err


def test_a_port_that_is_taken_is_no_address(url):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        run = subprocess.run(
            [sys.executable, "-m", "app", "serve", "--port", str(taken.getsockname()[1])],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert run.returncode != 0
    assert "http://" not in run.stdout
    assert "address already in use" in run.stderr
