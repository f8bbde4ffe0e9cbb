"""Guessing passwords ends after ten attempts in five minutes, on all replicas together."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from freezegun import freeze_time

from app.auth import service, throttle
from app.errors import Unauthorized
from tests.app.access import PASSWORD


@pytest.fixture
def attempt(database, settings, create_user):
    """`attempt("mara", "wrong", "10.0.0.1")` -> what came of it."""
    create_user("mara")

    def outcome(username: str, password: str, address: str = "10.0.0.1") -> str:
        try:
            service.sign_in(database, settings, username=username, password=password, address=address)
        except Unauthorized:
            return "wrong"
        except throttle.TooManyAttempts as refused:
            return f"wait {refused.headers['Retry-After']}"
        return "in"

    return outcome


def test_the_eleventh_attempt_waits_even_with_the_right_password(attempt):
    with freeze_time("2026-11-22 12:00:00"):
        assert [attempt("mara", "wrong") for _ in range(10)] == ["wrong"] * 10
        assert attempt("mara", PASSWORD) == "wait 300"
        assert attempt("MARA", PASSWORD) == "wait 300"


def test_after_the_window_the_user_may_try_again(attempt):
    with freeze_time("2026-11-22 12:00:00") as clock:
        for _ in range(10):
            attempt("mara", "wrong")
        clock.tick(299)
        assert attempt("mara", PASSWORD) == "wait 1"
        clock.tick(2)
        assert attempt("mara", PASSWORD) == "in"


def test_the_user_can_still_sign_in_from_elsewhere(attempt):
    for _ in range(10):
        attempt("mara", "wrong")
    assert attempt("mara", PASSWORD, "10.0.0.2") == "in"


def test_somebody_else_can_sign_in_from_the_same_address(attempt, create_user):
    create_user("noor")
    for _ in range(10):
        attempt("mara", "wrong")
    assert attempt("noor", PASSWORD) == "in"


def test_a_success_forgets_the_failures_before_it(attempt):
    for _ in range(9):
        attempt("mara", "wrong")
    assert attempt("mara", PASSWORD) == "in"
    assert [attempt("mara", "wrong") for _ in range(10)] == ["wrong"] * 10


def test_an_unknown_user_is_throttled_alike(attempt):
    assert [attempt("nobody", "wrong") for _ in range(10)] == ["wrong"] * 10
    assert attempt("nobody", "wrong").startswith("wait")


def test_guessing_one_user_from_everywhere_ends(attempt):
    assert [attempt("mara", "wrong", f"10.0.1.{number}") for number in range(100)] == ["wrong"] * 100
    assert attempt("mara", PASSWORD, "10.0.2.1").startswith("wait")


def test_guessing_every_user_from_one_address_ends(attempt):
    assert [attempt(f"user{number}", "wrong") for number in range(100)] == ["wrong"] * 100
    assert attempt("mara", PASSWORD).startswith("wait")


def test_of_many_attempts_at_once_no_more_than_ten_are_looked_at(attempt):
    with ThreadPoolExecutor(16) as threads:
        outcomes = list(threads.map(lambda _: attempt("mara", "wrong"), range(40)))
    assert outcomes.count("wrong") == 10
    assert all(outcome.startswith("wait") for outcome in outcomes if outcome != "wrong")


def test_the_api_answers_429_with_retry_after(client, create_user):
    create_user("mara")
    form = {"username": "mara", "password": "wrong wrong wrong"}
    statuses = [client.post("/token", data=form).status_code for _ in range(10)]
    refused = client.post("/token", data=form)
    assert statuses == [401] * 10
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 300
    assert refused.json()["code"] == "too-many-attempts"
