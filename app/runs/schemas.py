"""The shapes of runs and projects on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from app.models import Delivery, Project, Report, Run, Webhook

__all__ = [
    "BundleIn",
    "DeliveryOut",
    "MissingIn",
    "MissingOut",
    "Name",
    "ProjectChange",
    "ProjectOut",
    "Pushed",
    "ReportOut",
    "RunOut",
    "RunWithReports",
    "SidesIn",
    "StatusOut",
    "WebhookIn",
    "WebhookMade",
    "WebhookOut",
]

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
REPOSITORY = r"^([A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9_.-]*[A-Za-z0-9_-][A-Za-z0-9_.-]*)?$"
"""`owner/name` or nothing; a name has more than dots."""

Place = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Outcome = Literal["passed", "needs-review", "failed", "unknown"]


class SidesIn(BaseModel):
    """The SHA-256 of a file as it is approved, and as it would be if all that was seen were approved."""

    model_config = ConfigDict(frozen=True)

    approved: Digest | None
    now: Digest | None


class BundleIn(BaseModel):
    """`acetate.run/1`: what `acetate push` sends."""

    model_config = ConfigDict(populate_by_name=True)

    schema_: Literal["acetate.run/1"] = Field(alias="schema")
    project: Name
    job: Name = Field(description="Of one commit, a later report of the same job replaces the earlier one")
    at: AwareDatetime = Field(description="When the report was made")
    against: Annotated[str, StringConstraints(max_length=100)] | None = Field(
        None, description="The commit that approved files were compared with, for a report of `check --against`"
    )
    report: dict[str, Any] = Field(description="`acetate.report/1`")
    contracts: dict[Place, SidesIn] = Field(description="Both sides of each contract, by its path")
    snapshots: dict[Place, SidesIn] = Field(description="Both sides of each snapshot, by its name")
    owners: dict[Place, list[Name]] = Field(default_factory=dict, description="Who owns the file of each (CODEOWNERS)")
    files: dict[Digest, str] = Field(
        default_factory=dict, description="The contents that were missing, by the SHA-256 of their bytes (UTF-8)"
    )


class MissingIn(BaseModel):
    project: Name
    digests: Annotated[list[Digest], Field(max_length=400_000)]


class MissingOut(BaseModel):
    missing: list[str] = Field(description="Those whose contents have to be sent")


class Pushed(BaseModel):
    id: UUID
    url: str = Field(description="The page of the run")
    outcome: Outcome
    waiting: int = Field(description="How many changes wait for a decision")


class StatusOut(Pushed):
    project: str
    commit: str | None

    @classmethod
    def of(cls, run: Run, url: str) -> StatusOut:
        return cls.model_validate(
            {**{name: getattr(run, name) for name in cls.model_fields if name != "url"}, "url": url}
        )


class RunOut(BaseModel):
    """One commit of a project."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    project: str
    commit: str | None
    branch: str | None
    base: str | None
    pull_request: str | None
    author: str | None
    outcome: Outcome
    waiting: int = Field(description="How many changes wait for a decision")
    current: bool = Field(description="Whether it is the newest of its branch or pull request")
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, run: Run) -> RunOut:
        return cls.model_validate(run)


class ReportOut(BaseModel):
    """What one job saw."""

    model_config = ConfigDict(from_attributes=True)

    job: str
    made_at: datetime
    received_at: datetime
    against: str | None
    acetate: str = Field(description="The version that made it")
    ci_url: str | None
    counts: dict[str, int]
    problems: list[dict[str, str]]

    @classmethod
    def of(cls, report: Report) -> ReportOut:
        return cls.model_validate(report)


class RunWithReports(RunOut):
    reports: list[ReportOut]


class ProjectOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    name: str
    require_approval: bool = Field(description="Whether what an author accepted in a pull request waits for another")
    repository: str | None = Field(description="`owner/name` at GitHub, where commit statuses go")
    created_at: datetime

    @classmethod
    def of(cls, project: Project) -> ProjectOut:
        return cls.model_validate(project)


class ProjectChange(BaseModel):
    model_config = ConfigDict(extra="forbid")

    require_approval: bool | None = None
    repository: Annotated[str, StringConstraints(max_length=200, pattern=REPOSITORY)] | None = Field(
        None, description="`owner/name`; an empty text takes it away"
    )


class WebhookIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    project: Name
    url: Annotated[str, StringConstraints(max_length=2000)]
    style: Literal["plain", "slack"] = "plain"


class WebhookOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    project: str
    url: str
    style: Literal["plain", "slack"]
    created_at: datetime

    @classmethod
    def of(cls, webhook: Webhook) -> WebhookOut:
        return cls.model_validate(webhook)


class WebhookMade(WebhookOut):
    secret: str = Field(description="Signs what is sent; it is not shown again")


class DeliveryOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    event: str
    state: Literal["waiting", "delivered", "given-up"]
    created_at: datetime
    due_at: datetime
    attempts: int
    status: int | None = Field(description="Of the last answer")
    error: str | None

    @classmethod
    def of(cls, delivery: Delivery) -> DeliveryOut:
        return cls.model_validate(delivery)
