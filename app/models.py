"""All tables. A room's rows are reached through its service, never from another room's."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import (
    CheckConstraint,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    MetaData,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.database import JsonValue, PlainText, UtcDateTime, WholeNumber

__all__ = [
    "ApiToken",
    "Base",
    "Change",
    "ChatKey",
    "Companion",
    "Conversation",
    "Decision",
    "Delivery",
    "DeviceEvent",
    "DeviceEventCount",
    "LoginAttempt",
    "Memory",
    "Message",
    "Project",
    "RateWindow",
    "Report",
    "RevokedToken",
    "Role",
    "Run",
    "Sighting",
    "StoredFile",
    "User",
    "Webhook",
    "now",
]

NAMING: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def now() -> datetime:
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """Plain Python types become columns that both databases hold alike."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012  (SQLAlchemy's own name)
        str: PlainText,
        int: WholeNumber,
        float: Float,
        datetime: UtcDateTime,
        UUID: Uuid,
        dict[str, Any]: JsonValue,
        list[str]: JsonValue,
        list[Any]: JsonValue,
    }


# Accounts (app.auth; migration 0001_accounts) -----------------------------------------------------------------------


class Role(StrEnum):
    """In order: each may do what the ones before it may."""

    VIEWER = "viewer"
    DEVELOPER = "developer"
    REVIEWER = "reviewer"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        return list(Role).index(self)

    def includes(self, other: Role) -> bool:
        return self.rank >= other.rank


