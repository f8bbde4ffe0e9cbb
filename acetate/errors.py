"""Exceptions mean "could not look". A broken contract is a value (a `Change`), never an exception.

AcetateError
├── ConfigError        the configuration cannot be used
├── CassetteError      a cassette cannot be read
├── SecretFound        something that looks like a secret was about to be written
├── ApprovedFileError  a snapshot, contract or decision file cannot be read
├── Refused            a write that is not allowed here (CI, an undecided change)
└── UsageError         the words of a command do not fit
"""

from __future__ import annotations

__all__ = [
    "AcetateError",
    "ApprovedFileError",
    "CassetteError",
    "ConfigError",
    "Refused",
    "SecretFound",
    "UsageError",
    "amiss",
]


class AcetateError(Exception):
    """Something stopped us from looking. `where` names the place, `next` says what to type or do."""

    def __init__(self, problem: str, *, where: str = "", next: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.where = where
        self.next = next

    def __str__(self) -> str:
        text = f"{self.where}: {self.problem}" if self.where else self.problem
        return f"{text}\n  next: {self.next}" if self.next else text


class ConfigError(AcetateError):
    """The configuration cannot be used."""


class CassetteError(AcetateError):
    """A cassette cannot be read; the file is left alone."""


class SecretFound(AcetateError):
    """Something that looks like a secret was about to be written; nothing was."""


class ApprovedFileError(AcetateError):
    """A snapshot, a contract or a decision cannot be read; the file is left alone."""


class Refused(AcetateError):
    """A write that is not allowed here and now."""


class UsageError(AcetateError):
    """The words of a command do not fit."""


def amiss(error: Exception) -> str:
    """What is wrong with a file that Acetate once wrote, by what stopped its reader, in words for people."""
    line = getattr(error, "lineno", None)
    if line is not None:
        return f"line {line} is not JSON"
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start} is not UTF-8"
    if isinstance(error, KeyError):
        return f"`{error.args[0]}` is missing"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, ValueError):
        return str(error)
    return "a part of it is of another kind than what was written"
