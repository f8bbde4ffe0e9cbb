"""The project's own API, watched through the clients that tests use; messages pass at once and untouched."""

from __future__ import annotations

import asyncio
import gzip
import json
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import httpx2
import pytest
from fastapi import APIRouter, FastAPI, Request, WebSocket
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import JSONResponse, Response, StreamingResponse
from fastapi.testclient import TestClient
from starlette.applications import Starlette
from starlette.routing import Route

from acetate.errors import AcetateError, ConfigError
from acetate.own_api import OwnApi, Watch, document_of

Placed = Callable[[Any], OwnApi]


def api() -> FastAPI:
    app = FastAPI(title="Own")

    @app.get("/hello/{name}")
    def hello(name: str) -> dict[str, str]:
        return {"hello": name}

    @app.post("/echo", status_code=201)
    async def echo(request: Request) -> Any:
        return JSONResponse(await request.json(), 201, {"X-Kind": "echo"})

    @app.get("/stream")
    def stream() -> Any:
        return StreamingResponse((f"data: {number}\n\n" for number in range(3)), media_type="text/event-stream")

    @app.get("/broken")
    def broken() -> Any:
        raise RuntimeError("no")

    return app


@pytest.fixture
def placed(monkeypatch: pytest.MonkeyPatch) -> Placed:
    """An app at its place, as a project's own module would have it."""

    def place(app: Any) -> OwnApi:
        monkeypatch.setitem(sys.modules, "own_app", SimpleNamespace(app=app))
        return OwnApi("own_app:app")

    return place


def seen(own: OwnApi) -> list[tuple[str, str, int, bytes]]:
    return [(each.request.method, each.request.uri, each.response.status, each.response.body) for each in own.take()]


def test_the_test_client_is_watched(placed: Placed) -> None:
    app = api()
    own = placed(app)
    with own.watching(), TestClient(app) as client:
        assert client.get("/hello/Ada", params={"x": "1+2"}).json() == {"hello": "Ada"}
        assert client.post("/echo", json={"a": 1}).status_code == 201
    hello, echo = own.take()
    assert (hello.request.method, hello.request.uri) == ("GET", "http://testserver/hello/Ada?x=1%2B2")
    assert (hello.response.status, json.loads(hello.response.body)) == (200, {"hello": "Ada"})
    assert (echo.request.body, echo.response.status) == (b'{"a":1}', 201)
    assert ("x-kind", "echo") in echo.response.headers
    assert ("content-type", "application/json") in echo.request.headers
    assert own.take() == []
    assert own.was_seen


def test_a_client_made_before_anybody_watched_is_watched(placed: Placed) -> None:
    app = api()
    own = placed(app)
    client = TestClient(app)
    assert client.get("/hello/Ada").status_code == 200
    with own.watching():
        client.get("/hello/Bob")
    client.get("/hello/Cy")
    assert seen(own) == [("GET", "http://testserver/hello/Bob", 200, b'{"hello":"Bob"}')]


@pytest.mark.parametrize("library", [httpx, httpx2], ids=lambda each: each.__name__)
def test_an_async_client_is_watched(placed: Placed, library: Any) -> None:
    app = api()
    own = placed(app)

    async def ask() -> Any:
        transport = library.ASGITransport(app=app)
        async with library.AsyncClient(transport=transport, base_url="http://own:8000") as client:
            return (await client.get("/hello/Ada")).json(), (await client.post("/echo", json=[1])).json()

    with own.watching():
        assert asyncio.run(ask()) == ({"hello": "Ada"}, [1])
    assert seen(own) == [
        ("GET", "http://own:8000/hello/Ada", 200, b'{"hello":"Ada"}'),
        ("POST", "http://own:8000/echo", 201, b"[1]"),
    ]


def test_calls_at_the_same_time_are_kept_apart_in_the_order_in_which_they_began(placed: Placed) -> None:
    app = FastAPI()

    @app.get("/wait/{number}")
    async def wait(number: int) -> int:
        await asyncio.sleep((5 - number) / 100)
        return number

    own = placed(app)

    async def ask() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://own") as client:
            await asyncio.gather(*(client.get(f"/wait/{number}") for number in range(5)))

    with own.watching():
        asyncio.run(ask())
    assert [(uri[-1], body) for _, uri, _, body in seen(own)] == [(str(n), str(n).encode()) for n in range(5)]


