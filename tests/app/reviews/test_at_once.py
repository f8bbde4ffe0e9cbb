"""Sixteen reviewers on the same two hundred changes at the same time: nothing is lost, doubled, locked or a fault."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.auth import service as accounts
from app.models import Role
from app.reviews import service
from app.runs.service import find_run
from tests.app.bundles import bundle, change
from tests.app.engines import ONLY_POSTGRESQL

ROOT = Path(__file__).parents[3]
REVIEWERS = 16
CHANGES = 200
AT_ONCE = 25

Ask = Callable[[str, str, Any, dict[str, str]], tuple[int, Any]]
"""Method, path, body and headers in; status and answer out."""


def reviewed(ask: Ask, headers: dict[str, str], run: str, seed: int) -> tuple[list[str], list[int]]:
    """One reviewer goes through all changes in an order of their own, and leaves alone what somebody else was quicker
    to decide: the fingerprints that were theirs, and every status that they met."""
    order = random.Random(seed)
    verb = "approved" if seed % 2 else "rejected"
    shown = ask("GET", f"runs/{run}/changes", None, headers)[1]
    waiting = {each["fingerprint"]: each["state"] for each in shown if each["decision"] is None}
    mine: list[str] = []
    statuses: list[int] = []
    while waiting:
        some = order.sample(sorted(waiting), min(AT_ONCE, len(waiting)))
        chosen = [{"fingerprint": each, "state": waiting[each]} for each in some]
        body = {"decision": verb, "why": f"by {seed}", "changes": chosen}
        status, answer = ask("POST", f"runs/{run}/decisions", body, headers)
        statuses.append(status)
        if status == 200:
            mine += some
            gone = some
        else:
            gone = [each["fingerprint"] for each in answer["changes"]]
        for each in gone:
            del waiting[each]
    return mine, statuses


def all_reviewed(asks: list[Ask], people: list[dict[str, str]], run: str) -> None:
    """Let them all begin, and look at what is there afterwards."""
    with ThreadPoolExecutor(len(people)) as pool:
        work = [pool.submit(reviewed, asks[n % len(asks)], who, run, n) for n, who in enumerate(people)]
        results = [each.result() for each in work]
    statuses = {status for _, met in results for status in met}
    decided = {each: f"by {n}" for n, (mine, _) in enumerate(results) for each in mine}
    made: list[Any] = []
    while len(made) < CHANGES + 1:
        page = asks[0]("GET", f"history?limit=200&offset={len(made)}", None, people[0])[1]["items"]
        if not page:
            break
        made += page
    assert statuses <= {200, 409}
    assert sum(len(mine) for mine, _ in results) == len(decided) == CHANGES
    assert {each["fingerprint"]: each["why"] for each in made} == decided
    assert [each["version"] for each in made] == [1] * CHANGES
    status = asks[-1]("GET", f"runs/{run}/status", None, people[0])[1]
    rejected = any(each["decision"] == "rejected" for each in made)
    assert (status["outcome"], status["waiting"]) == ("failed" if rejected else "passed", 0)


def big_bundle() -> dict[str, Any]:
    return bundle(*(change(f"$.f{number}", places=(f"cassettes/{number % 20}",)) for number in range(CHANGES)))


@pytest.fixture
def people(create_user: Any, sign_in: Any) -> list[dict[str, str]]:
    names = [f"reviewer{number}" for number in range(REVIEWERS)]
    for name in names:
        create_user(name, Role.REVIEWER)
    return [sign_in(name) for name in names]


def test_sixteen_reviewers_decide_each_change_once(client, people):
    run = client.post("/api/v1/runs", json=big_bundle(), headers=people[0]).json()["id"]

    def ask(method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[int, Any]:
        answer = client.request(method, f"/api/v1/{path}", json=body, headers=headers)
        return answer.status_code, answer.json()

    all_reviewed([ask], people, run)


def test_shards_that_are_pushed_at_once_and_twice_are_one_run(client, people):
    bodies = [bundle(change(f"$.f{number}"), job=f"shard {number}") for number in range(8)] * 2
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda body: client.post("/api/v1/runs", json=body, headers=people[0]), bodies))
    assert sorted(each.status_code for each in answers) == [200] * 8 + [201] * 8
    (run,) = {each.json()["id"] for each in answers}
    found = client.get(f"/api/v1/runs/{run}", headers=people[0]).json()
    assert (len(found["reports"]), found["waiting"]) == (8, 8)


@ONLY_POSTGRESQL
def test_a_run_that_was_read_before_somebody_else_decided_stands_right_afterwards(client, people, database, settings):
    run = UUID(client.post("/api/v1/runs", json=bundle(change()), headers=people[0]).json()["id"])

    def shown() -> dict[str, str]:
        (found,) = client.get(f"/api/v1/runs/{run}/changes", headers=people[0]).json()
        return {"fingerprint": found["fingerprint"], "state": found["state"]}

    with database.read() as session:
        person = accounts.identify(session, settings, people[1]["Authorization"].removeprefix("Bearer "))
    with database.write() as session:
        read = find_run(session, run)
        said = {"decision": "approved", "why": "", "changes": [shown()]}
        assert client.post(f"/api/v1/runs/{run}/decisions", json=said, headers=people[0]).status_code == 200
        chosen = [tuple(shown().values())]
        service.decide(session, settings, person, read.id, decision="undone", why="", chosen=chosen)
    status = client.get(f"/api/v1/runs/{run}/status", headers=people[0]).json()
    assert (status["outcome"], status["waiting"]) == ("failed", 1)


@pytest.fixture
def processes(database_url: str, settings: Any) -> Iterator[list[Ask]]:
    """Two processes of the service on one database."""
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ACETATE_")},
        "ACETATE_DATABASE_URL": database_url,
        "ACETATE_SECRET_KEY": settings.key,
        "ACETATE_LOG_LEVEL": "error",
    }
    ports = _free_ports()
    with ThreadPoolExecutor(2) as pool:
        started = [subprocess.Popen(_serve(port), cwd=ROOT, env=environ) for port in ports]
        try:
            yield list(pool.map(_answering, ports))
        finally:
            for each in started:
                each.terminate()
            for each in started:
                each.wait(20)


def _serve(port: int) -> list[str]:
    return [sys.executable, "-m", "app", "serve", "--port", str(port)]


def _free_ports() -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    ports = [int(each.getsockname()[1]) for each in held]
    for each in held:
        each.close()
    return ports


def _answering(port: int) -> Ask:
    """How to ask the process on a port, once it answers."""

    def ask(method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[int, Any]:
        content = None if body is None else json.dumps(body).encode()
        said = {**headers, "Content-Type": "application/json"}
        address = f"http://127.0.0.1:{port}/api/v1/{path}"
        request = urllib.request.Request(address, content, said, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    until = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5).close()
            return ask
        except OSError:
            assert time.monotonic() < until, "the service did not start"
            time.sleep(0.1)


@ONLY_POSTGRESQL
def test_two_processes_on_one_database_lose_nothing_either(processes, people):
    status, pushed = processes[0]("POST", "runs", big_bundle(), people[0])
    assert status == 201
    all_reviewed(processes, people, pushed["id"])
