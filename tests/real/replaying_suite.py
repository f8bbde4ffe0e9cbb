"""Plays the recordings of others: every request of every cassette, sent again by each client. `test_replaying.py` runs
it under Acetate's plugin, in a folder that holds `cassettes/`, and reads what each exchange came to in `PLAYED`."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path

import aiohttp
import httpx
import pytest
import requests
from yarl import URL

from acetate.cassette import Cassette
from acetate.exchange import Exchange, Request

ROOT = Path(__file__).parent
CASSETTES = sorted((ROOT / "cassettes").rglob("*.yaml"))
OF_THE_ROAD = {"host", "connection", "content-length", "transfer-encoding", "accept-encoding"}
"""Headers that a client writes itself."""

Answer = tuple[int, bytes]


def sent(request: Request) -> dict[str, str]:
    return {name: value for name, value in request.headers if name.lower() not in OF_THE_ROAD}


def by_httpx(request: Request) -> Answer:
    answer = CLIENT.request(request.method, request.uri, headers=sent(request), content=request.body)
    return answer.status_code, answer.content


def by_requests(request: Request) -> Answer:
    answer = requests.request(
        request.method, request.uri, headers=sent(request), data=request.body, allow_redirects=False, timeout=5
    )
    return answer.status_code, answer.content


def by_aiohttp(request: Request) -> Answer:
    async def run() -> Answer:
        url = URL(request.uri, encoded=True)
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                request.method, url, headers=sent(request), data=request.body, allow_redirects=False
            ) as answer,
        ):
            return answer.status, await answer.read()

    return asyncio.run(run())


CLIENT = httpx.Client(verify=False)
CLIENTS: dict[str, Callable[[Request], Answer]] = {"httpx": by_httpx, "requests": by_requests, "aiohttp": by_aiohttp}


def outcome(exchange: Exchange, ask: Callable[[Request], Answer]) -> str:
    """Nothing where the client gets what was recorded; else what happened."""
    try:
        answer = ask(exchange.request)
    except Exception as error:  # noqa: BLE001  (it is what is to be told)
        return f"{type(error).__name__}: {error}"
    if answer == (exchange.response.status, exchange.response.body):
        return ""
    (status, body), wanted = answer, exchange.response
    return f"{status} with {len(body)} bytes in place of {wanted.status} with {len(wanted.body)}"


@pytest.fixture(scope="session", autouse=True)
def _closing():
    yield
    CLIENT.close()


@pytest.fixture
def cassette(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.fixture
def vcr_cassette_dir(cassette: Path) -> str:
    return str(cassette.parent)


@pytest.fixture
def default_cassette_name(cassette: Path) -> str:
    return cassette.stem


@pytest.mark.vcr
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("cassette", CASSETTES, indirect=True, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_played(cassette: Path, client: str) -> None:
    exchanges = Cassette.load(cassette, ROOT).exchanges
    outcomes = [outcome(each, CLIENTS[client]) for each in exchanges]
    with Path(os.environ["PLAYED"]).open("a", encoding="utf-8") as file:
        file.write(json.dumps([cassette.relative_to(ROOT / "cassettes").as_posix(), client, outcomes]) + "\n")
