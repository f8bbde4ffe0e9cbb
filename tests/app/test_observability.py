"""Request ids, log lines, metrics and traces: enough to find a fault, and never a secret."""

from __future__ import annotations

import io
import json
import logging
import re
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
import structlog
from fastapi import APIRouter
from sqlalchemy.exc import IntegrityError
from starlette.responses import StreamingResponse
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from app.main import create_app
from app.models import Role, User
from app.observability import configure_logging, redact_secrets
from tests.app.access import PASSWORD
from tests.app.engines import ONLY_POSTGRESQL, ONLY_SQLITE

faulty = APIRouter()


@faulty.get("/faulty/{name}")
def fail(name: str) -> None:
    raise RuntimeError("first line\nsecond line with hunter2")


@faulty.get("/half")
def half() -> StreamingResponse:
    def pieces():
        yield b"one"
        raise RuntimeError("hunter2")

    return StreamingResponse(pieces())


@pytest.fixture
def application(settings):
    made = create_app(settings)
    made.include_router(faulty)
    return made


@ONLY_SQLITE
@pytest.mark.parametrize("given", ["0123456789abcdef", "a.b-c_d.1234"])
def test_a_request_id_that_is_harmless_is_kept(client, given):
    assert client.get("/health/live", headers={"X-Request-ID": given}).headers["X-Request-ID"] == given


@ONLY_SQLITE
@pytest.mark.parametrize("given", ["", "short", "x" * 129, "with space 12345", '"quoted12345"', "new\tline12345"])
def test_another_is_replaced(client, given):
    made = client.get("/health/live", headers={"X-Request-ID": given}).headers["X-Request-ID"]
    assert re.fullmatch(r"[0-9a-f]{32}", made)


def capture(application, *requests):
    with TestClient(application) as client, capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logs:
        answers = [client.request(*words, **more) for words, more in requests]
    return answers, [line for line in logs if line["event"] in ("request", "unforeseen")]


@ONLY_SQLITE
def test_each_request_is_one_line_that_holds_neither_query_nor_body(application, create_user):
    mara = create_user("mara")
    form = {"username": "mara", "password": PASSWORD}
    (answer, _), logs = capture(
        application, (("POST", "/token"), {"data": form}), (("GET", "/api/v1/users/hunter2?x=hunter2"), {})
    )
    assert [(line["method"], line["route"], line["status"]) for line in logs] == [
        ("POST", "/token", 200),
        ("GET", "/api/v1/users/{user_id}", 401),
    ]
    assert logs[0]["request_id"] == answer.headers["X-Request-ID"]
    assert not re.search(f"hunter2|{PASSWORD}|{mara.username}", repr(logs))


@ONLY_SQLITE
def test_the_line_says_whose_request_it_was(application, create_user, sign_in):
    mara = create_user("mara")
    _, (line,) = capture(application, (("GET", "/api/v1/me"), {"headers": sign_in("mara")}))
    assert line["user"] == str(mara.id)


@ONLY_SQLITE
def test_the_unforeseen_is_logged_with_the_request_id(application):
    (answer,), (unforeseen, request) = capture(application, (("GET", "/faulty/x"), {}))
    assert answer.status_code == 500
    assert unforeseen["log_level"] == "error"
    assert unforeseen["request_id"] == request["request_id"] == answer.json()["request_id"]
    assert request["status"] == 500


@ONLY_SQLITE
def test_an_answer_that_breaks_half_way_is_cut_and_logged(application):
    with TestClient(application) as client, capture_logs() as logs, pytest.raises(RuntimeError):
        client.get("/half")
    assert [line["event"] for line in logs if "route" in line] == ["unforeseen", "request"]


@pytest.fixture
def logged(monkeypatch):
    """What is written, as JSON."""
    written = io.StringIO()
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", root.handlers)
    monkeypatch.setattr(root, "level", root.level)
    before = structlog.get_config()
    configure_logging("info", written)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    structlog.configure(**before)


