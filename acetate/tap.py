"""Tap: listens in where httpx and httpx2 hand a request to the network, without holding anything up.

While a recorder listens, a request is answered from its deck, or goes on and its response is heard chunk by chunk as
the client reads it: an event of a stream reaches the client when it arrives. Only the transports that open sockets are
tapped, so an ASGI app under test runs, and a mock transport answers as it always does.
"""

from __future__ import annotations

import functools
import sys
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Protocol

from acetate.body import decoded, essence
from acetate.exchange import Exchange, Headers, Request, header
from acetate.recorder import Call, Recorder
from acetate.reply import read

__all__ = ["CLIENTS", "PLAYED", "Keeper", "Tee", "listening", "streams"]

CLIENTS = ("httpx", "httpx2")

PLAYED = "acetate.played"
"""The extension of a response that came from a recording."""

_listening: list[tuple[Recorder, frozenset[str]]] = []
_made: dict[tuple[type, str], tuple[Callable[..., Any], Callable[..., Any]]] = {}
"""What stood there when it was tapped, and what taps it."""


@contextmanager
def listening(recorder: Recorder, clients: Sequence[str] = CLIENTS) -> Iterator[None]:
    """Calls of these clients are the recorder's from here to the end of the block, in all threads; of two that are
    open the inner one has them."""
    for name in clients:
        if name in sys.modules:
            _tap(sys.modules[name])
    entry = (recorder, frozenset(clients))
    _listening.append(entry)
    try:
        yield
    finally:
        _listening.remove(entry)
        if not _listening:
            _untap()


def _tap(module: ModuleType) -> None:
    for owner, name, made in (
        (module.HTTPTransport, "handle_request", _sync),
        (module.AsyncHTTPTransport, "handle_async_request", _async),
    ):
        stands = getattr(owner, name)
        real, ours = _made.get((owner, name), (None, None))
        if stands is ours:
            continue
        if stands is not real or ours is None:
            ours = made(stands, module)
            _made[owner, name] = stands, ours
        setattr(owner, name, ours)


def _untap() -> None:
    """Put back what stood there; what somebody else has put there since stays."""
    for (owner, name), (real, ours) in _made.items():
        if getattr(owner, name) is ours:
            setattr(owner, name, real)


def _current(module: ModuleType) -> Recorder | None:
    """Who listens to this client now."""
    if not _listening:
        return None
    recorder, clients = _listening[-1]
    return recorder if module.__name__ in clients else None


def _sync(real: Callable[..., Any], module: ModuleType) -> Callable[..., Any]:
    @functools.wraps(real)
    def handle_request(transport: Any, request: Any) -> Any:
        __tracebackhide__ = True
        recorder = _current(module)
        if recorder is None:
            return real(transport, request)
        request.read()
        heard = recorder.heard(_request(request))
        if heard is None:
            return real(transport, request)
        if (played := recorder.play(heard)) is not None:
            return _response(played.exchange, module)
        call = recorder.call(heard)
        response = real(transport, request)
        if _is_mocked(response, real, recorder):
            return response
        response.stream = streams(module)[0](response, Tee(recorder, call, response))
        return response

    return handle_request


def _async(real: Callable[..., Any], module: ModuleType) -> Callable[..., Any]:
    @functools.wraps(real)
    async def handle_async_request(transport: Any, request: Any) -> Any:
        __tracebackhide__ = True
        recorder = _current(module)
        if recorder is None:
            return await real(transport, request)
        await request.aread()
        heard = recorder.heard(_request(request))
        if heard is None:
            return await real(transport, request)
        if (played := recorder.play(heard)) is not None:
            return _response(played.exchange, module)
        call = recorder.call(heard)
        response = await real(transport, request)
        if _is_mocked(response, real, recorder):
            return response
        response.stream = streams(module)[1](response, Tee(recorder, call, response))
        return response

    return handle_async_request


def _request(request: Any) -> Request:
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw)
    return Request(request.method, str(request.url), headers, request.content)


def _response(exchange: Exchange, module: ModuleType) -> Any:
    response = exchange.response
    return module.Response(
        response.status,
        headers=_played_headers(response.headers),
        stream=streams(module)[2](exchange),
        extensions={
            PLAYED: True,
            **({"reason_phrase": response.reason.encode("ascii", "replace")} if response.reason else {}),
        },
    )


def _played_headers(headers: Headers) -> list[tuple[str, str]]:
    return [pair for pair in headers if pair[0].lower() != "transfer-encoding"]


def _is_mocked(response: Any, real: Callable[..., Any], recorder: Recorder) -> bool:
    """True for an answer that no socket gave: it is not recorded, and whoever gave it is named."""
    if "network_stream" in response.extensions:
        return False
    module = getattr(real, "__module__", "")
    name = module if module.partition(".")[0] not in CLIENTS else _below()
    recorder.was_mocked(name)
    return True


def _below() -> str:
    """Who answers below the transport. respx is loaded wherever it is installed; it mocks where it has routes."""
    respx = sys.modules.get("respx.mocks")
    is_mocking = respx is not None and any(each.routers for each in respx.Mocker.registry.values())
    return "respx" if is_mocking else "a patched transport"


