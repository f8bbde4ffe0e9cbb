"""The shapes of changes and decisions on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from acetate.change import Absent
from acetate.ruling import Ruling
from app.models import Decision
from app.reviews.reviewed import Reviewed

__all__ = ["ChangeOut", "ChangeWithPlaces", "DecisionOut", "DecisionsIn", "RulingOut", "RulingsOut"]

Fingerprint = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]


class Chosen(BaseModel):
    """A change as it was on the screen."""

    model_config = ConfigDict(extra="forbid")

    fingerprint: Fingerprint
    state: Annotated[str, StringConstraints(max_length=100)] = Field(
        description="The `state` that the change had; another one by now is a 409 with the newer states"
    )


class DecisionsIn(BaseModel):
    """One decision on one or several changes: all of them or none."""

    model_config = ConfigDict(extra="forbid")

    decision: Literal["approved", "rejected", "undone"]
    why: Annotated[str, StringConstraints(max_length=2000)] = Field(
        "", description="The reason; a rejection needs one", examples=["The parser takes both since #88."]
    )
    changes: Annotated[list[Chosen], Field(min_length=1, max_length=5000)]


class ChangeOut(BaseModel):
    """A change in a run, as it stands. `before` and `after` are left out where that side is absent."""

    run: UUID = Field(description="The run that shows it")
    project: str
    fingerprint: str
    kind: str
    severity: Literal["error", "warn", "info", "none"]
    edge: Literal["consume", "provide"]
    provider: str
    operation: str
    status: int
    stream: bool
    path: str
    before: Any = None
    after: Any = None
    evidence: dict[str, Any]
    seen: int = Field(description="In how many places")
    author: str | None = Field(description="Whose run showed it first")
    first_seen_at: datetime
    decision: Literal["approved", "rejected"] | None = Field(description="The one that counts now")
    said: Literal["", "approved", "proposed", "rejected"] = Field(
        description="By the files of the commit; proposed: approved by the pull request itself"
    )
    by: str | None = Field(description="Who decided here")
    at: datetime | None
    why: str | None
    owners: list[str] = Field(description="Who owns the files that it occurs in (CODEOWNERS)")
    state: str = Field(description="To be sent with a decision")

    @classmethod
    def of(cls, reviewed: Reviewed) -> ChangeOut:
        return cls(**_told(reviewed))


class Place(BaseModel):
    """Where a change was seen."""

    model_config = ConfigDict(from_attributes=True)

    cassette: str
    exchange: int
    at: str
    test: str | None
    model: str | None
    recorded_at: str | None


class ChangeWithPlaces(ChangeOut):
    occurrences: list[Place]

    @classmethod
    def of(cls, reviewed: Reviewed) -> ChangeWithPlaces:
        return cls(**_told(reviewed), occurrences=[Place.model_validate(each) for each in reviewed.change.occurrences])


def _told(reviewed: Reviewed) -> dict[str, Any]:
    change = reviewed.change
    names = ("fingerprint", "kind", "severity", "edge", "provider", "operation", "status", "stream", "path", "decision")
    sides = {"before": change.before, "after": change.after}
    return {
        "run": reviewed.run.id,
        "project": reviewed.run.project,
        **{name: getattr(change, name) for name in names},
        **{name: side for name, side in sides.items() if not isinstance(side, Absent)},
        "evidence": {
            "now": change.evidence.now,
            "approved": change.evidence.approved,
            "first_recorded": change.evidence.first_recorded,
            "last_approved": change.evidence.last_approved,
            "models": dict(change.evidence.models),
        },
        **{name: getattr(reviewed, name) for name in ("seen", "author", "first_seen_at", "said", "by", "at", "why")},
        "owners": sorted(reviewed.owners),
        "state": reviewed.state,
    }


class DecisionOut(BaseModel):
    """A decision that was made; it stays in the history whatever comes after it."""

    model_config = ConfigDict(from_attributes=True)

    fingerprint: str
    version: int = Field(description="The how-manieth on this change")
    decision: Literal["approved", "rejected", "undone"]
    by: str
    at: datetime
    why: str
    run_id: UUID = Field(description="The run that was on the screen")
    batch: UUID = Field(description="Shared by the decisions of one request")
    sides: str = Field(description="SHA-256 over the digests of both sides of all files that were on the screen")

    @classmethod
    def of(cls, decision: Decision) -> DecisionOut:
        return cls.model_validate(decision)


class SidesOut(BaseModel):
    approved: str | None
    now: str | None


class RulingOut(BaseModel):
    """A decision that stands, and what was on the screen."""

    fingerprint: str
    decision: Literal["approved", "rejected"]
    by: str
    at: str
    why: str
    sides: dict[str, SidesOut] = Field(description="SHA-256 of both sides of each file, by its name")

    @classmethod
    def of(cls, ruling: Ruling) -> RulingOut:
        sides = {name: SidesOut(approved=each.approved, now=each.now) for name, each in ruling.sides.items()}
        return cls(
            fingerprint=ruling.fingerprint,
            decision=ruling.decision,
            by=ruling.by,
            at=ruling.at,
            why=ruling.why,
            sides=sides,
        )


class RulingsOut(BaseModel):
    project: str
    require_approval: bool = Field(description="Whether what an author accepted in a pull request waits for another")
    decisions: list[RulingOut]
