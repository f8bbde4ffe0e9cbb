"""Mocks: what hand-written mocks answer in a provider's place, held against the contract of what the provider answers.

A mock is whatever answers a request to a known provider without a socket: respx, pytest-httpx, a MockTransport, a
patched transport, an app that plays the provider. It is met where `httpx` and `httpx2` hand a response to whoever
called `send`, and with them the SDKs. A mock of an SDK's own methods is never seen.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

from acetate.change import Difference
from acetate.examine import violations
from acetate.exchange import Exchange, Headers, Recording, Request, Response
from acetate.interaction import unpacked
from acetate.kind import severity
from acetate.library import Ref
from acetate.project import Project
from acetate.recorder import Call
from acetate.tap import CLIENTS, PLAYED, Tee, streams
from acetate.verdict import Fault, Mock, each_once

__all__ = ["Mocks", "compared"]

_PACKING = frozenset({"content-encoding", "transfer-encoding", "content-length"})


class Mocks:
    """Hears what mocks answer, in all threads, between `start` and `stop`. `project` is asked for at each response: a
    test may say where a provider is to be found."""

    def __init__(self, project: Callable[[], Project]) -> None:
        self._project = project
        self._heard: list[Exchange] = []
        self._lock = threading.Lock()
        self._patches = ExitStack()

    def start(self) -> None:
        for name in CLIENTS:
            if importlib.util.find_spec(name):
                module = importlib.import_module(name)
                self._patch(module.Client, _sync(module.Client.send, module, self))
                self._patch(module.AsyncClient, _async(module.AsyncClient.send, module, self))

    def stop(self) -> None:
        self._patches.close()

    def take(self) -> list[Exchange]:
        """What was answered since the last time."""
        with self._lock:
            heard, self._heard = self._heard, []
        return heard

    def meet(self, response: Any, module: ModuleType, stream: int) -> None:
        """Look at a response that a client is about to hand out. `stream` says which kind of stream it has."""
        if "network_stream" in response.extensions or PLAYED in response.extensions:
            return
        project = self._project()
        address = project.providers.identify(str(response.request.url))
        if address.provider.name not in project.config.providers:
            return
        request = _request(response.request, address.uri, module)
        try:
            body = response.content
        except module.ResponseNotRead:
            call = Call(request, 0, datetime.now(UTC), time.perf_counter())
            response.stream = streams(module)[stream](response, Tee(self, call, response))
        else:
            headers = tuple(pair for pair in response.headers.multi_items() if pair[0].lower() not in _PACKING)
            self._hear(request, Response(response.status_code, response.reason_phrase, headers, body))

    def keep(
        self,
        call: Call,
        status: int,
        reason: str,
        headers: Headers,
        body: bytes,
        *,
        chunks: Sequence[tuple[int, int]] = (),  # noqa: ARG002  (when a piece came says nothing of its form)
        broken: str | None = None,
    ) -> None:
        """A response was read to its end. What a test stopped reading tells nothing."""
        if broken is None:
            self._hear(call.request, unpacked(status, reason, headers, body))

    def _hear(self, request: Request, response: Response) -> None:
        with self._lock:
            self._heard.append(Exchange(request, response, Recording()))

    def _patch(self, owner: type, send: Callable[..., Any]) -> None:
        self._patches.callback(setattr, owner, "send", owner.send)  # type: ignore[attr-defined]
        owner.send = send  # type: ignore[attr-defined]


def compared(project: Project, test: str, exchanges: Sequence[Exchange]) -> list[Mock]:
    """The answers of mocks in one test against the contracts; what was answered twice counts once. Raises
    CassetteError for JSON that is nested too deeply."""
    return list(each_once(_compared(project, test, each) for each in exchanges))


def _compared(project: Project, test: str, exchange: Exchange) -> Mock:
    observation = project.observed(exchange)
    ref = Ref.of(observation.entry)
    mock = Mock(test, ref.operation.provider, ref.operation.name, ref.status, ref.stream, None)
    if project.library.contract(ref) is None:
        return mock
    faults = [_fault(each, project) for each in violations(observation, project.library, ref)]
    shown = tuple(sorted((each for each in faults if each.severity != "none"), key=lambda each: (each.path, each.kind)))
    return replace(mock, contract=ref.file(project.library.contracts), faults=shown)


def _fault(difference: Difference, project: Project) -> Fault:
    level = severity(difference.kind, "consume", project.config.severity)
    return Fault(difference.kind, level, difference.path, difference.before, difference.after)


def _request(request: Any, uri: str, module: ModuleType) -> Request:
    try:
        body = request.content
    except module.RequestNotRead:  # it was sent piece by piece
        body = b""
    return Request(request.method, uri, tuple(request.headers.multi_items()), body)


def _sync(real: Callable[..., Any], module: ModuleType, mocks: Mocks) -> Callable[..., Any]:
    @functools.wraps(real)
    def send(client: Any, *words: Any, **named: Any) -> Any:
        __tracebackhide__ = True
        response = real(client, *words, **named)
        mocks.meet(response, module, 0)
        return response

    return send


def _async(real: Callable[..., Any], module: ModuleType, mocks: Mocks) -> Callable[..., Any]:
    @functools.wraps(real)
    async def send(client: Any, *words: Any, **named: Any) -> Any:
        __tracebackhide__ = True
        response = await real(client, *words, **named)
        mocks.meet(response, module, 1)
        return response

    return send
