"""The turns of conversations in the database: opened with a question, closed with a reply or without one.

Between the two no session is open. A turn that is opened again with its idempotency key has the same question.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, delete, select
from sqlalchemy.orm import Session

from app.companion.chat.schemas import ChatIn, ChatOut, RecalledOut
from app.companion.companions.service import companion, first_companion
from app.companion.conversations.schemas import MessageOut, message_out
from app.companion.conversations.service import UNTITLED, begun, conversation, show_to_devices
from app.companion.prompt import Said, Turn
from app.companion.realtime.events import announce
from app.companion.reply import Reply
from app.companion.text import folded
from app.database import lock
from app.errors import Conflict, NotFound, Unprocessable
from app.models import ChatKey, Companion, Conversation, Message, now

__all__ = ["Opening", "Persona", "close", "end_overdue", "give_up", "opened", "overdue"]

MOST_TURNS = 50
"""Of a conversation, that may come into a prompt."""
MOST_OPEN = 16
"""Messages that are remembered with one question."""
TITLE_LENGTH = 60
KEYS_KEPT = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Persona:
    companion_id: UUID
    name: str
    system_prompt: str
    parameters: dict[str, Any]
    tools: tuple[str, ...]
    remembers: bool


@dataclass(frozen=True, slots=True)
class Opening:
    """All that answering a question takes."""

    user_id: UUID
    question: MessageOut
    persona: Persona
    turns: tuple[Turn, ...]
    shown: frozenset[UUID]
    """The messages of those turns."""
    unremembered: tuple[tuple[UUID, str], ...]
    """Messages whose embedding is still to be made; the question is the last."""
    until: datetime
    """Whose turn it is: nobody else's may take until this very moment."""
    key: str | None


# --- opening ----------------------------------------------------------------------------------------------------------


def opened(
    session: Session, user_id: UUID, chat: ChatIn, *, key: str | None, model: str, seconds: float
) -> Opening | ChatOut:
    """The turn, or what its idempotency key has been answered with. `seconds` is how long it may take until somebody
    else may end it or take it over; `model` that of a companion of the first use."""
    before = None if key is None else asked_before(session, user_id, key, digest(chat))
    if isinstance(before, ChatOut):
        return before
    question = before or asked(session, user_id, chat, model)
    question.status, question.pending_until = "pending", now() + timedelta(seconds=seconds)
    session.flush()
    if key is not None and before is None:
        session.add(ChatKey(user_id=user_id, key=key, digest=digest(chat), message_id=question.id))
    opening = with_history(session, question, question.pending_until, key)
    announce(session, user_id, "message.changed" if before else "message.created", opening.question)
    if before is None and chat.conversation_id is not None:
        show_to_devices(session, session.get_one(Conversation, chat.conversation_id))
    return opening


def digest(chat: ChatIn) -> str:
    """Of what is asked; how the answer travels may differ."""
    asked = chat.model_dump(mode="json", exclude={"stream"})
    return sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def asked_before(session: Session, user_id: UUID, key: str, wanted: str) -> Message | ChatOut | None:
    """The question of a key that was used before, to be asked again, or its answer. Whoever is about to end its turn
    is waited for: everybody locks the question first and the key after it."""
    lock(session, f"chat key {user_id} {key}")
    moment = now()
    session.execute(delete(ChatKey).where(ChatKey.user_id == user_id, ChatKey.created_at < moment - KEYS_KEPT))
    its_key = and_(ChatKey.message_id == Message.id, ChatKey.user_id == user_id, ChatKey.key == key)
    question = session.scalar(select(Message).join(ChatKey, its_key).with_for_update(of=Message))
    if question is None:
        return None
    kept = session.get_one(ChatKey, (user_id, key))
    if kept.digest != wanted:
        raise Unprocessable("idempotency-key-reused", "The key was used for another message.")
    if kept.answer is not None:
        return ChatOut.model_validate(kept.answer)
    if question.pending_until is not None and question.pending_until > moment:
        raise Conflict("chat-in-progress", "A message with this key is being answered.", headers={"Retry-After": "1"})
    return question


