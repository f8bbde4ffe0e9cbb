"""The one door to the model: Together AI's chat completions and embeddings, or anything else that speaks as it does.

A call ends in a value or in a ProviderFailure, whatever comes back. Tried again, within the deadline, is only what may
pass: no connection, a rate limit, a server that fails. A model that is slow is not asked twice: that would cost twice.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, TypeVar

import httpx2

from app.companion.failure import FailureCode, ProviderFailure
from app.companion.memory.vectors import Vector, read_vectors
from app.companion.reply import Assembly, Reply, Unreadable, whole
from app.companion.sse import EventReader, OversizedEvent

__all__ = ["Together"]

CHAT, EMBEDDINGS = "/v1/chat/completions", "/v1/embeddings"
MOST_BYTES = 8 * 1_048_576
"""Of one answer, unpacked: no reply needs them, a compressed bomb would."""
MOST_CONNECTIONS = 1000
CONNECT_SECONDS = 5.0
DONE = "[DONE]"
NUMBER = re.compile(r"\d{1,9}(\.\d{1,9})?")
LONGEST_RETRY = 86_400

_trusted = cache(httpx2.create_ssl_context)
"""Fifty milliseconds of reading certificates, once."""

T = TypeVar("T")
Request = dict[str, Any]

REFUSED: dict[int, FailureCode] = {
    401: "provider-account",
    402: "provider-account",
    404: "provider-model-unavailable",
    408: "provider-timeout",
    429: "provider-rate-limited",
    504: "provider-timeout",
    524: "provider-timeout",
}
MODEL_CODES = {"model_not_found", "model_not_available", "dedicated_endpoint_not_running"}


class Together:
    """`base_url` with or without `/v1`. All times are in seconds: `silence` is how long the provider may say nothing,
    `deadline` bounds a call with all its attempts, `longest_wait` the pause before another one."""

    def __init__(
        self,
        *,
        base_url: str,
        key: str,
        silence: float = 30.0,
        deadline: float = 90.0,
        attempts: int = 3,
        first_wait: float = 0.5,
        longest_wait: float = 10.0,
    ) -> None:
        self._client = httpx2.AsyncClient(
            base_url=base_url.rstrip("/").removesuffix("/v1"),
            verify=_trusted(),
            headers={"authorization": f"Bearer {key}"},
            timeout=httpx2.Timeout(silence, connect=CONNECT_SECONDS),
            limits=httpx2.Limits(max_connections=MOST_CONNECTIONS, max_keepalive_connections=MOST_CONNECTIONS),
        )
        self._deadline = deadline
        self._attempts = attempts
        self._first_wait = first_wait
        self._longest_wait = longest_wait

    async def close(self) -> None:
        await self._client.aclose()

    # --- what can be asked --------------------------------------------------------------------------------------------

    async def chat(self, request: Request) -> Reply:
        """Raises ProviderFailure."""
        body = await self._whole(CHAT, request, self._attempts)
        try:
            return whole(body)
        except Unreadable as error:
            raise ProviderFailure("provider-malformed", str(error)) from None

    async def stream(self, request: Request, assembly: Assembly) -> AsyncGenerator[str, None]:
        """The reply's text as it comes. The assembly has what was said also when this raises ProviderFailure."""
        deadline = time.monotonic() + self._deadline
        response = await self._patiently(lambda: self._opened(CHAT, request | {"stream": True}), self._attempts)
        try:
            async with aclosing(self._data(response)) as events:
                async for data in events:
                    if data.startswith(DONE):
                        break
                    if text := heard(data, assembly):
                        yield text
                    if time.monotonic() > deadline:
                        raise ProviderFailure("provider-timeout", "the stream did not end in time")
        finally:
            await response.aclose()
        if not assembly.started:
            raise ProviderFailure("provider-malformed", "a stream without a chunk")
        if not assembly.ended:
            raise ProviderFailure("provider-cut", "the stream ended without a finish reason")

    async def embed(self, texts: Sequence[str], *, model: str) -> list[Vector]:
        """One vector of length 1 for each text, in their order. Asked once: nobody waits long for a memory. Raises
        ProviderFailure."""
        body = await self._whole(EMBEDDINGS, {"model": model, "input": list(texts)}, 1)
        try:
            return read_vectors(body, len(texts))
        except ValueError as error:
            raise ProviderFailure("provider-malformed", str(error)) from None

    # --- how it is asked ----------------------------------------------------------------------------------------------

    async def _whole(self, path: str, request: Request, attempts: int) -> Any:
        try:
            async with asyncio.timeout(self._deadline):
                return await self._patiently(lambda: self._read(path, request), attempts)
        except TimeoutError:
            raise ProviderFailure("provider-timeout", "no answer before the deadline") from None

    async def _patiently(self, once: Callable[[], Awaitable[T]], attempts: int) -> T:
        """The call, made again while it fails in a way that may pass."""
        deadline = time.monotonic() + self._deadline
        for attempt in range(attempts - 1):
            try:
                return await once()
            except ProviderFailure as failure:
                wait = max(failure.retry_after or 0, self._first_wait * 2**attempt * random.uniform(0.75, 1))
                if not failure.outcome.passing or wait > self._longest_wait or time.monotonic() + wait > deadline:
                    raise
            await asyncio.sleep(wait)
        return await once()

    async def _read(self, path: str, request: Request) -> Any:
        """The JSON of the whole answer."""
        response = await self._opened(path, request)
        received = bytearray()
        try:
            async for chunk in response.aiter_bytes():
                received += chunk
                if len(received) > MOST_BYTES:
                    raise ProviderFailure("provider-malformed", "a body that is too large")
        except httpx2.HTTPError as error:
            raise unfinished(error) from error
        finally:
            await response.aclose()
        return parsed(received)

    async def _data(self, response: httpx2.Response) -> AsyncGenerator[str, None]:
        """The data of each event."""
        reader = EventReader()
        try:
            async for chunk in response.aiter_bytes():
                for data in reader.feed(chunk):
                    yield data
        except httpx2.HTTPError as error:
            raise unfinished(error) from error
        except OversizedEvent as error:
            raise ProviderFailure("provider-malformed", str(error)) from None

    async def _opened(self, path: str, request: Request) -> httpx2.Response:
        """The answer with its body still to come; the caller closes it."""
        try:
            response = await self._client.send(self._client.build_request("POST", path, json=request), stream=True)
        except httpx2.TimeoutException as error:
            late = isinstance(error, httpx2.ReadTimeout | httpx2.WriteTimeout)
            raise ProviderFailure("provider-timeout" if late else "provider-unreachable", repr(error)) from error
        except httpx2.HTTPError as error:
            raise ProviderFailure("provider-unreachable", repr(error)) from error
        if response.status_code == httpx2.codes.OK:
            return response
        try:
            raise await refusal(response)
        finally:
            await response.aclose()