class User(Base):
    __tablename__ = "users"
    __table_args__ = (CheckConstraint("role IN ('viewer', 'developer', 'reviewer', 'admin')", name="role"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    username: Mapped[str]
    username_key: Mapped[str] = mapped_column(unique=True)
    """The name as it is compared: case folded."""
    password_hash: Mapped[str]
    role: Mapped[str]
    handles: Mapped[list[str]]
    """The names by which CI knows this person as the author of a commit."""
    disabled_at: Mapped[datetime | None]
    token_epoch: Mapped[int] = mapped_column(default=0)
    """Tokens of an earlier epoch are void."""
    created_at: Mapped[datetime] = mapped_column(default=now)


class ApiToken(Base):
    """What a CI job shows. Only the digest of the secret is kept."""

    __tablename__ = "api_tokens"
    __table_args__ = (Index(None, "project"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    project: Mapped[str]
    name: Mapped[str]
    prefix: Mapped[str]
    """The first characters of the secret, by which people tell tokens apart."""
    digest: Mapped[str] = mapped_column(unique=True)
    created_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class RevokedToken(Base):
    """A JWT that was signed out before its time; forgotten once it would have expired anyway."""

    __tablename__ = "revoked_tokens"
    __table_args__ = (Index(None, "expires_at"),)

    jti: Mapped[str] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime]


class LoginAttempt(Base):
    """A sign-in that has not succeeded, by digests of whose it claimed to be and whence it came."""

    __tablename__ = "login_attempts"
    __table_args__ = (Index(None, "user_digest", "at"), Index(None, "address_digest", "at"), Index(None, "at"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_digest: Mapped[str]
    address_digest: Mapped[str]
    at: Mapped[datetime] = mapped_column(default=now)


# Runs and reviews (app.runs, app.reviews; migration 0002_service) ---------------------------------------------------


class Project(Base):
    """What a repository calls itself here; its first run makes it."""

    __tablename__ = "projects"

    name: Mapped[str] = mapped_column(primary_key=True)
    require_approval: Mapped[bool] = mapped_column(default=False)
    """Whether what an author accepted in the files of a pull request waits for a second person."""
    repository: Mapped[str | None]
    """`owner/name` at GitHub, where commit statuses go."""
    created_at: Mapped[datetime] = mapped_column(default=now)


class StoredFile(Base):
    """Masked snapshots and contracts, and what was on the screen, by the SHA-256 of their bytes."""

    __tablename__ = "stored_files"

    project: Mapped[str] = mapped_column(ForeignKey("projects.name"), primary_key=True)
    digest: Mapped[str] = mapped_column(primary_key=True)
    packed: Mapped[bytes]
    """zlib"""


class Run(Base):
    """One commit of a project; without a commit, one report."""

    __tablename__ = "runs"
    __table_args__ = (
        UniqueConstraint("project", "key"),
        Index(None, "project", "line", "created_at"),
        Index(None, "created_at"),
        Index(None, "current"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    project: Mapped[str] = mapped_column(ForeignKey("projects.name"))
    key: Mapped[str]
    """The commit, or the digest of the only report."""
    line: Mapped[str]
    """The pull request or branch, of which one run is the current one."""
    current: Mapped[bool]
    commit: Mapped[str | None]
    branch: Mapped[str | None]
    base: Mapped[str | None]
    pull_request: Mapped[str | None]
    author: Mapped[str | None]
    outcome: Mapped[str]
    waiting: Mapped[int]
    """How many changes wait for a decision."""
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)


class Report(Base):
    """What one CI job saw of a commit; a later one of the same job replaces it."""

    __tablename__ = "reports"
    __table_args__ = (UniqueConstraint("run_id", "job"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    run_id: Mapped[UUID] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    job: Mapped[str]
    digest: Mapped[str]
    """SHA-256 of all that was pushed but the time."""
    made_at: Mapped[datetime]
    received_at: Mapped[datetime] = mapped_column(default=now)
    against: Mapped[str | None]
    acetate: Mapped[str]
    ci_url: Mapped[str | None]
    counts: Mapped[dict[str, Any]]
    problems: Mapped[list[Any]]
    contracts: Mapped[dict[str, Any]] = mapped_column(deferred=True)
    snapshots: Mapped[dict[str, Any]] = mapped_column(deferred=True)


class Change(Base):
    """What a fingerprint stands for, and the decision that stands on it."""

    __tablename__ = "changes"

    project: Mapped[str] = mapped_column(ForeignKey("projects.name"), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    edge: Mapped[str]
    provider: Mapped[str]
    operation: Mapped[str]
    status: Mapped[int]
    stream: Mapped[bool]
    path: Mapped[str]
    values: Mapped[dict[str, Any]]
    """`before` and `after`; one that is not there is absent."""
    first_seen_at: Mapped[datetime] = mapped_column(default=now)
    last_seen_at: Mapped[datetime] = mapped_column(default=now)
    version: Mapped[int] = mapped_column(default=0)
    """How many decisions were made, undone ones and undoings too."""
    decision: Mapped[str | None]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    why: Mapped[str | None]
    sides: Mapped[str | None]
    """The stored file of what was on the screen."""


class Sighting(Base):
    """A change in a report."""

    __tablename__ = "sightings"
    __table_args__ = (
        ForeignKeyConstraint(["project", "fingerprint"], ["changes.project", "changes.fingerprint"]),
        Index(None, "project", "fingerprint"),
        Index(None, "run_id"),
    )

    report_id: Mapped[UUID] = mapped_column(ForeignKey("reports.id", ondelete="CASCADE"), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    run_id: Mapped[UUID] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    project: Mapped[str]
    position: Mapped[int]
    severity: Mapped[str]
    evidence: Mapped[dict[str, Any]]
    seen: Mapped[int]
    """How many occurrences there are."""
    occurrences: Mapped[list[Any]] = mapped_column(deferred=True)
    author: Mapped[str | None]
    """Whoever showed it first: on this branch, whoever pushed to it since, or in the oldest current run of another."""
    owners: Mapped[list[str]]
    """Of the files that it occurs in."""
    sides: Mapped[str]
    """The stored file that has both sides of each file that it occurs in."""
    said: Mapped[str]
    """By the files: approved, rejected, proposed (approved by the pull request itself), or nothing."""
    decision: Mapped[str | None]
    """That counts here."""


class Decision(Base):
    """One that was made, for ever."""

    __tablename__ = "decisions"
    __table_args__ = (
        UniqueConstraint("project", "fingerprint", "version"),
        ForeignKeyConstraint(["project", "fingerprint"], ["changes.project", "changes.fingerprint"]),
        Index(None, "project", "at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    project: Mapped[str]
    fingerprint: Mapped[str]
    version: Mapped[int]
    decision: Mapped[str]
    by_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    by: Mapped[str]
    at: Mapped[datetime] = mapped_column(default=now)
    why: Mapped[str]
    run_id: Mapped[UUID] = mapped_column(ForeignKey("runs.id"))
    batch: Mapped[UUID]
    sides: Mapped[str]
    """The stored file of what was on the screen."""


class Webhook(Base):
    """Where a project's news go."""

    __tablename__ = "webhooks"
    __table_args__ = (Index(None, "project"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    project: Mapped[str] = mapped_column(ForeignKey("projects.name"))
    url: Mapped[str]
    style: Mapped[str]
    secret: Mapped[str]
    created_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(default=now)


class Delivery(Base):
    """News on their way: to a webhook, or without one a commit status. Whoever claims it moves `due_at` on."""

    __tablename__ = "deliveries"
    __table_args__ = (Index(None, "state", "due_at"), Index(None, "webhook_id", "created_at"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    webhook_id: Mapped[UUID | None] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    run_id: Mapped[UUID] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    event: Mapped[str]
    payload: Mapped[dict[str, Any]]
    state: Mapped[str]
    """waiting, delivered or given-up"""
    created_at: Mapped[datetime] = mapped_column(default=now)
    due_at: Mapped[datetime] = mapped_column(default=now)
    attempts: Mapped[int] = mapped_column(default=0)
    status: Mapped[int | None]
    """Of the last answer."""
    error: Mapped[str | None]


# The companion (app.companion; migrations 0003_companion, 0004_pending_until) ---------------------------------------


class Companion(Base):
    """A persona to talk to, as its owner described it."""

    __tablename__ = "companions"
    __table_args__ = (Index(None, "user_id", "created_at", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str]
    system_prompt: Mapped[str]
    model: Mapped[str]
    temperature: Mapped[float | None]
    top_p: Mapped[float | None]
    max_tokens: Mapped[int | None]
    tools: Mapped[list[str]]
    remembers: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)


class Conversation(Base):
    __tablename__ = "conversations"
    __table_args__ = (Index(None, "user_id", "updated_at", "id"), Index(None, "companion_id"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    companion_id: Mapped[UUID] = mapped_column(ForeignKey("companions.id"))
    title: Mapped[str]
    title_folded: Mapped[str]
    """As it is searched."""
    last_position: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)


PENDING: Final = text("pending_until IS NOT NULL")
"""An index of these alone is never long."""


class Message(Base):
    """What the user asked (pending, answered, unanswered) or the companion replied (complete, partial)."""

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("conversation_id", "position"),
        Index(None, "user_id", "created_at", "id"),
        Index(None, "pending_until", sqlite_where=PENDING, postgresql_where=PENDING),
        CheckConstraint("role IN ('user', 'assistant')", name="role"),
        CheckConstraint("status IN ('pending', 'answered', 'unanswered', 'complete', 'partial')", name="status"),
        CheckConstraint("memory IN ('open', 'kept', 'none')", name="memory"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    conversation_id: Mapped[UUID] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    position: Mapped[int]
    role: Mapped[str]
    content: Mapped[str]
    content_folded: Mapped[str]
    """As it is searched."""
    status: Mapped[str]
    pending_until: Mapped[datetime | None]
    """While somebody answers it; afterwards the one that did has died."""
    memory: Mapped[str] = mapped_column(default="open")
    """`open`: to be remembered with the next message; `kept`; `none`: forgotten, or not to be remembered."""
    reply_to_id: Mapped[UUID | None] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"), unique=True)
    model: Mapped[str | None]
    finish_reason: Mapped[str | None]
    prompt_tokens: Mapped[int | None]
    completion_tokens: Mapped[int | None]
    total_tokens: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(default=now)


class Memory(Base):
    """A message as its companion remembers it: the text and the direction of its meaning."""

    __tablename__ = "memories"
    __table_args__ = (Index(None, "user_id", "companion_id", "created_at", "id"), Index(None, "companion_id"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    companion_id: Mapped[UUID] = mapped_column(ForeignKey("companions.id", ondelete="CASCADE"))
    message_id: Mapped[UUID] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"), unique=True)
    role: Mapped[str]
    content: Mapped[str]
    vector: Mapped[bytes]
    """32-bit floats, little-endian, of length 1."""
    model: Mapped[str]
    """That made the vector: those of different models cannot be compared."""
    created_at: Mapped[datetime] = mapped_column(default=now)


class ChatKey(Base):
    """An idempotency key and what came of it."""

    __tablename__ = "chat_keys"
    __table_args__ = (Index(None, "user_id", "created_at"),)

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str]
    """Of the request that came with it."""
    message_id: Mapped[UUID] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"), unique=True)
    answer: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(default=now)


class DeviceEvent(Base):
    """What every device of a user is told, numbered from 1 for each user."""

    __tablename__ = "device_events"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str]
    data: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=now)


class DeviceEventCount(Base):
    """The number of a user's last event. Who takes the next one holds the row until the commit, so that events become
    visible in their order."""

    __tablename__ = "device_event_counts"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    last: Mapped[int]


class RateWindow(Base):
    """How often somebody did something since the window began."""

    __tablename__ = "rate_windows"

    key: Mapped[str] = mapped_column(primary_key=True)
    hits: Mapped[int]
    ends_at: Mapped[datetime]
