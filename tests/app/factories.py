"""Rows for tests that are not about how rows are made: with what they refer to, and consistent with each other.

with database.write() as session, made_in(session):
    talk = ConversationFactory(user=somebody)
    ReplyFactory.create_batch(60, conversation=talk)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from factory import Iterator as InTurn
from factory import LazyAttribute, LazyFunction, SelfAttribute, Sequence, SubFactory
from factory.alchemy import SQLAlchemyModelFactory
from sqlalchemy.orm import Session

from app.companion.memory.vectors import pack, unit
from app.companion.text import folded
from app.models import ChatKey, Companion, Conversation, Memory, Message, Role, User
from app.settings import Settings

__all__ = [
    "ChatKeyFactory",
    "CompanionFactory",
    "ConversationFactory",
    "MemoryFactory",
    "QuestionFactory",
    "ReplyFactory",
    "UserFactory",
    "made_in",
]

DEFAULTS = {name: field.default for name, field in Settings.model_fields.items()}

_session: ContextVar[Session] = ContextVar("session")


@contextmanager
def made_in(session: Session) -> Iterator[None]:
    """Where the rows of the block go. They are there for others once the session has committed."""
    token = _session.set(session)
    try:
        yield
    finally:
        _session.reset(token)


class _Row(SQLAlchemyModelFactory):
    """Flushed one by one: what a row refers to is there before it."""

    class Meta:
        abstract = True
        sqlalchemy_session_factory = _session.get
        sqlalchemy_session_persistence = "flush"


class UserFactory(_Row):
    """Somebody who cannot sign in."""

    class Meta:
        model = User

    username = Sequence(lambda number: f"user{number}")
    username_key = SelfAttribute("username")
    password_hash = "$argon2id$nobody"
    role = InTurn([Role.VIEWER.value, Role.DEVELOPER.value])
    handles = LazyFunction(list)


class CompanionFactory(_Row):
    class Meta:
        model = Companion

    class Params:
        user = SubFactory(UserFactory)

    user_id = SelfAttribute("user.id")
    name = Sequence(lambda number: f"Companion {number}")
    system_prompt = ""
    model = DEFAULTS["companion_model"]
    tools = LazyFunction(list)
    remembers = False


class ConversationFactory(_Row):
    """With a companion of the same user."""

    class Meta:
        model = Conversation

    class Params:
        user = SubFactory(UserFactory)
        companion = SubFactory(CompanionFactory, user=SelfAttribute("..user"))

    user_id = SelfAttribute("user.id")
    companion_id = SelfAttribute("companion.id")
    title = Sequence(lambda number: f"Conversation {number}")
    title_folded = LazyAttribute(lambda talk: folded(talk.title))


class _MessageFactory(_Row):
    """The next one of its `conversation`."""

    class Meta:
        model = Message
        abstract = True

    conversation = SubFactory(ConversationFactory)
    content_folded = LazyAttribute(lambda message: folded(message.content))
    memory = "none"

    @classmethod
    def _adjust_kwargs(cls, *, conversation: Conversation, **columns: Any) -> dict[str, Any]:
        conversation.last_position += 1
        place = {"conversation_id": conversation.id, "position": conversation.last_position}
        return {"user_id": conversation.user_id, **place, **columns}


class QuestionFactory(_MessageFactory):
    class Meta:
        model = Message

    role = "user"
    content = Sequence(lambda number: f"Question {number}?")
    status = "answered"


class ReplyFactory(_MessageFactory):
    """And, before it, the question that it answers."""

    class Meta:
        model = Message

    class Params:
        question = SubFactory(QuestionFactory, conversation=SelfAttribute("..conversation"))

    role = "assistant"
    content = Sequence(lambda number: f"Reply {number}.")
    status = "complete"
    reply_to_id = SelfAttribute("question.id")


class MemoryFactory(_Row):
    """Of a question with the same content. Its direction is that of the first axis."""

    class Meta:
        model = Memory

    class Params:
        conversation = SubFactory(ConversationFactory)
        message = SubFactory(
            QuestionFactory,
            conversation=SelfAttribute("..conversation"),
            content=SelfAttribute("..content"),
            memory="kept",
        )

    user_id = SelfAttribute("conversation.user_id")
    companion_id = SelfAttribute("conversation.companion_id")
    message_id = SelfAttribute("message.id")
    role = "user"
    content = Sequence(lambda number: f"Memory {number}.")
    vector = pack(unit([1.0, 0.0]))
    model = DEFAULTS["companion_embedding_model"]


class ChatKeyFactory(_Row):
    """Of a request that was not answered."""

    class Meta:
        model = ChatKey

    class Params:
        message = SubFactory(QuestionFactory, status="pending")

    user_id = SelfAttribute("message.user_id")
    key = Sequence(lambda number: f"key-{number}")
    digest = "-"
    message_id = SelfAttribute("message.id")