def asked(session: Session, user_id: UUID, chat: ChatIn, model: str) -> Message:
    """The new question, in the conversation that it belongs to."""
    talk = continued(session, user_id, chat) or fresh(session, user_id, chat, model)
    persona = session.get_one(Companion, talk.companion_id)
    if talk.last_position == 0 and talk.title == UNTITLED:
        talk.title = titled(chat.message)
        talk.title_folded = folded(talk.title)
    talk.last_position += 1
    talk.updated_at = now()
    row = Message(
        conversation_id=talk.id,
        user_id=user_id,
        position=talk.last_position,
        role="user",
        content=chat.message,
        content_folded=folded(chat.message),
        memory="open" if persona.remembers else "none",
    )
    session.add(row)
    return row


def continued(session: Session, user_id: UUID, chat: ChatIn) -> Conversation | None:
    if chat.conversation_id is None:
        return None
    talk = conversation(session, user_id, chat.conversation_id, change=True)
    if chat.companion_id is not None and chat.companion_id != talk.companion_id:
        raise Unprocessable("another-companion", "The conversation is with another companion.")
    return talk


def fresh(session: Session, user_id: UUID, chat: ChatIn, model: str) -> Conversation:
    if chat.companion_id is None:
        return begun(session, user_id, first_companion(session, user_id, model=model).id, titled(chat.message))
    try:
        chosen = companion(session, user_id, chat.companion_id, change=True)
    except NotFound as error:
        raise Unprocessable(error.code, error.detail) from None
    return begun(session, user_id, chosen.id, titled(chat.message))


def titled(message: str) -> str:
    words = " ".join(message.split())
    return words if len(words) <= TITLE_LENGTH else f"{words[: TITLE_LENGTH - 1].rstrip()}…"


def with_history(session: Session, question: Message, until: datetime, key: str | None) -> Opening:
    talk = session.get_one(Conversation, question.conversation_id)
    persona = session.get_one(Companion, talk.companion_id)
    answered = turns_before(session, question)
    return Opening(
        user_id=question.user_id,
        question=message_out(question),
        persona=Persona(
            companion_id=persona.id,
            name=persona.name,
            system_prompt=persona.system_prompt,
            parameters=parameters(persona),
            tools=tuple(persona.tools),
            remembers=persona.remembers,
        ),
        turns=tuple((Said("user", asked.content), Said("assistant", reply.content)) for asked, reply in answered),
        shown=frozenset(message.id for turn in answered for message in turn),
        unremembered=(*still_open(session, question), (question.id, question.content)),
        until=until,
        key=key,
    )


def parameters(persona: Companion) -> dict[str, Any]:
    """Of a chat completion request: what the companion says and nothing else."""
    named = {name: getattr(persona, name) for name in ("model", "temperature", "top_p", "max_tokens")}
    return {name: value for name, value in named.items() if value is not None}


def turns_before(session: Session, question: Message) -> list[tuple[Message, Message]]:
    """The latest that were answered whole, in their order."""
    if question.position == 1:
        return []
    replies = session.scalars(
        select(Message)
        .where(Message.conversation_id == question.conversation_id, Message.status == "complete")
        .order_by(Message.position.desc())
        .limit(MOST_TURNS)
    ).all()
    questions = session.scalars(select(Message).where(Message.id.in_([reply.reply_to_id for reply in replies])))
    by_id = {asked.id: asked for asked in questions}
    pairs = [(by_id[reply.reply_to_id], reply) for reply in replies if reply.reply_to_id in by_id]
    return sorted(pairs, key=lambda pair: pair[0].position)


