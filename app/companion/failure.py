"""What can go wrong with the model's provider, each with the status and the code that a client of ours sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["FAILURES", "FailureCode", "ProviderFailure"]

FailureCode = Literal[
    "provider-timeout",
    "provider-rate-limited",
    "provider-unreachable",
    "provider-unavailable",
    "provider-refused",
    "provider-account",
    "provider-model-unavailable",
    "provider-malformed",
    "provider-cut",
]


@dataclass(frozen=True, slots=True)
class Outcome:
    status: int
    problem: str
    passing: bool = False
    """Whether asking again soon may help."""


FAILURES: dict[FailureCode, Outcome] = {
    "provider-timeout": Outcome(504, "The model did not answer in time."),
    "provider-rate-limited": Outcome(429, "The model has too much to do.", passing=True),
    "provider-unreachable": Outcome(502, "The model could not be reached.", passing=True),
    "provider-unavailable": Outcome(502, "The model is not available.", passing=True),
    "provider-refused": Outcome(502, "The model did not take the request."),
    "provider-account": Outcome(502, "The model's provider does not serve this backend's account."),
    "provider-model-unavailable": Outcome(502, "The provider does not serve the companion's model."),
    "provider-malformed": Outcome(502, "The model's answer could not be read."),
    "provider-cut": Outcome(502, "The model's answer stopped halfway.", passing=True),
}
"""The stable codes of our problem documents."""


class ProviderFailure(Exception):
    """`detail` is for the log: what the provider said may name an account or a key, so no client sees it."""

    def __init__(self, code: FailureCode, detail: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(f"{code}: {detail}")
        self.code: FailureCode = code
        self.detail = detail
        self.retry_after = retry_after
        """Seconds that the provider asked for."""

    @property
    def outcome(self) -> Outcome:
        return FAILURES[self.code]
