"""Conversations and messages on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, TypeAlias
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.models import Message

__all__ = [
    "ConversationChange",
    "ConversationIn",
    "ConversationOut",
    "ConversationSort",
    "MessageOrder",
    "MessageOut",
    "UsageOut",
    "message_out",
]

Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
ConversationSort: TypeAlias = Literal["-updated_at", "updated_at", "-created_at", "created_at", "title", "-title"]
MessageOrder: TypeAlias = Literal["oldest", "newest"]


class ConversationIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"companion_id": "0b5f4a3c-4f0f-4a7b-9f51-2f0c4d6a8e11", "title": "Fractions"}]
        },
    )

    companion_id: UUID
    title: Title | None = Field(None, description="Otherwise the beginning of the first message")


class ConversationChange(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"title": "Fractions, again"}]})

    title: Title


class ConversationOut(BaseModel):
    id: UUID
    companion_id: UUID
    title: str = Field(examples=["Fractions"])
    message_count: int = Field(examples=[2])
    created_at: datetime
    updated_at: datetime = Field(description="When something was last said or changed")


class UsageOut(BaseModel):
    """As the provider counted; of all calls that a reply took."""

    prompt_tokens: int = Field(examples=[24])
    completion_tokens: int = Field(examples=[12])
    total_tokens: int = Field(examples=[36])


class MessageOut(BaseModel):
    id: UUID
    conversation_id: UUID
    position: int = Field(description="From 1, in the conversation", examples=[2])
    role: Literal["user", "assistant"]
    content: str = Field(examples=["A half and a quarter are three quarters."])
    status: Literal["pending", "answered", "unanswered", "complete", "partial"] = Field(
        description="A question is pending, answered or unanswered; a reply is complete, or partial where it was cut"
    )
    reply_to_id: UUID | None = Field(description="The question that a reply answers")
    model: str | None = Field(examples=["meta-llama/Llama-3.3-70B-Instruct-Turbo"])
    finish_reason: str | None = Field(examples=["stop"])
    usage: UsageOut | None
    created_at: datetime


def message_out(row: Message) -> MessageOut:
    usage = None
    if row.prompt_tokens is not None and row.completion_tokens is not None and row.total_tokens is not None:
        usage = UsageOut(
            prompt_tokens=row.prompt_tokens, completion_tokens=row.completion_tokens, total_tokens=row.total_tokens
        )
    return MessageOut.model_validate(
        {name: getattr(row, name) for name in MessageOut.model_fields if name != "usage"} | {"usage": usage}
    )