def still_open(session: Session, question: Message) -> list[tuple[UUID, str]]:
    """What was said before the question and is not remembered yet."""
    if question.position == 1:
        return []
    rows = session.scalars(
        select(Message)
        .where(
            Message.conversation_id == question.conversation_id,
            Message.memory == "open",
            Message.id != question.id,
            Message.status.in_(["answered", "complete"]),
        )
        .order_by(Message.position.desc())
        .limit(MOST_OPEN)
    )
    return [(row.id, row.content) for row in rows][::-1]


# --- closing ----------------------------------------------------------------------------------------------------------


def close(session: Session, opening: Opening, reply: Reply, recalled: Sequence[RecalledOut]) -> ChatOut:
    """The reply is stored and the question answered, however late. Raises NotFound where the conversation was deleted
    meanwhile."""
    talk = conversation(session, opening.user_id, opening.question.conversation_id, change=True)
    question = session.get_one(Message, opening.question.id, with_for_update=True)
    row = replied(session, talk, question, reply, "complete")
    question.status, question.pending_until = "answered", None
    if not opening.persona.remembers:
        row.memory = "none"
    session.flush()
    out = message_out(row)
    answer = ChatOut(
        conversation_id=talk.id,
        message=message_out(question),
        reply=out,
        usage=out.usage,
        recalled=list(recalled),
    )
    if opening.key is not None:
        kept = session.get(ChatKey, (opening.user_id, opening.key))
        if kept is not None:
            kept.answer = answer.model_dump(mode="json")
    announce(session, opening.user_id, "message.changed", answer.message)
    announce(session, opening.user_id, "message.created", out)
    show_to_devices(session, talk)
    return answer


def give_up(session: Session, opening: Opening, partial: Reply) -> MessageOut | None:
    """The question stays unanswered; what was said of a reply is kept and marked. A turn that is closed stays so, and
    one that was taken over is no longer ours to end."""
    try:
        talk = conversation(session, opening.user_id, opening.question.conversation_id, change=True)
    except NotFound:
        return None
    question = session.get_one(Message, opening.question.id, with_for_update=True)
    if question.status == "answered" or question.pending_until not in (None, opening.until):
        return None
    out = None
    if partial.content:
        row = replied(session, talk, question, partial, "partial")
        session.flush()
        out = message_out(row)
    if question.status == "pending":
        leave(session, question)
    if out is not None:
        announce(session, opening.user_id, "message.created", out)
        show_to_devices(session, talk)
    return out


def leave(session: Session, question: Message) -> None:
    """Unanswered, and free to be asked again."""
    question.status, question.pending_until = "unanswered", None
    session.flush()
    announce(session, question.user_id, "message.changed", message_out(question))


def end_overdue(session: Session) -> bool:
    """One turn whose time is over and that nobody has ended is; False where there is none."""
    question = session.scalar(overdue().with_for_update(skip_locked=True))
    if question is not None:
        leave(session, question)
    return question is not None


def overdue() -> Select[Message]:
    """One of the questions whose turn should have ended."""
    return select(Message).where(Message.status == "pending", Message.pending_until <= now()).limit(1)


def replied(session: Session, talk: Conversation, question: Message, reply: Reply, status: str) -> Message:
    """The one reply of the question; a partial one from before is written over."""
    row = session.scalar(select(Message).where(Message.reply_to_id == question.id))
    if row is None:
        talk.last_position += 1
        row = Message(
            conversation_id=talk.id,
            user_id=talk.user_id,
            position=talk.last_position,
            role="assistant",
            reply_to_id=question.id,
        )
        session.add(row)
    talk.updated_at = now()
    row.content, row.content_folded, row.status = reply.content, folded(reply.content), status
    row.model, row.finish_reason = reply.model, reply.finish_reason
    usage = reply.usage
    row.prompt_tokens = usage.prompt_tokens if usage else None
    row.completion_tokens = usage.completion_tokens if usage else None
    row.total_tokens = usage.total_tokens if usage else None
    return row