def test_a_line_is_json_with_time_level_and_logger(logged):
    structlog.get_logger("acetate.test").info("hello", number=1)
    logging.getLogger("uvicorn.error").warning("there")
    ours, theirs = logged()
    assert (ours["event"], ours["level"], ours["logger"], ours["number"]) == ("hello", "info", "acetate.test", 1)
    assert (theirs["event"], theirs["level"], theirs["logger"]) == ("there", "warning", "uvicorn.error")
    assert ours["timestamp"].endswith("Z")


def test_an_exception_tells_where_it_happened_and_its_first_line(logged):
    for log in (structlog.get_logger("acetate.test"), logging.getLogger("library")):
        try:
            try:
                fail("x")
            except RuntimeError as error:
                raise ValueError("outer") from error
        except ValueError:
            log.exception("failed")
    for line in logged():
        outer, inner = line["exception"]
        assert (outer["type"], outer["says"]) == ("builtins.ValueError", "outer")
        assert inner["says"] == "first line"
        assert any("test_observability.py" in place for place in inner["at"])
        assert "hunter2" not in json.dumps(line)


@ONLY_POSTGRESQL
def test_an_error_of_the_database_does_not_log_the_row(logged, database):
    row = User(username="m", username_key="m", password_hash="hunter2", role="root", handles=[])
    try:
        with database.write() as session:
            session.add(row)
    except IntegrityError:
        structlog.get_logger("acetate.test").exception("failed")
    line = logged()[-1]
    assert "violates check constraint" in line["exception"][0]["says"]
    assert "hunter2" not in json.dumps(line)


@pytest.mark.parametrize(
    "key", ["password", "access_token", "Authorization", "cookie", "client_secret", "api_key", "X-API-KEY", "apikey"]
)
def test_what_is_called_a_secret_is_not_logged_at_any_depth(key):
    event = {"event": "x", key: "hunter2", "deep": [{"er": {key: "hunter2", "seen": 1}}], "pair": ({key: "hunter2"},)}
    assert "hunter2" not in repr(redact_secrets(None, "info", event))
    assert redact_secrets(None, "info", event)["deep"][0]["er"]["seen"] == 1


# Metrics


@ONLY_SQLITE
def test_requests_are_counted_by_route_and_not_by_path(application, as_role):
    headers = as_role(Role.ADMIN)
    with TestClient(application) as client:
        for number in range(3):
            client.get(f"/api/v1/users/{number}", headers=headers)
            client.get(f"/nowhere/{number}")
        client.request("BREW", "/token")
        text = client.get("/metrics", headers=headers).text
    assert 'http_requests_total{method="GET",route="/api/v1/users/{user_id}",status="422"} 3.0' in text
    assert 'http_requests_total{method="GET",route="unmatched",status="404"} 3.0' in text
    assert 'method="OTHER"' in text
    assert "http_requests_open 1.0" in text
    assert "http_request_seconds_bucket" in text
    assert "nowhere" not in text


@ONLY_SQLITE
def test_metrics_are_public_where_a_setting_says_so(settings):
    with TestClient(create_app(settings.model_copy(update={"metrics_public": True}))) as client:
        answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")


# Traces


class Collector(BaseHTTPRequestHandler):
    arrived: list[bytes]

    def do_POST(self) -> None:
        self.arrived.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector():
    handler = type("Handler", (Collector,), {"arrived": []})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/traces", handler.arrived
    server.shutdown()
    thread.join()
    server.server_close()


@ONLY_SQLITE
def test_traces_are_sent_where_an_endpoint_is_configured(settings, collector, create_user):
    create_user("mara")
    endpoint, arrived = collector
    application = create_app(settings.model_copy(update={"otlp_endpoint": endpoint}))
    application.include_router(faulty)
    with TestClient(application) as client:
        client.post("/token", data={"username": "mara", "password": PASSWORD})
        client.get("/faulty/x")
        client.get("/health/live")
    sent = b"".join(arrived)
    assert b"/token" in sent
    assert b"/health/live" not in sent
    for secret in (PASSWORD.encode(), b"hunter2", b"mara"):
        assert secret not in sent
