"""What the service is told from outside, and what it refuses to start with."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from app.settings import PREFIX, Settings, unknown_variables, with_secret_key

KEY = "k" * 32


def test_a_setting_is_read_from_its_variable(monkeypatch):
    monkeypatch.setenv("ACETATE_TOKEN_MINUTES", "5")
    monkeypatch.setenv("ACETATE_PUBLIC_URL", "https://reviews.example/")
    settings = Settings()
    assert (settings.token_minutes, settings.public_url, settings.secure) == (5, "https://reviews.example", True)


def test_without_any_variable_it_is_sqlite_under_the_ignored_folder():
    settings = Settings()
    assert settings.sqlite_file == Path(".acetate/service/service.db")
    assert not settings.secure


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("secret_key", "k" * 31),
        ("database_url", "sqlite://"),
        ("database_url", "sqlite:///:memory:"),
        ("database_url", "mysql://host/name"),
        ("database_url", "nonsense"),
        ("public_url", "reviews.example"),
        ("public_url", "javascript:alert(1)"),
        ("token_minutes", "0"),
        ("login_attempts", "many"),
        ("log_level", "loud"),
    ],
)
def test_a_setting_that_cannot_work_is_refused(monkeypatch, name, value):
    monkeypatch.setenv(PREFIX + name.upper(), value)
    with pytest.raises(ValidationError) as refused:
        Settings()
    assert name.split("_")[0] in str(refused.value)
    assert "k" * 31 not in str(refused.value)


def test_no_secret_is_printed():
    settings = Settings(secret_key=SecretStr(KEY), together_api_key=SecretStr("sk-very-secret"))
    assert KEY not in repr(settings)
    assert "very-secret" not in repr(settings)


def test_the_configured_key_is_used():
    assert with_secret_key(Settings(secret_key=SecretStr(KEY))).key == KEY


def test_postgresql_needs_a_configured_key():
    with pytest.raises(ValueError, match="ACETATE_SECRET_KEY is needed"):
        with_secret_key(Settings(database_url="postgresql://host/name"))


def test_a_key_is_made_beside_the_sqlite_file_and_kept(tmp_path):
    settings = Settings(database_url=f"sqlite:///{tmp_path}/deep/service.db")
    key = with_secret_key(settings).key
    file = tmp_path / "deep" / "secret_key"
    assert len(key) >= 32
    assert with_secret_key(settings).key == key == file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_of_many_that_make_the_key_at_once_all_have_the_same(tmp_path):
    settings = Settings(database_url=f"sqlite:///{tmp_path}/service.db")
    with ThreadPoolExecutor(16) as threads:
        keys = set(threads.map(lambda _: with_secret_key(settings).key, range(64)))
    assert len(keys) == 1


def test_who_comes_second_takes_the_key_of_who_came_first(tmp_path, monkeypatch):
    file, link = tmp_path / "secret_key", os.link

    def late(draft, target):
        file.write_text("f" * 40)
        link(draft, target)

    monkeypatch.setattr("app.settings.os.link", late)
    assert with_secret_key(Settings(database_url=f"sqlite:///{tmp_path}/service.db")).key == "f" * 40
    assert list(tmp_path.iterdir()) == [file]


def test_a_kept_key_that_was_cut_is_refused(tmp_path):
    (tmp_path / "secret_key").write_text("short")
    with pytest.raises(ValueError, match="holds no key"):
        with_secret_key(Settings(database_url=f"sqlite:///{tmp_path}/service.db"))


def test_a_misspelt_variable_is_named(monkeypatch):
    monkeypatch.setenv("ACETATE_DATABSE_URL", "sqlite:///x.db")
    monkeypatch.setenv("ACETATE_TOKEN", "of the command, not of the service")
    monkeypatch.setenv("ACETATE_PUBLIC_URL", "http://localhost")
    assert unknown_variables() == ["ACETATE_DATABSE_URL"]


def test_every_setting_is_described():
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
