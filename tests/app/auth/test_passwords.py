"""Hashing: slow on purpose, and as slow for a user who does not exist."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

import pytest

from app.auth.passwords import LONGEST, Passwords, generated_password, passwords

CHEAP = Passwords(memory_kib=8, rounds=1)


def test_the_password_that_was_hashed_is_verified_and_no_other():
    hashed = CHEAP.hash("correct horse battery")
    assert hashed.startswith("$argon2id$")
    assert CHEAP.verify("correct horse battery", hashed)
    assert not CHEAP.verify("correct horse batter", hashed)
    assert not CHEAP.verify("", hashed)


def test_the_same_password_never_has_the_same_hash():
    assert CHEAP.hash("correct horse battery") != CHEAP.hash("correct horse battery")


def test_nobody_has_no_password():
    assert not CHEAP.verify("anything", None)


@pytest.mark.parametrize("password", ["x" * (LONGEST + 1), "x" * 1_000_000, "\0", "pässwörd \U0001f600"])
def test_a_strange_password_is_only_wrong(password):
    assert not CHEAP.verify(password, CHEAP.hash("correct horse battery"))


def test_a_hash_of_another_cost_is_outdated():
    dearer = Passwords(memory_kib=16, rounds=2)
    assert dearer.outdated(CHEAP.hash("correct horse battery"))
    assert not dearer.outdated(dearer.hash("correct horse battery"))


def test_one_hasher_for_each_cost():
    assert passwords(8, 1) is passwords(8, 1)


def test_a_generated_password_is_long_and_new():
    made = {generated_password() for _ in range(50)}
    assert len(made) == 50
    assert all(len(password) >= 24 for password in made)


def seconds(hasher: Passwords, known: str | None) -> float:
    began = time.process_time()
    hasher.verify("wrong wrong wrong", known)
    return time.process_time() - began


def test_an_unknown_user_takes_as_long_as_a_known_one():
    hasher = Passwords(memory_kib=4096, rounds=4)
    known = hasher.hash("correct horse battery")
    pairs = [(seconds(hasher, known), seconds(hasher, None)) for _ in range(31)]
    ratio = statistics.median(unknown for _, unknown in pairs) / statistics.median(known for known, _ in pairs)
    assert 0.85 < ratio < 1.15


def test_nothing_warns_where_warnings_are_errors():
    code = "from app.auth.passwords import passwords; passwords(8, 1).hash('correct horse battery')"
    run = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
