"""The shapes of the library on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from acetate.snapshot import Entry
from app.library import service

__all__ = ["ContractOut", "EntryOut", "FieldHistoryOut", "ShelfOut"]


class OperationOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    path: str = Field(description="Of the contract, from the project's root")
    provider: str
    name: str
    status: int
    stream: bool
    exchanges: int = Field(description="From how many approved exchanges the contract is derived")
    models: list[tuple[str, int]]
    fields: int
    recorded: tuple[str, str] | None = Field(description="The first and the last day")


class ShelfOut(BaseModel):
    """What is approved in a project, as its newest run brought it."""

    run_id: UUID
    operations: list[OperationOut]
    documents: list[str] = Field(description="Approved files that are no contract of one operation")
    snapshots: list[str]

    @classmethod
    def of(cls, shelf: service.Shelf) -> ShelfOut:
        return cls(
            run_id=shelf.run.id,
            operations=[OperationOut.model_validate(each) for each in shelf.operations],
            documents=list(shelf.documents),
            snapshots=list(shelf.snapshots),
        )


class FieldOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    path: str
    types: list[str]
    required: bool
    presence: str | None = Field(description="`18 of 20`")
    models: list[tuple[str, str]]
    values: list[Any] = Field(description="The literal ones that are approved")
    phase: str | None = Field(description="Of a stream: in which events it comes")
    pinned: bool = Field(description="Whether a person wrote it")


class ContractOut(BaseModel):
    document: dict[str, Any] = Field(description="JSON Schema 2020-12, or the project's OpenAPI document")
    fields: list[FieldOut]


class EntryOut(BaseModel):
    """One approved exchange, masked."""

    label: str
    operation: str
    status: int
    stream: bool
    headers: dict[str, str]
    body: Any
    model: str | None
    recorded: str | None

    @classmethod
    def of(cls, entry: Entry) -> EntryOut:
        return cls(
            label=entry.label,
            operation=str(entry.operation),
            status=entry.status,
            stream=entry.stream,
            headers=entry.headers,
            body=entry.body,
            model=entry.model,
            recorded=entry.recorded,
        )


class PointOut(BaseModel):
    at: datetime
    run_id: UUID
    number: int = Field(description="So many had the field")
    of: int
    required: bool


class DecisionOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    decision: str
    by: str
    at: datetime
    why: str


class KnownOut(BaseModel):
    fingerprint: str
    kind: str
    first_seen_at: datetime
    last_seen_at: datetime
    decisions: list[DecisionOut]


class FieldHistoryOut(BaseModel):
    """When a field came, how often it was there, and all that was decided on it."""

    first_seen: datetime | None
    points: list[PointOut] = Field(description="One for each approved contract that differs from the one before")
    changes: list[KnownOut]

    @classmethod
    def of(cls, history: service.FieldHistory) -> FieldHistoryOut:
        return cls(
            first_seen=history.first_seen,
            points=[
                PointOut(at=each.at, run_id=each.run.id, number=each.number, of=each.of, required=each.required)
                for each in history.points
            ],
            changes=[
                KnownOut(
                    fingerprint=each.change.fingerprint,
                    kind=each.change.kind,
                    first_seen_at=each.change.first_seen_at,
                    last_seen_at=each.change.last_seen_at,
                    decisions=[DecisionOut.model_validate(one) for one in each.decisions],
                )
                for each in history.changes
            ],
        )
