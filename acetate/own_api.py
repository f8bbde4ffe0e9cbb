"""The project's own API, watched where its tests call it in-process: Starlette's TestClient (FastAPI's is the same),
and the ASGI transports of httpx and httpx2.

Nothing of the app, its tests or their clients is edited, and nothing is imported that the tests do not import: a client
is met when its module is there, or as soon as it is. Between a client and the app every message passes at once and
untouched; what passed is an exchange once the response is whole.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from itertools import accumulate
from types import ModuleType
from typing import Any

from acetate.errors import AcetateError, ConfigError
from acetate.exchange import Exchange, Headers, Recording, Request, Response
from acetate.interaction import unpacked
from acetate.openapi import Document

__all__ = ["OwnApi", "Watch", "document_of"]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

_CLIENTS = {
    "starlette.testclient": ("_TestClientTransport", "handle_request"),
    "httpx": ("ASGITransport", "handle_async_request"),
    "httpx2": ("ASGITransport", "handle_async_request"),
}
"""By module, the class whose `app` is called, and its method that does so."""


class OwnApi:
    """The app at a place such as `app.main:app`. What it is asked while it is watched waits to be taken."""

    def __init__(self, place: str) -> None:
        self.place = place
        self._calls: list[_Call] = []
        self._is_watched = False
        self._app: Any = None
        self._document: tuple[Any, int, Document] | None = None

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch every in-process call of the app, by whatever client."""
        undo = [self._patch(sys.modules[name]) for name in _CLIENTS if name in sys.modules]
        late = _Late(lambda module: undo.append(self._patch(module)))
        sys.meta_path.insert(0, late)
        self._is_watched = True
        try:
            yield
        finally:
            self._is_watched = False
            sys.meta_path.remove(late)
            for each in undo:
                each()

    def take(self) -> list[Exchange]:
        """The exchanges since the last time, in the order in which they were begun. One whose response was cut off, or
        is not whole yet, is none."""
        calls, self._calls = self._calls, []
        return [each.exchange() for each in calls if each.is_whole]

    def is_there(self) -> bool:
        """False if the module of this place was not imported and could not be. Nothing is imported to tell."""
        module, inside = self.place.partition(":")[0], None
        for name in accumulate(module.split("."), "{}.{}".format):
            if name != module.partition(".")[0] and inside is None:
                return False
            if name in sys.modules:
                inside = getattr(sys.modules[name], "__path__", None)
                continue
            finders = (getattr(finder, "find_spec", None) for finder in sys.meta_path)
            spec = next((found for find in finders if find and (found := find(name, inside))), None)
            if spec is None:
                return False
            inside = spec.submodule_search_locations
        return True

    @property
    def was_seen(self) -> bool:
        """True once the app was called."""
        return self._app is not None

    def document(self) -> Document:
        """The document of the app that was called last. Raises AcetateError where it has none."""
        app, routes = self._app, len(getattr(self._app, "routes", ()))
        if self._document is None or self._document[0] is not app or self._document[1] != routes:
            self._document = app, routes, document_of(app)
        return self._document[2]

    def begin(self, app: App, scope: Message) -> _Call | None:
        """A call of the app begins; None while nobody watches."""
        if not self._is_watched:
            return None
        call = _Call(scope)
        self._calls.append(call)
        self._app = app
        return call

    def owns(self, app: Any) -> bool:
        """True for the app of this place, for what wraps it, and for every app that a function of this place makes:
        one whose routes come from the same package. An app whose module nobody has imported is not called either."""
        found = self._found()
        if found is None:
            return False
        if _is_factory(found):
            package = self.place.partition(":")[0].partition(".")[0]
            return package in _packages(app)
        return any(each is found for each in _layers(app))

    def _found(self) -> Any:
        module, _, names = self.place.partition(":")
        found: Any = sys.modules.get(module)
        for name in names.split(".") if found is not None else ():
            if not hasattr(found, name):
                if getattr(getattr(found, "__spec__", None), "_initializing", False):
                    return None
                raise ConfigError(
                    f"`app`: there is no `{name}` in `{module}`", where=self.place, next="correct `app` in the config"
                )
            found = getattr(found, name)
        return found

    def _patch(self, module: ModuleType) -> Callable[[], None]:
        """Have a client call the app through a Watch; what takes that back."""
        kind, method = _CLIENTS[module.__name__]
        client = getattr(module, kind)
        original = getattr(client, method)

        def handle(transport: Any, request: Any) -> Any:
            if not isinstance(transport.app, Watch) and self.owns(transport.app):
                transport.app = Watch(transport.app, self)
            return original(transport, request)

        setattr(client, method, handle)
        return lambda: setattr(client, method, original)


class Watch:
    """An ASGI app that is another one and keeps what passes. It can also be put around an app by hand."""

    def __init__(self, app: App, own: OwnApi) -> None:
        self.app = app
        self.own = own

    def __getattr__(self, name: str) -> Any:
        return getattr(self.app, name)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        call = self.own.begin(self.app, scope) if scope["type"] == "http" else None
        if call is None:
            await self.app(scope, receive, send)
            return

        async def hear() -> Message:
            message = await receive()
            call.heard(message)
            return message

        async def say(message: Message) -> None:
            call.said(message)
            await send(message)

        await self.app(scope, hear, say)


