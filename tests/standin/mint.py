"""Ids, numbers and times that look like Together's and are derived from the request: no chance and no clock."""

from __future__ import annotations

import hashlib
import string
from dataclasses import dataclass
from decimal import Decimal

__all__ = ["Mint"]

LAUNCH = 1767225600
"""The first second in which the stand-in says it answered: the start of 2026."""
DAY = 86400
ALPHABET = string.ascii_lowercase + string.digits
BIASED = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class Mint:
    """What is minted for one answer. `made_from` is the request and how often it came before; `now`, in seconds,
    stands in for a derived time where the script wants the clock."""

    made_from: bytes
    now: int | None = None

    def digest(self, label: str) -> bytes:
        return hashlib.blake2b(label.encode() + b"\0" + self.made_from, digest_size=32).digest()

    def hex(self, label: str, length: int) -> str:
        return self.digest(label).hex()[:length]

    def letters(self, label: str, length: int, alphabet: str = ALPHABET) -> str:
        return "".join(alphabet[byte % len(alphabet)] for byte in self.digest(label)[:length])

    def number(self, label: str, below: int) -> int:
        return int.from_bytes(self.digest(label)[:8], "big") % below

    @property
    def ray(self) -> str:
        """Cloudflare's name for the request; it stands inside the id."""
        return self.hex("ray", 16)

    @property
    def id(self) -> str:
        return f"{self.letters('id', 7, BIASED)}-{self.letters('node', 6, BIASED)}-{self.ray}"

    @property
    def created(self) -> int:
        return LAUNCH + self.number("created", DAY) if self.now is None else self.now

    def seed(self, choice: int) -> int:
        """More than int64 holds, and with trailing zeros: a gateway in JavaScript rounded it to a double."""
        double = float(2**63 + self.number(f"seed {choice}", 2**63))
        return int(Decimal(repr(double)))

    def call_id(self, choice: int, index: int) -> str:
        """The id of a tool call."""
        return f"call_{self.letters(f'call {choice} {index}', 24)}"
