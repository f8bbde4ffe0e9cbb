"""The loopback stand-in of Together AI: a real HTTP/1.1 server on this machine that answers as Together does.

    with Standin() as together:
        client = Together(base_url=together.url, api_key=KEY)
        ...
        together.script(rename={"$.choices[].message.role": "speaker"})

Every answer is derived from its request; two stand-ins that are asked the same in the same order answer the same
bytes. It runs in a thread of its own.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import threading
import time
from collections import Counter, deque
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Any, Self

import h11

from tests.standin.answers import answer
from tests.standin.arrival import Arrival
from tests.standin.faults import phrase
from tests.standin.mint import Mint
from tests.standin.script import Script
from tests.standin.wire import Wire, wire

__all__ = ["KEY", "Standin"]

KEY = "tgp_v1_the-stand-in-takes-any-key"
"""Looks like a key and opens nothing."""
READ_SIZE = 65_536
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Standin:
    """Its methods may be called from any thread. `url` has no version, as Together's own SDK wants it. Without a `port`
    it takes one that is free."""

    def __init__(self, port: int = 0) -> None:
        self._lock = threading.Lock()
        self._script = Script()
        self._next: deque[Script] = deque()
        self._requests: list[Arrival] = []
        self._asked: Counter[bytes] = Counter()
        self._failures: list[BaseException] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._socket = socket.create_server(("127.0.0.1", port))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._loop = asyncio.SelectorEventLoop()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="stand-in", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """No connection can be made afterwards. Raises what went wrong in the stand-in itself. May be called twice."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()
        if self._failures:
            raise BaseExceptionGroup("the stand-in itself failed", self._failures)

    def script(self, *, times: int | None = None, **changes: Any) -> None:
        """Behave so from now on, in place of what was asked before; `script()` alone makes it Together again. With
        `times`, only for so many calls, which come before all others. The words are those of `Script`."""
        script = Script(**changes)
        with self._lock:
            if times is None:
                self._script = script
            else:
                self._next.extend([script] * times)

    def anew(self) -> None:
        """As if it had just been started."""
        with self._lock:
            self._script = Script()
            self._next.clear()
            self._requests.clear()
            self._asked.clear()

    @property
    def environment(self) -> dict[str, str]:
        """What leads Together's SDK here."""
        return {"TOGETHER_BASE_URL": self.url, "TOGETHER_API_KEY": KEY}

    @property
    def requests(self) -> list[Arrival]:
        """All that arrived, in order."""
        with self._lock:
            return list(self._requests)

    @property
    def calls(self) -> int:
        return len(self._requests)

    # --- in the thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connected, sock=self._socket)
        await self._stopping.wait()
        self._loop.remove_reader(self._socket)  # `server.close()` would lose a client that is halfway in
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0)  # the last transports close in the next round of the loop

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._converse(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(partial(self._ended, writer))

    def _ended(self, writer: asyncio.StreamWriter, task: asyncio.Task[None]) -> None:
        """Not in the task itself: one that is cancelled early never runs."""
        self._tasks.discard(task)
        if task.cancelled():
            writer.transport.abort()
            return
        writer.close()
        if failure := task.exception():
            self._failures.append(failure)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """All requests of one connection."""
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        writer.transport.set_write_buffer_limits(0)  # so that `drain` waits until all is sent
        connection = h11.Connection(h11.SERVER)
        with suppress(ConnectionError, h11.RemoteProtocolError):  # the client left
            while arrival := await arrived(connection, reader):
                script, mint = self._taken(arrival)
                await asyncio.sleep(script.delay)
                reply = wire(answer(arrival, script, mint), arrival, script, mint)
                await send(reply, connection, writer, script.pause)
                if connection.our_state is not h11.DONE or reply.claimed_length is not None:
                    break
                connection.start_next_cycle()

    def _taken(self, arrival: Arrival) -> tuple[Script, Mint]:
        """The script for this request, and what its answer is minted from: the same request gets another id each
        time."""
        with self._lock:
            script = self._next.popleft() if self._next else self._script
            self._requests.append(arrival)
            essence = arrival.essence
            self._asked[essence] += 1
            turn = self._asked[essence]
        return script, Mint(b"%d %b" % (turn, essence), int(time.time()) if script.clock else None)


async def arrived(connection: h11.Connection, reader: asyncio.StreamReader) -> Arrival | None:
    """The next request, or None when the client has closed the connection."""
    request: h11.Request | None = None
    body: list[bytes] = []
    while True:
        match event := connection.next_event():
            case h11.NEED_DATA:
                connection.receive_data(await reader.read(READ_SIZE))
            case h11.Request():
                request = event
            case h11.Data():
                body.append(bytes(event.data))
            case h11.EndOfMessage() if request:
                headers = tuple((name.decode(), value.decode("latin-1")) for name, value in request.headers)
                return Arrival(request.method.decode(), request.target.decode(), headers, b"".join(body))
            case _:
                return None


async def send(reply: Wire, connection: h11.Connection, writer: asyncio.StreamWriter, pause: float) -> None:
    """Head and pieces, each in a write of its own, so that each arrives as it was sent."""
    head = connection.send(h11.Response(status_code=reply.status, headers=reply.headers, reason=phrase(reply.status)))
    await put(writer, claimed(head or b"", reply))
    for index, piece in enumerate(reply.pieces):
        await asyncio.sleep(pause if index else 0)
        await put(writer, connection.send(h11.Data(data=piece)))
    if reply.broken is None:
        await put(writer, connection.send(h11.EndOfMessage()))
    if reply.broken == "reset":
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)


async def put(writer: asyncio.StreamWriter, data: bytes | None) -> None:
    """Raises ConnectionError when the client has left."""
    writer.write(data or b"")
    await writer.drain()


def claimed(head: bytes, reply: Wire) -> bytes:
    """The head with the length that the reply claims to have: h11 itself does not lie."""
    if reply.claimed_length is None:
        return head
    return re.sub(rb"(?<=Content-Length: )\d+", str(reply.claimed_length).encode(), head)