class _Call:
    """One call while it passes."""

    def __init__(self, scope: Message) -> None:
        # The app may change its scope: routers do.
        self.method = str(scope["method"])
        self.uri = _uri(scope)
        self.headers = _text(scope.get("headers", ()))
        self.sent: list[bytes] = []
        self.status: int | None = None
        self.answered: Headers = ()
        self.received: list[bytes] = []
        self.is_whole = False

    def heard(self, message: Message) -> None:
        if message["type"] == "http.request":
            self.sent.append(message.get("body", b""))

    def said(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.answered = _text(message.get("headers", ()))
        elif message["type"] == "http.response.body":
            self.received.append(message.get("body", b""))
            self.is_whole = self.status is not None and not message.get("more_body", False)

    def exchange(self) -> Exchange:
        assert self.status is not None
        request = Request(self.method, self.uri, self.headers, b"".join(self.sent))
        body = b"".join(self.received)
        try:
            response = unpacked(self.status, "", self.answered, body)
        except ValueError:
            response = Response(self.status, "", self.answered, body)
        return Exchange(request, response, Recording())


def document_of(app: Any) -> Document:
    """The OpenAPI document of an app: what its `openapi()` says, as FastAPI has it, else what it answers at
    `/openapi.json`. Raises AcetateError where there is none."""
    try:
        content = _said(app) if callable(getattr(app, "openapi", None)) else _asked(app, "/openapi.json")
    except Exception as error:
        reason = str(error).partition("\n")[0]
        raise AcetateError(
            f"cannot tell its OpenAPI document: {type(error).__name__}: {reason}",
            where="app",
            next="open /docs of the app: it fails there, too",
        ) from error
    if not isinstance(content, dict):
        raise AcetateError(
            "has no OpenAPI document: no `openapi()`, and nothing at `/openapi.json`",
            where="app",
            next="give it one, or take `app` out of the config",
        )
    # As JSON has it: an app may keep sets, enums or tuples in there.
    return Document(json.loads(json.dumps(content, default=str)), "the app's OpenAPI document")


def _said(app: Any) -> Any:
    """What `openapi()` says. FastAPI keeps it: what nobody else has asked for is not kept on our account, because a
    test may add routes afterwards."""
    kept = getattr(app, "openapi_schema", None)
    content = app.openapi()
    if hasattr(app, "openapi_schema"):
        app.openapi_schema = kept
    return content


def _asked(app: App, path: str) -> Any:
    """The JSON that an app answers; None for anything else. Asked on a thread of its own, as a loop may be running
    here."""
    parts: list[bytes] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        parts.append(message.get("body", b""))

    async def ask() -> None:
        await app(_scope(path), receive, send)

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, ask()).result()
    try:
        return json.loads(b"".join(parts))
    except ValueError:
        return None


def _scope(path: str) -> Message:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "headers": [(b"host", b"testserver")],
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "server": ("testserver", 80),
        "client": ("testclient", 50000),
    }


def _uri(scope: Message) -> str:
    host, port = scope.get("server") or ("testserver", None)
    query = scope.get("query_string", b"").decode("latin-1")
    place = host if port in (None, 80, 443) else f"{host}:{port}"
    return f"{scope.get('scheme', 'http')}://{place}{scope['path']}{f'?{query}' if query else ''}"


def _text(headers: Sequence[tuple[bytes, bytes]]) -> Headers:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)


def _is_factory(found: Any) -> bool:
    """True for a function that makes apps: an app that is a function is called with three things and awaited."""
    return inspect.isfunction(found) and not inspect.iscoroutinefunction(found)


def _layers(app: Any) -> Iterator[Any]:
    """An app, and what middleware around it calls `app`."""
    for _ in range(20):
        if app is None:
            return
        yield app
        app = getattr(app, "app", None)


def _packages(app: Any) -> set[str]:
    """Where the functions behind an app's routes come from."""
    modules = (getattr(each, "__module__", "") for layer in _layers(app) for each in _endpoints(layer))
    return {module.partition(".")[0] for module in modules if module}


def _endpoints(routed: Any, depth: int = 0) -> Iterator[Any]:
    """The functions behind all routes, also of a router that was included (FastAPI keeps it as `original_router`) and
    of an app that was mounted."""
    for route in getattr(routed, "routes", None) or ():
        if hasattr(route, "endpoint"):
            yield route.endpoint
        elif depth < 20:
            yield from _endpoints(getattr(route, "original_router", None) or getattr(route, "app", None), depth + 1)


class _Late(MetaPathFinder):
    """Meets a client's module when it is imported."""

    def __init__(self, meet: Callable[[ModuleType], None]) -> None:
        self._meet = meet
        self._finding = False

    def find_spec(self, name: str, *_where: Any) -> ModuleSpec | None:
        if name not in _CLIENTS or self._finding:
            return None
        self._finding = True
        try:
            spec = find_spec(name)
        finally:
            self._finding = False
        if spec is not None and spec.loader is not None:
            spec.loader = _Meeting(spec.loader, self._meet)
        return spec


class _Meeting(Loader):
    """Loads a module as its own loader does, then meets it."""

    def __init__(self, loader: Loader, meet: Callable[[ModuleType], None]) -> None:
        self._loader = loader
        self._meet = meet

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        self._meet(module)
