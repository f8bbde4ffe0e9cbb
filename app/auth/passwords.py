"""Password hashes: argon2 through passlib. One takes a tenth of a second and 64 MiB on purpose: call on a thread."""

from __future__ import annotations

import os
import secrets
import threading
import warnings
from functools import lru_cache
from typing import Final

with warnings.catch_warnings():
    # passlib 1.7.4 looks for the `crypt` module and for argon2's version in ways that Python and argon2 deprecate.
    warnings.simplefilter("ignore", DeprecationWarning)
    from passlib.context import CryptContext
    from passlib.hash import argon2

    argon2.set_backend("argon2_cffi")

__all__ = ["LONGEST", "SHORTEST", "Passwords", "generated_password", "passwords"]

SHORTEST: Final = 12
LONGEST: Final = 256
AT_ONCE: Final = threading.BoundedSemaphore(max(2, os.cpu_count() or 1))
"""More hashes at a time would only wait for each other, each with its memory."""


class Passwords:
    def __init__(self, *, memory_kib: int, rounds: int) -> None:
        self._context = CryptContext(
            ["argon2"], argon2__memory_cost=memory_kib, argon2__rounds=rounds, argon2__parallelism=1
        )
        self._nobodys = self.hash(secrets.token_hex())

    def hash(self, password: str) -> str:
        with AT_ONCE:
            return self._context.hash(password)

    def verify(self, password: str, known: str | None) -> bool:
        """Takes as long for a user who does not exist (None) as for one who does."""
        tried = password if len(password) <= LONGEST else ""
        with AT_ONCE:
            return self._context.verify(tried, known or self._nobodys) and known is not None

    def outdated(self, known: str) -> bool:
        """Whether it was made at another cost."""
        return self._context.needs_update(known)


@lru_cache(maxsize=4)
def passwords(memory_kib: int, rounds: int) -> Passwords:
    return Passwords(memory_kib=memory_kib, rounds=rounds)


def generated_password() -> str:
    return secrets.token_urlsafe(18)