class Keeper(Protocol):
    """Who is told of a response that was read: a recorder, for one."""

    def keep(
        self,
        call: Call,
        status: int,
        reason: str,
        headers: Headers,
        body: bytes,
        *,
        chunks: Sequence[tuple[int, int]] = (),
        broken: str | None = None,
    ) -> None: ...


class Tee:
    """What a client reads of one response, piece by piece. The exchange is kept before the client has the piece that
    makes it whole."""

    def __init__(self, recorder: Keeper, call: Call, response: Any) -> None:
        self._recorder = recorder
        self._call = call
        self._response = response
        self._headers: Headers = tuple(response.headers.multi_items())
        self._pieces: list[bytes] = []
        self._plain: list[bytes] = []
        self._chunks: list[tuple[int, int]] = []
        self._size = 0
        self._is_kept = False
        length = header(self._headers, "content-length")
        self._length = int(length) if length is not None and length.isdecimal() else None
        coding = (header(self._headers, "content-encoding") or "").lower()
        self._inflater = zlib.decompressobj(_ANY_WINDOW) if coding in ("gzip", "x-gzip", "deflate") else None
        self._is_events = essence(header(self._headers, "content-type") or "") == "text/event-stream"

    def hear(self, piece: bytes) -> bytes:
        plain = self._inflated(piece)
        self._pieces.append(piece)
        self._plain.append(plain)
        self._chunks.append((self._call.elapsed(), len(plain)))
        self._size += len(piece)
        if self._length == self._size or (self._is_events and b"[DONE]" in plain and self._is_told()):
            self.end()
        return piece

    def end(self, broken: str | None = None) -> None:
        """It is over: whole, or `broken` for a reason. A stream that has said that it is at its end is whole, though
        its connection was open still; one that ended and has not is not."""
        if self._is_kept:
            return
        self._is_kept = True
        if self._is_events and self._response.status_code < 400:
            broken = None if self._is_told() else broken or "it ended in the middle"
        headers, pieces = self._headers, self._pieces
        if broken and self._inflater is not None:
            # What has no end cannot be unpacked; what was unpacked on the way can be looked at.
            headers = tuple(pair for pair in headers if pair[0].lower() != "content-encoding")
            pieces = self._plain
        self._recorder.keep(
            self._call,
            self._response.status_code,
            self._response.reason_phrase,
            headers,
            b"".join(pieces),
            chunks=self._chunks,
            broken=broken,
        )

    def _inflated(self, piece: bytes) -> bytes:
        if self._inflater is None:
            return piece
        try:
            return self._inflater.decompress(piece)
        except zlib.error:
            return b""

    def _is_told(self) -> bool:
        """True if the stream has said that it is at its end. An error on the way is an answer, too."""
        body = b"".join(self._plain)
        coding = header(self._headers, "content-encoding")
        if coding and self._inflater is None:
            try:
                body = decoded(body, coding)
            except ValueError:
                return False
        reply = read(body)
        return reply.complete or reply.error is not None


_ABANDONED = "the client stopped reading it"
_ANY_WINDOW = zlib.MAX_WBITS | 32  # the header tells gzip from zlib


@functools.cache
def streams(module: ModuleType) -> tuple[type, type, type]:
    """The streams of one client: what hears a live response, sync and async, and what plays a recorded one."""

    class Heard(module.SyncByteStream):  # type: ignore[misc,name-defined]
        def __init__(self, response: Any, tee: Tee) -> None:
            self._stream = response.stream
            self._tee = tee

        def __iter__(self) -> Iterator[bytes]:
            try:
                for piece in self._stream:
                    yield self._tee.hear(piece)
            except GeneratorExit:
                raise
            except BaseException as error:
                self._tee.end(f"{type(error).__name__}: {error}")
                raise
            self._tee.end()

        def close(self) -> None:
            self._stream.close()
            self._tee.end(_ABANDONED)

    class AsyncHeard(module.AsyncByteStream):  # type: ignore[misc,name-defined]
        def __init__(self, response: Any, tee: Tee) -> None:
            self._stream = response.stream
            self._tee = tee

        async def __aiter__(self) -> AsyncIterator[bytes]:
            try:
                async for piece in self._stream:
                    yield self._tee.hear(piece)
            except GeneratorExit:
                raise
            except BaseException as error:
                self._tee.end(f"{type(error).__name__}: {error}")
                raise
            self._tee.end()

        async def aclose(self) -> None:
            await self._stream.aclose()
            self._tee.end(_ABANDONED)

    class Played(module.SyncByteStream, module.AsyncByteStream):  # type: ignore[misc,name-defined]
        def __init__(self, exchange: Exchange) -> None:
            self._body = exchange.response.body
            self._chunks = exchange.recording.chunks

        def __iter__(self) -> Iterator[bytes]:
            return iter(_pieces(self._body, self._chunks))

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for piece in _pieces(self._body, self._chunks):
                yield piece

    return Heard, AsyncHeard, Played


def _pieces(body: bytes, chunks: Sequence[tuple[int, int]]) -> list[bytes]:
    """The body in the pieces in which it came; in one piece where nobody noted them."""
    if not chunks:
        return [body] if body else []
    found, start = [], 0
    for _, size in chunks:
        found.append(body[start : start + size])
        start += size
    return found
