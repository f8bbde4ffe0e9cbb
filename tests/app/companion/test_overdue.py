"""A turn whose process was killed: whoever still runs ends it, once, and what comes late is kept all the same."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from datetime import timedelta

import pytest
from freezegun import freeze_time
from structlog.testing import capture_logs

from app import migration
from app.companion.chat import overdue, record
from app.companion.chat.overdue import end_all, look
from app.companion.chat.schemas import ChatIn, ChatOut
from app.companion.realtime.events import since
from app.companion.reply import Reply
from app.database import Database
from app.errors import Conflict
from app.models import Message, now
from tests.app.engines import ONLY_SQLITE
from tests.app.factories import QuestionFactory, made_in

OVER = -1.0
"""Seconds that a turn had: its time was over when it began."""


@pytest.fixture
def mara(create_user):
    return create_user("mara").id


@pytest.fixture
def begin(database, mara):
    """`begin(150)`: a turn that may take so many seconds and that nobody ends."""

    def begun(seconds=OVER, message="Hello?", key=None):
        with database.write() as session:
            return record.opened(session, mara, ChatIn(message=message), key=key, model="m", seconds=seconds)

    return begun


def close(session, opening):
    return record.close(session, opening, Reply("There I am."), [])


def stored(database):
    with database.read() as session:
        return [(row.role, row.status) for row in session.query(Message).order_by(Message.position)]


def heard(database, user_id):
    """What the devices of the user were told of messages: the kind and the status."""
    with database.read() as session:
        told = since(session, user_id, 0)
    return [(event.kind, event.data["status"]) for event in told if event.kind.startswith("message.")]


def test_a_turn_is_ended_when_its_time_is_over_and_not_before(database, begin, mara):
    with freeze_time() as clock:
        begin(150)
        clock.tick(149)
        assert (end_all(database), stored(database)) == (0, [("user", "pending")])
        clock.tick(2)
        assert (end_all(database), stored(database)) == (1, [("user", "unanswered")])
        assert end_all(database) == 0
    assert heard(database, mara) == [("message.created", "pending"), ("message.changed", "unanswered")]


def test_a_turn_that_has_ended_is_left_alone(database, begin):
    answered, given_up = begin(), begin()
    with database.write() as session:
        close(session, answered)
    with database.write() as session:
        record.give_up(session, given_up, Reply(""))
    assert end_all(database) == 0


def test_of_several_processes_one_ends_each_turn(settings, database, begin, mara):
    for _ in range(20):
        begin()
    with ExitStack() as stack, ThreadPoolExecutor(4) as threads:
        processes = [stack.enter_context(closing(Database(settings.database_url))) for _ in range(4)]
        assert sum(threads.map(end_all, processes)) == 20
    assert heard(database, mara).count(("message.changed", "unanswered")) == 20


# --- late -------------------------------------------------------------------------------------------------------------


def test_a_reply_that_comes_late_is_kept_and_heard(database, begin, mara):
    opening = begin(key="key-1")
    end_all(database)
    with database.write() as session:
        answer = close(session, opening)
    assert (answer.message.status, answer.reply.content) == ("answered", "There I am.")
    assert stored(database) == [("user", "answered"), ("assistant", "complete")]
    assert heard(database, mara)[-2:] == [("message.changed", "answered"), ("message.created", "complete")]
    assert begin(key="key-1") == answer


def test_a_reply_that_comes_while_its_turn_is_being_ended_is_kept(database, begin):
    opening = begin()

    def closed():
        with database.write() as session:
            return close(session, opening)

    with ThreadPoolExecutor(1) as threads:
        with database.write() as session:
            assert record.end_overdue(session)
            closing_it = threads.submit(closed)
            with suppress(TimeoutError):
                closing_it.result(0.2)
        assert closing_it.result(10).message.status == "answered"
    assert stored(database) == [("user", "answered"), ("assistant", "complete")]


def test_a_turn_that_is_being_closed_is_not_ended(database, begin):
    opening = begin()

    def ended():
        with database.write() as session:
            return record.end_overdue(session)

    with ThreadPoolExecutor(1) as threads:
        with database.write() as session:
            close(session, opening)
            session.flush()
            ending_it = threads.submit(ended)
            with suppress(TimeoutError):
                ending_it.result(0.2)
        assert ending_it.result(10) is False
    assert stored(database) == [("user", "answered"), ("assistant", "complete")]


def test_what_was_said_of_a_reply_is_kept_also_late(database, begin, mara):
    opening = begin()
    end_all(database)
    with database.write() as session:
        record.give_up(session, opening, Reply("There I"))
    assert stored(database) == [("user", "unanswered"), ("assistant", "partial")]
    assert heard(database, mara)[1:] == [("message.changed", "unanswered"), ("message.created", "partial")]


# --- with a key -------------------------------------------------------------------------------------------------------


def test_the_key_of_a_turn_is_taken_for_its_time_and_free_when_it_was_ended(database, begin):
    with freeze_time() as clock:
        first = begin(150, key="key-1")
        clock.tick(149)
        with pytest.raises(Conflict):
            begin(150, key="key-1")
        clock.tick(2)
        end_all(database)
        again = begin(150, key="key-1")
    assert again.question.id == first.question.id
    assert stored(database) == [("user", "pending")]


def test_a_turn_that_was_taken_over_is_not_ended_by_the_one_that_had_it(database, begin):
    first = begin(key="key-1")
    begin(150, key="key-1")
    with database.write() as session:
        assert record.give_up(session, first, Reply("There I")) is None
    assert stored(database) == [("user", "pending")]


def test_a_turn_that_was_taken_over_is_closed_by_whoever_has_a_reply(database, begin):
    first, second = begin(key="key-1"), begin(key="key-1")
    with database.write() as session:
        close(session, first)
    with database.write() as session:
        assert record.give_up(session, second, Reply("There I")) is None
    assert stored(database) == [("user", "answered"), ("assistant", "complete")]
    assert isinstance(begin(key="key-1"), ChatOut)


# --- in the application -----------------------------------------------------------------------------------------------


@ONLY_SQLITE
async def test_turns_are_looked_for_again_when_the_database_was_away(empty_url, monkeypatch):
    monkeypatch.setattr(overdue, "LOOK", 0.01)
    with closing(Database(empty_url)) as database, capture_logs() as logs:
        looking = asyncio.create_task(look(database))
        await until(lambda: logs)
        migration.upgrade(empty_url)
        with database.write() as session, made_in(session):
            QuestionFactory(status="pending", pending_until=now() - timedelta(seconds=1))
        await until(lambda: stored(database) == [("user", "unanswered")])
        await until(lambda: logs[-1] == {"event": "overdue turns ended", "count": 1, "log_level": "warning"})
        looking.cancel()
        await asyncio.wait([looking])
    assert logs[0]["error"] == "OperationalError"


async def until(true):
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.01)


@ONLY_SQLITE
async def test_an_application_ends_at_once_and_not_after_the_next_look(app):
    async with asyncio.timeout(overdue.LOOK / 2), app.router.lifespan_context(app):
        pass
