"""Rate limits, per user and route, counted in the database for all processes together."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from freezegun import freeze_time
from limits import parse
from starlette.testclient import TestClient

from app.companion.window import hit
from app.main import create_app
from app.models import RateWindow, now
from tests.app.engines import ONLY_SQLITE

CHAT = "/api/chat"
ASK = {"message": "Hello?"}
NOBODY = UUID(int=7)


def test_who_sends_too_much_is_told_when_to_come_back(client_told, together):
    user = client_told(companion_chats="2/minute")
    answers = [user.post(CHAT, json=ASK) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers["ratelimit"][:11] for answer in answers] == ['"route";r=1', '"route";r=0', '"route";r=0']
    refused = answers[-1]
    assert refused.json()["code"] == "rate-limited"
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.headers["ratelimit-policy"] == '"route";q=2;w=60'
    assert len(user.get(CHAT).json()["items"]) == 4


@ONLY_SQLITE
def test_refusals_and_failures_say_what_is_left_too(client_told, together):
    user = client_told(companion_chats="5/minute")
    together.script(error=402)
    answers = [user.post(CHAT, json=body) for body in (ASK, {}, ASK | {"conversation_id": str(NOBODY)})]
    assert [answer.status_code for answer in answers] == [502, 422, 404]
    assert [answer.headers["ratelimit"][:11] for answer in answers] == [f'"route";r={left}' for left in (4, 3, 2)]
    assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"route";q=5;w=60'}


def test_the_window_has_ended_when_it_is_said_to(database):
    rate = parse("1/2second")
    with freeze_time() as clock:
        with database.write() as session:
            hit(session, rate, NOBODY, "r")
        clock.tick(0.6)
        with database.write() as session:
            refused = hit(session, rate, NOBODY, "r")
        clock.tick(refused.seconds)
        with database.write() as session:
            assert hit(session, rate, NOBODY, "r").allowed
    assert not refused.allowed


@ONLY_SQLITE
def test_each_user_and_each_route_has_a_limit_of_its_own(client_told, other):
    user = client_told(companion_requests="1/minute")
    paths = [CHAT, "/api/v1/conversations/", "/api/v1/companions/", "/api/v1/memories/", "/api/v1/tools/"]
    assert [user.get(path).status_code for path in paths] == [200] * 5
    assert [user.get(path).status_code for path in paths] == [429] * 5
    assert user.get(CHAT, headers=other).status_code == 200


@ONLY_SQLITE
def test_two_applications_count_together(settings, me, client_told):
    first = client_told(companion_chats="2/minute")
    with TestClient(create_app(first.app.state.settings), headers=me) as second:
        codes = [client.post(CHAT, json=ASK).status_code for client in (first, second, first, second)]
    assert codes == [200, 200, 429, 429]


def test_of_many_at_once_none_slips_through(database):
    user_id, rate = uuid4(), parse("5/minute")

    def one(_):
        with database.write() as session:
            return hit(session, rate, user_id, "GET /").allowed

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(one, range(40))) == 5


def test_a_window_that_is_over_begins_anew(database):
    user_id, rate = uuid4(), parse("1/minute")
    with database.write() as session:
        assert hit(session, rate, user_id, "GET /").allowed
        assert not hit(session, rate, user_id, "GET /").allowed
        session.query(RateWindow).update({"ends_at": now() - timedelta(seconds=1)})
        again = hit(session, rate, user_id, "GET /")
    assert (again.allowed, again.remaining, again.seconds) == (True, 0, 60)


@ONLY_SQLITE
@pytest.mark.parametrize("rate", ["often", "0", ""])
def test_a_rate_that_is_none_is_refused_at_start(client_told, rate):
    with pytest.raises(ValueError):
        client_told(companion_chats=rate)
