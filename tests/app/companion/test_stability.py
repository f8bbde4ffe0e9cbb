"""The two bugs that this backend was planned against, as they happen on the naive set-up and not on ours.

One connection for all threads (`StaticPool`, `check_same_thread=False`), which many tutorials show, and SQLite's
default transactions lose writes in silence or break the interpreter: so the naive set-up runs in a process of its own.
A chat handler that trusts the model's answer turns each of its faults into a 500.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.testclient import TestClient

from app.models import RateWindow, now
from tests.app.engines import ONLY_SQLITE
from tests.standin.server import KEY

THREADS, ROUNDS = 10, 20

NAIVE = textwrap.dedent(
    """
    import sys
    from concurrent.futures import ThreadPoolExecutor
    from sqlalchemy import create_engine, text
    from sqlalchemy.orm import Session
    from sqlalchemy.pool import QueuePool, StaticPool

    how, file, threads, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    if how == "one connection":
        engine = create_engine("sqlite://", connect_args={"check_same_thread": False}, poolclass=StaticPool)
    else:
        engine = create_engine(f"sqlite:///{file}", poolclass=QueuePool, pool_size=threads)
    with Session(engine) as session:
        session.execute(text("CREATE TABLE counter (n INTEGER)"))
        session.execute(text("INSERT INTO counter VALUES (0)"))
        session.commit()
    failures = []

    def count(_):
        try:
            with Session(engine) as session:
                n = session.execute(text("SELECT n FROM counter")).scalar_one()
                session.execute(text("UPDATE counter SET n = :n"), {"n": n + 1})
                session.commit()
        except Exception as error:
            failures.append(type(error).__name__)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(count, range(threads * rounds)))
    with Session(engine) as session:
        n = session.execute(text("SELECT n FROM counter")).scalar_one()
    sys.exit(0 if n == threads * rounds and not failures else 1)
    """
)
"""Adds one so many times in threads; 0 where every one is there at the end."""


@pytest.mark.parametrize("how", ["one connection", "default transactions"])
def test_the_naive_database_loses_what_threads_write(how, tmp_path):
    command = [sys.executable, "-W", "ignore", "-c", NAIVE, how, str(tmp_path / "naive.db"), str(THREADS), str(ROUNDS)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode != 0, "nothing lost, no error, no crash"


def test_ours_loses_nothing(database):
    with database.write() as session:
        session.add(RateWindow(key="counter", hits=0, ends_at=now()))

    def count(_):
        with database.write() as session:
            session.get_one(RateWindow, "counter", with_for_update=True).hits += 1

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(count, range(THREADS * ROUNDS)))
    with database.read() as session:
        assert session.get_one(RateWindow, "counter").hits == THREADS * ROUNDS


# --- 500 on POST /api/chat --------------------------------------------------------------------------------------------


class Question(BaseModel):
    message: str


def naive(url):
    """A chat handler as one writes it first."""
    app = FastAPI()

    @app.post("/api/chat")
    async def chat(question: Question):
        async with httpx2.AsyncClient(base_url=url, headers={"authorization": f"Bearer {KEY}"}, timeout=0.3) as client:
            messages = [{"role": "user", "content": question.message}]
            body = {"model": "meta-llama/Llama-3.3-70B-Instruct-Turbo", "messages": messages}
            answer = await client.post("/v1/chat/completions", json=body)
            return {"reply": answer.json()["choices"][0]["message"]["content"]}

    return TestClient(app, raise_server_exceptions=False)


FAULTS = {
    "an error": {"error": 503},
    "Cloudflare's page": {"error": 520},
    "no choices": {"put": {"$.choices": []}},
    "another name": {"rename": {"$.choices[].message": "text"}},
    "a cut": {"cut": 40},
    "silence": {"delay": 1},
}


@ONLY_SQLITE
@pytest.mark.parametrize("fault", FAULTS)
def test_the_naive_chat_answers_500_and_ours_says_what_happened(client_told, together, fault):
    user = client_told(together_silence_seconds=0.3, companion_recall_seconds=0.1)
    together.script(**FAULTS[fault])
    assert naive(together.url).post("/api/chat", json={"message": "Hello?"}).status_code == 500
    answer = user.post("/api/chat", json={"message": "Hello?"})
    assert answer.status_code in (502, 504)
    assert answer.json()["code"].startswith("provider-")


@ONLY_SQLITE
def test_both_answer_when_nothing_is_wrong(user, together):
    for client in (naive(together.url), user):
        assert client.post("/api/chat", json={"message": "Hello?"}).status_code == 200
