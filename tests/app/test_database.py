"""One database behind two verbs, the same on SQLite and PostgreSQL."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.database import Database, Unstorable, lock
from app.models import ApiToken, LoginAttempt, RevokedToken, User
from tests.app.engines import ONLY_POSTGRESQL, ONLY_SQLITE

WHEN = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def user(name: str = "mara", **other) -> User:
    given = {"username": name, "username_key": name, "password_hash": "-", "role": "viewer", "handles": []}
    return User(**{**given, **other})


def kept(database, row):
    """The row as it is read back."""
    with database.write() as session:
        session.add(row)
    with database.read() as session:
        return session.get(type(row), row.id)


def test_what_is_written_is_committed_when_the_block_ends(database):
    assert kept(database, user()).username == "mara"


def test_what_raises_leaves_nothing(database):
    def fail(session) -> None:
        session.add(user())
        session.flush()
        raise KeyError

    with pytest.raises(KeyError), database.write() as session:
        fail(session)
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(User)) == 0


def test_a_reading_session_cannot_write(database):
    with pytest.raises(DBAPIError), database.read() as session:
        session.execute(insert(RevokedToken).values(jti="a", expires_at=WHEN))


def test_times_go_in_in_any_zone_and_come_out_in_utc(database):
    there = WHEN.astimezone(timezone(timedelta(hours=5, minutes=45)))
    back = kept(database, user(created_at=there, disabled_at=there + timedelta(microseconds=1)))
    assert (back.created_at, back.created_at.tzinfo) == (WHEN, UTC)
    assert back.disabled_at == WHEN + timedelta(microseconds=1)


def test_a_time_without_a_zone_is_refused(database):
    with pytest.raises(Exception, match="no time zone"):
        kept(database, user(created_at=datetime(2026, 11, 22)))


def test_times_are_compared_in_the_database(database):
    with database.write() as session:
        session.add_all(LoginAttempt(user_digest="u", address_digest=str(n), at=WHEN + timedelta(n)) for n in range(4))
    with database.read() as session:
        later = select(func.count()).select_from(LoginAttempt).where(LoginAttempt.at > WHEN + timedelta(1))
        assert session.scalar(later) == 2


def test_ids_come_back_as_they_went(database):
    key = uuid4()
    assert kept(database, user(id=key)).id == key


def test_a_row_that_refers_to_nothing_is_refused(database):
    with pytest.raises(IntegrityError), database.write() as session:
        session.add(ApiToken(project="p", name="n", prefix="x", digest="d", created_by=uuid4()))


def test_a_role_that_there_is_not_is_refused(database):
    with pytest.raises(IntegrityError), database.write() as session:
        session.add(user(role="root"))


def test_an_error_does_not_say_what_the_row_held(database):
    with pytest.raises(IntegrityError) as refused, database.write() as session:
        session.add(user(role="root", password_hash="very secret"))
    assert "very secret" not in str(refused.value).partition("DETAIL")[0]  # which no log repeats


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "ok\udfff"])
def test_text_that_one_of_the_two_cannot_hold_is_refused_by_both(database, name):
    with pytest.raises(Unstorable), database.write() as session:
        session.add(user(name))
    with pytest.raises(Unstorable), database.read() as session:
        session.scalar(select(User).where(User.username_key == name))


@pytest.mark.parametrize(
    "value", [["a\0b"], ["\\\0"], ["\ud800"], [float("nan")], [float("inf")], [{"k\0": 1}], [{"\ud800": []}]]
)
def test_json_that_one_of_the_two_cannot_hold_is_refused_by_both(database, value):
    with pytest.raises(Unstorable), database.write() as session:
        session.add(user(handles=value))


def test_json_without_an_end_is_refused(database):
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(Unstorable), database.write() as session:
        session.add(user(handles=endless))


@pytest.mark.parametrize("value", [["\\u0000"], ["\\\\u0000"], ["\U0001f600"], [{"a": [None, 1.5, True]}], []])
def test_other_json_comes_back_as_it_went(database, value):
    assert kept(database, user(handles=value)).handles == value


@pytest.mark.parametrize("epoch", [2**63 - 1, -(2**63) + 1])
def test_a_whole_number_has_64_bits(database, epoch):
    assert kept(database, user(token_epoch=epoch)).token_epoch == epoch


@pytest.mark.parametrize("epoch", [2**63, -(2**64), 10**400])
def test_a_larger_one_is_refused(database, epoch):
    with pytest.raises(Unstorable), database.write() as session:
        session.add(user(token_epoch=epoch))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(JSON, max_size=3), st.text())
def test_any_value_is_kept_whole_or_refused(database, handles, name):
    row = user(name, username_key=uuid4().hex, handles=handles)
    try:
        back = kept(database, row)
    except Unstorable:
        assert "\0" in name or "\\u0000" in repr(handles) or "\\x00" in repr(handles) or has_surrogate(name, handles)
    else:
        assert (back.username, back.handles) == (name, handles)


def has_surrogate(*values) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in repr(values).encode().decode("unicode_escape"))


def test_of_many_that_add_one_at_once_none_is_lost(database):
    mara = kept(database, user())

    def add(_: int) -> None:
        with database.write() as session:
            row = session.get(User, mara.id, with_for_update=True)
            assert row is not None
            row.token_epoch += 1

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(add, range(200)))
    with database.read() as session:
        assert session.get(User, mara.id).token_epoch == 200


def test_readers_go_on_while_one_writes(database):
    with database.write() as writing:
        writing.add(user())
        writing.flush()
        with ThreadPoolExecutor(8) as threads:
            assert list(threads.map(lambda _: count(database), range(40))) == [0] * 40
    assert count(database) == 1


def count(database) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(User)) or 0


def test_who_asks_for_the_same_lock_waits(database):
    order = []

    def hold(name: str) -> None:
        with database.write() as session:
            lock(session, "door")
            order.append(f"{name} in")
            session.execute(select(func.count()).select_from(User))
            order.append(f"{name} out")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(hold, "abcdefgh"))
    assert [step.split()[0] for step in order[::2]] == [step.split()[0] for step in order[1::2]]


def test_two_processes_lose_nothing(database, database_url):
    program = (
        "import sys; from app.database import Database; from app.models import RevokedToken, now\n"
        "database = Database(sys.argv[1])\n"
        "for number in range(50):\n"
        "    with database.write() as session:\n"
        "        session.add(RevokedToken(jti=f'{sys.argv[2]} {number}', expires_at=now()))\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", program, database_url, name]) for name in "ab"]
    assert [process.wait(60) for process in running] == [0, 0]
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(RevokedToken)) == 100


@ONLY_POSTGRESQL
def test_work_that_a_deadlock_broke_is_done_again(database):
    one, two = (kept(database, user(name)).id for name in ("one", "two"))

    def swap(order: list) -> None:
        def work(session) -> None:
            for key in order:
                session.get(User, key, with_for_update=True).token_epoch += 1
                session.flush()
                session.execute(text("SELECT pg_sleep(0.05)"))

        database.write_again(work)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(swap, ([one, two], [two, one])))
    with database.read() as session:
        assert [session.get(User, key).token_epoch for key in (one, two)] == [2, 2]


def test_another_error_is_not_tried_again(database):
    tried = []

    def work(session) -> None:
        tried.append(1)
        session.execute(text("SELECT nonsense"))

    with pytest.raises(DBAPIError):
        database.write_again(work)
    assert tried == [1]


def test_the_result_of_the_work_is_given_back(database):
    assert database.write_again(lambda session: session.scalar(select(1))) == 1


def test_a_ping_takes_some_time(database):
    assert 0 < database.ping() < 10


def test_the_folder_of_the_file_is_made(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/a/b/service.db")
    assert database.ping() > 0
    database.close()


@ONLY_SQLITE
def test_sqlite_is_set_up_for_a_service(database):
    with database.write() as session:
        pragmas = [session.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "foreign_keys", "synchronous")]
    assert pragmas == ["wal", 1, 1]