def test_afterwards_every_client_is_as_it_was(placed: Placed) -> None:
    from starlette.testclient import _TestClientTransport

    methods = (
        lambda: _TestClientTransport.handle_request,
        lambda: httpx.ASGITransport.handle_async_request,
        lambda: httpx2.ASGITransport.handle_async_request,
    )
    before, finders = [method() for method in methods], list(sys.meta_path)
    with placed(api()).watching():
        assert [method() for method in methods] != before
    assert [method() for method in methods] == before
    assert sys.meta_path == finders


def test_another_app_is_not_watched(placed: Placed) -> None:
    own, other = placed(api()), api()
    with own.watching():
        TestClient(other).get("/hello/Ada")
    assert own.take() == []
    assert not own.was_seen


def test_an_app_whose_module_nobody_imported_is_not_watched() -> None:
    own = OwnApi("no_such_module_here:app")
    with own.watching():
        TestClient(api()).get("/hello/Ada")
    assert own.take() == []


def test_a_place_that_does_not_exist_is_refused(placed: Placed) -> None:
    placed(api())
    own = OwnApi("own_app:application")
    with own.watching(), pytest.raises(ConfigError, match="no `application` in `own_app`"):
        TestClient(api()).get("/hello/Ada")


def test_a_module_that_is_still_being_imported_has_no_app_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "own_app", SimpleNamespace(__spec__=SimpleNamespace(_initializing=True)))
    assert not OwnApi("own_app:app").owns(api())


def test_middleware_around_the_app_belongs_to_it(placed: Placed) -> None:
    app = api()
    own = placed(app)
    with own.watching():
        TestClient(GZipMiddleware(app, minimum_size=1)).get("/hello/Ada", headers={"accept-encoding": "gzip"})
    (exchange,) = own.take()
    assert exchange.response.body == b'{"hello":"Ada"}'
    assert "content-encoding" not in dict(exchange.response.headers)


def test_what_claims_to_be_packed_and_is_not_is_kept_as_it_came(placed: Placed) -> None:
    app = FastAPI()
    damaged = gzip.compress(b"{}" * 50)[:20]
    app.get("/x")(lambda: JSONResponse(None))

    @app.middleware("http")
    async def pack(request: Request, call_next: Any) -> Any:
        return Response(damaged, headers={"content-encoding": "gzip"})

    own = placed(app)
    with own.watching(), TestClient(app).stream("GET", "/x") as response:
        assert response.status_code == 200
    assert own.take()[0].response.body == damaged


def test_every_app_that_a_function_makes_belongs_to_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def create_app() -> FastAPI:
        return api()

    package = __name__.partition(".")[0]
    monkeypatch.setitem(sys.modules, f"{package}.main_of_shop", SimpleNamespace(create_app=create_app))
    own = OwnApi(f"{package}.main_of_shop:create_app")
    with own.watching():
        TestClient(create_app()).get("/hello/Ada")
        TestClient(create_app()).get("/hello/Bob")
        TestClient(FastAPI()).get("/hello/Cy")
    assert [uri[-3:] for _, uri, _, _ in seen(own)] == ["Ada", "Bob"]


