"""A chat on the wire."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from app.companion.conversations.schemas import MessageOut, UsageOut

__all__ = ["ChatIn", "ChatOut", "RecalledOut"]

Question = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=16_000)]

FIRST: JsonDict = {"message": "What is a half and a quarter?"}
NEXT: JsonDict = {
    "message": "And another half?",
    "conversation_id": "0b5f4a3c-4f0f-4a7b-9f51-2f0c4d6a8e11",
    "stream": True,
}


class ChatIn(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [FIRST, NEXT]})

    message: Question
    conversation_id: UUID | None = Field(None, description="The conversation to continue; otherwise one begins")
    companion_id: UUID | None = Field(
        None, description="Whom a new conversation is with; otherwise one's first companion"
    )
    stream: bool = Field(False, description="Answer as server-sent events: `start`, `token`…, `done` or `error`")


class RecalledOut(BaseModel):
    """A memory that went into the prompt."""

    memory_id: UUID
    content: str = Field(examples=["My sister's name is Edda."])
    similarity: float = Field(examples=[0.83])


class ChatOut(BaseModel):
    conversation_id: UUID
    message: MessageOut = Field(description="The question as it was stored")
    reply: MessageOut
    usage: UsageOut | None = Field(description="None where the provider did not say")
    recalled: list[RecalledOut]
