"""The companion under load: chats per second where the model answers at once, and 500 chats that wait for it at once.

A process of its own serves 25 users, on embedded SQLite or on the database whose URL is given; the model is a small
server here, with embeddings. Prints what a client sees and what the server's memory grew by, and exits with 1 where a
bound is missed.
Usage: python bench/companion.py [DATABASE_URL]
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx2

ROOT = Path(__file__).parents[1]
CHATS, CLIENTS, USERS = 300, 20, 25
OPEN, WAIT = 500, 2.0
LEAST_RATE, MOST_OVER, MOST_PER_CHAT = 10.0, 3.0, 0.5
DIMENSIONS = 768
NUMBERS = [index * index % 101 / 101 - 0.5 for index in range(DIMENSIONS)]
WORDS = ["word "] * 40


def main() -> int:
    return asyncio.run(_measured(sys.argv[1] if len(sys.argv) > 1 else None))


async def _measured(database_url: str | None) -> int:
    model = Model()
    with tempfile.TemporaryDirectory() as folder:
        url = database_url or f"sqlite:///{folder}/service.db"
        async with model.listening() as model_url, _signed_in(url, model_url) as (client, users, process):
            await _chats(client, users, USERS, CLIENTS)
            began = time.perf_counter()
            times = await _chats(client, users, CHATS, CLIENTS)
            rate = CHATS / (time.perf_counter() - began)
            model.delay = WAIT
            before = _memory(process.pid)
            began = time.perf_counter()
            slow = await _chats(client, users, OPEN, OPEN, stream=True)
            all_of_them = time.perf_counter() - began
            per_chat = (_memory(process.pid) - before) / OPEN
    over = all_of_them / (WAIT + OPEN / rate)
    print(f"{CHATS} chats, {CLIENTS} at once, a model that answers at once, with memory, {url.partition(':')[0]}")
    print(f"  chats per second           {rate:8.1f}")
    print(f"  median, 99th of 100        {_ms(times, 0.5):8.0f} ms {_ms(times, 0.99):6.0f} ms")
    print(f"{OPEN} streams open at once, a model that takes {WAIT:g} s; most at it together: {model.most}")
    print(f"  all answered               {all_of_them:8.1f} s")
    print(f"  median                     {_ms(slow, 0.5):8.0f} ms")
    print(f"  server's memory per chat   {per_chat:8.2f} MB")
    print(
        f"companion: {rate:.1f} chats/s (must be >= {LEAST_RATE:g}), {OPEN} open in {over:.2f}x the sum of waiting and "
        f"work (<= {MOST_OVER:g}), {per_chat:.2f} MB each (<= {MOST_PER_CHAT:g})"
    )
    return 0 if rate >= LEAST_RATE and over <= MOST_OVER and per_chat <= MOST_PER_CHAT else 1


Headers = dict[str, str]


async def _chats(
    client: httpx2.AsyncClient, users: list[Headers], count: int, at_once: int, *, stream: bool = False
) -> list[float]:
    """Seconds that each took. Each is a conversation of its own."""
    allowed = asyncio.Semaphore(at_once)

    async def chat(number: int) -> float:
        async with allowed:
            began = time.perf_counter()
            body = {"message": f"Question {number}", "stream": stream}
            answer = await client.post("/api/chat", json=body, headers=users[number % USERS])
            assert answer.status_code == 200, answer.text
            assert "word word" in answer.text
            assert not stream or "event: done" in answer.text
            return time.perf_counter() - began

    return await asyncio.gather(*map(chat, range(count)))


def _ms(seconds: list[float], share: float) -> float:
    return statistics.quantiles(seconds, n=100, method="inclusive")[round(share * 100) - 1] * 1000


def _memory(pid: int) -> float:
    """The most that a process ever had, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


# --- the service ------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _signed_in(database_url: str, model_url: str) -> AsyncIterator[tuple[httpx2.AsyncClient, list[Headers], Any]]:
    limits = httpx2.Limits(max_connections=OPEN)
    with _serving(database_url, model_url) as (url, password, process):
        async with httpx2.AsyncClient(base_url=url, timeout=120, limits=limits) as client:
            admin = await _headers(client, "admin", password)
            names = [f"user-{number}-{time.time_ns()}" for number in range(USERS)]
            for name in names:
                made = await client.post("/api/v1/users", json={"username": name, "password": password}, headers=admin)
                assert made.status_code == 201, made.text
            yield client, [await _headers(client, name, password) for name in names], process


async def _headers(client: httpx2.AsyncClient, username: str, password: str) -> Headers:
    answer = await client.post("/token", data={"username": username, "password": password})
    return {"authorization": f"Bearer {answer.json()['access_token']}"}


@contextmanager
def _serving(database_url: str, model_url: str) -> Iterator[tuple[str, str, subprocess.Popen[str]]]:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    told = {
        "ACETATE_DATABASE_URL": database_url,
        "ACETATE_SECRET_KEY": "of a benchmark only, and long enough to be one",
        "ACETATE_TOGETHER_BASE_URL": model_url,
        "ACETATE_TOGETHER_API_KEY": "any",
        "ACETATE_PASSWORD_MEMORY_KIB": "8",
        "ACETATE_PASSWORD_ROUNDS": "1",
        "ACETATE_COMPANION_CHATS": "1000000/minute",
        "ACETATE_LOG_LEVEL": "error",
    }
    command = [sys.executable, "-m", "app", "serve", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **told}, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    password = ""
    for line in process.stdout:
        if "password" in line:
            password = line.split()[-1]
        if "http://" in line:
            break
    try:
        yield f"http://127.0.0.1:{port}", password, process
    finally:
        process.terminate()
        process.communicate()


# --- the model --------------------------------------------------------------------------------------------------------


class Model:
    """Answers every chat with the same words after `delay` seconds, and every embedding at once."""

    def __init__(self) -> None:
        self.delay = 0.0
        self.most = 0
        """Chats that waited together."""
        self._waiting = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._converse, "127.0.0.1", 0, backlog=OPEN)
        async with server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                length = next(line for line in head.lower().split("\r\n") if line.startswith("content-length"))
                asked = json.loads(await reader.readexactly(int(length.split(":")[1])))
                kind, body = await self._answer(asked)
                writer.write(
                    f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _answer(self, asked: Any) -> tuple[str, bytes]:
        if "input" in asked:
            data = [{"index": index, "embedding": _vector(text)} for index, text in enumerate(asked["input"])]
            return "application/json", json.dumps({"data": data}).encode()
        self._waiting += 1
        self.most = max(self.most, self._waiting)
        await asyncio.sleep(self.delay)
        self._waiting -= 1
        usage = {"prompt_tokens": 10, "completion_tokens": 40, "total_tokens": 50}
        if not asked.get("stream"):
            message = {"role": "assistant", "content": "".join(WORDS)}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            return "application/json", json.dumps({"choices": [choice], "usage": usage}).encode()
        chunks: list[Any] = [{"choices": [{"index": 0, "delta": {"content": word}}]} for word in WORDS]
        chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage})
        told = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
        return "text/event-stream", "".join([*told, "data: [DONE]\n\n"]).encode()


def _vector(text: str) -> list[float]:
    """Different for different texts."""
    at = sum(text.encode()) * 7 % DIMENSIONS
    return NUMBERS[at:] + NUMBERS[:at]


if __name__ == "__main__":
    sys.exit(main())