@pytest.mark.parametrize("way", ["included", "mounted"])
def test_a_made_app_is_known_by_the_routes_of_its_parts(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    def create_app() -> FastAPI:
        app = FastAPI()
        if way == "included":
            inner = APIRouter()
            inner.include_router(api().router)
            app.include_router(inner, prefix="/part")
        else:
            app.mount("/part", api())
        return app

    package = __name__.partition(".")[0]
    monkeypatch.setitem(sys.modules, f"{package}.main_of_shop", SimpleNamespace(create_app=create_app))
    own = OwnApi(f"{package}.main_of_shop:create_app")
    with own.watching():
        assert TestClient(create_app()).get("/part/hello/Ada").status_code == 200
    assert len(own.take()) == 1


def test_an_app_can_be_watched_by_hand() -> None:
    own = OwnApi("own_app:app")
    app = api()
    watched = Watch(app, own)
    assert watched.title == "Own"
    with own.watching():
        TestClient(watched).get("/hello/Ada")
    assert len(own.take()) == 1
    assert own.document().content["info"]["title"] == "Own"


def test_a_stream_passes_event_by_event_and_as_the_same_messages() -> None:
    own = OwnApi("own_app:app")
    sent: list[Any] = []
    got: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in (
            {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]},
            {"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True},
            {"type": "http.response.body", "body": b"data: 2\n\n", "more_body": True},
            {"type": "http.response.body", "body": b"", "more_body": False},
        ):
            sent.append(message)
            await send(message)
            # What was just said is with the client before the next thing is said.
            assert got[-1] is message

    async def receive() -> Any:
        raise AssertionError("nobody asked for the body")

    async def send(message: Any) -> None:
        got.append(message)

    scope = {"type": "http", "method": "GET", "path": "/s", "headers": [], "query_string": b""}
    with own.watching():
        asyncio.run(Watch(app, own)(scope, receive, send))
    assert [id(each) for each in got] == [id(each) for each in sent]
    (exchange,) = own.take()
    assert exchange.response.body == b"data: 1\n\ndata: 2\n\n"
    assert exchange.request.uri == "http://testserver/s"


def test_a_stream_that_was_cut_off_is_no_exchange(placed: Placed) -> None:
    app = FastAPI()

    @app.get("/cut")
    def cut() -> Any:
        async def events() -> AsyncIterator[str]:
            yield "data: 1\n\n"
            raise RuntimeError("cut")

        return StreamingResponse(events(), media_type="text/event-stream")

    own = placed(app)
    with own.watching(), pytest.raises(RuntimeError, match="cut"):
        TestClient(app).get("/cut")
    assert own.take() == []


def test_an_app_that_raises_has_answered_what_it_sent(placed: Placed) -> None:
    app = api()
    own = placed(app)
    with own.watching():
        assert TestClient(app, raise_server_exceptions=False).get("/broken").status_code == 500
    assert [status for _, _, status, _ in seen(own)] == [500]


def test_a_websocket_and_the_life_of_the_app_pass_unseen(placed: Placed) -> None:
    app = FastAPI()

    @app.websocket("/ws")
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text("hello")
        await socket.close()

    own = placed(app)
    with own.watching(), TestClient(app) as client, client.websocket_connect("/ws") as socket:
        assert socket.receive_text() == "hello"
    assert own.take() == []


def test_the_document_of_an_app_is_not_kept_on_our_account(placed: Placed) -> None:
    app = api()
    own = placed(app)
    with own.watching():
        TestClient(app).get("/hello/Ada")
    assert own.document() is own.document()
    assert app.openapi_schema is None
    app.get("/later")(lambda: None)
    assert "/later" in own.document().content["paths"]


def test_an_app_without_openapi_is_asked_for_its_document() -> None:
    document = {"openapi": "3.1.0", "info": {"title": "x", "version": "1"}, "paths": {}}
    app = Starlette(routes=[Route("/openapi.json", lambda request: JSONResponse(document))])
    assert document_of(app).content == document

    async def inside() -> Any:
        return document_of(app).content

    assert asyncio.run(inside()) == document


@pytest.mark.parametrize(
    ("app", "problem"),
    [
        (Starlette(), "no OpenAPI document"),
        (
            Starlette(routes=[Route("/openapi.json", lambda request: JSONResponse({"swagger": "2.0"}))]),
            "not a document",
        ),
        (SimpleNamespace(openapi=lambda: {"openapi": "3.1.0"}["paths"]), "KeyError"),
    ],
)
def test_an_app_without_a_document_is_a_problem(app: Any, problem: str) -> None:
    with pytest.raises(AcetateError, match=problem) as caught:
        document_of(app)
    assert caught.value.next


def test_a_client_that_is_imported_late_is_watched(tmp_path: Path) -> None:
    (tmp_path / "late_app.py").write_text("from fastapi import FastAPI\napp = FastAPI()\napp.get('/x')(lambda: 1)\n")
    program = """
        import asyncio, sys
        from acetate.own_api import OwnApi
        own = OwnApi("late_app:app")
        assert not {"starlette.testclient", "httpx", "httpx2"} & set(sys.modules)
        with own.watching():
            import httpx2, httpx
            from starlette.testclient import TestClient
            from late_app import app
            TestClient(app).get("/x")
            async def ask(library):
                async with library.AsyncClient(transport=library.ASGITransport(app=app), base_url="http://a") as client:
                    await client.get("/x")
            asyncio.run(ask(httpx))
            asyncio.run(ask(httpx2))
        print(len(own.take()))
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("3\n", "")


def test_a_place_is_looked_for_without_an_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("found_api/__init__.py", "found_api/main.py", "found_alone.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("raise RuntimeError('imported')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    there = ["found_api.main", "found_alone", "pathlib", "json.decoder", "xml.etree.ElementTree"]
    assert [OwnApi(f"{each}:app").is_there() for each in there] == [True] * 5
    gone = ["found_api.mian", "found_apis.main", "found_alone.main", "pathlib.main", "json.decodr"]
    assert [OwnApi(f"{each}:app").is_there() for each in gone] == [False] * 5