async def refusal(response: httpx2.Response) -> ProviderFailure:
    """What an answer other than 200 means."""
    said = await error_code(response)
    status = response.status_code
    code: FailureCode = REFUSED.get(status, "provider-unavailable" if status >= 500 else "provider-refused")
    if said in MODEL_CODES:
        code = "provider-model-unavailable"
    return ProviderFailure(code, f"status {status}, code {said}", retry_after=retry_after(response.headers))


async def error_code(response: httpx2.Response) -> str | None:
    """The code in the error envelope, where there is one and it arrives."""
    try:
        received = b""
        async for chunk in response.aiter_bytes():
            received += chunk
            if len(received) > MOST_BYTES:
                return None
        error = parsed(received)["error"]
        return str(error["code"])[:100] if error["code"] else None
    except (httpx2.HTTPError, ProviderFailure, LookupError, TypeError):
        return None


def unfinished(error: httpx2.HTTPError) -> ProviderFailure:
    """What it means that a body did not come to its end."""
    if isinstance(error, httpx2.TimeoutException):
        return ProviderFailure("provider-timeout", repr(error))
    if isinstance(error, httpx2.DecodingError):
        return ProviderFailure("provider-malformed", repr(error))
    return ProviderFailure("provider-cut", repr(error))


def heard(data: str, assembly: Assembly) -> str:
    chunk = parsed(data)
    if isinstance(chunk, dict) and chunk.get("error"):
        raise ProviderFailure("provider-cut", f"an error in the stream: {str(chunk['error'])[:200]}")
    try:
        return assembly.add(chunk)
    except Unreadable as error:
        raise ProviderFailure("provider-malformed", str(error)) from None


def parsed(text: str | bytes | bytearray) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ProviderFailure("provider-malformed", "not JSON") from None


def retry_after(headers: httpx2.Headers) -> float | None:
    """Seconds, from a number or a date."""
    said = headers.get("retry-after", "")
    try:
        seconds = float(said) if NUMBER.fullmatch(said) else until(said)
    except (ValueError, TypeError, OverflowError):
        return None
    return seconds if 0 <= seconds <= LONGEST_RETRY else None


def until(date: str) -> float:
    return max((parsedate_to_datetime(date) - datetime.now(UTC)).total_seconds(), 0.0)
