"""Whatever goes wrong, and whoever notices, the answer is a problem document; no input makes a 500."""

from __future__ import annotations

import json

import pytest
from fastapi import APIRouter, Query
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from app import errors
from app.main import create_app
from app.models import Role
from app.paging import Offset
from tests.app.engines import ONLY_SQLITE

pytestmark = ONLY_SQLITE
JSON = {"content-type": "application/json"}


class Body(BaseModel):
    title: str
    count: int = 0
    anything: object = None


faulty = APIRouter(prefix="/faulty")


@faulty.post("/body")
def take(body: Body, most: int = Query(5, le=10)) -> int:
    return body.count


@faulty.get("/page")
def page(offset: Offset = 0) -> int:
    return offset


@faulty.get("/unforeseen")
def unforeseen() -> None:
    raise RuntimeError("postgresql://admin:hunter2@db/prod does not answer")


@faulty.post("/missing")
def missing(body: Body) -> None:
    raise errors.NotFound(f"There is no {body.title}.")


@faulty.get("/conflict")
def conflict() -> None:
    raise errors.Conflict("stale", "Somebody was quicker.", version=7)


@pytest.fixture
def client(settings):
    application = create_app(settings)
    application.include_router(faulty)
    with TestClient(application) as client:
        yield client


def problem(answer, status: int, code: str) -> dict:
    """The document, which is one."""
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    errors.ProblemDocument.model_validate(document)
    assert (answer.status_code, document["status"], document["code"]) == (status, status, code)
    assert document["type"] == f"urn:acetate:problem:{code}"
    assert document["request_id"] == answer.headers["X-Request-ID"]
    return document


def test_what_a_service_raises_becomes_a_document_with_its_own_members(client):
    assert problem(client.get("/faulty/conflict"), 409, "stale")["version"] == 7


def test_half_a_surrogate_pair_can_be_spoken_of(client):
    answer = client.post("/faulty/missing", content=b'{"title": "\\ud800"}', headers=JSON)
    assert problem(answer, 404, "not-found")["detail"] == "There is no \ud800."


def test_an_unknown_address(client):
    problem(client.get("/nowhere"), 404, "not-found")


def test_a_method_that_an_address_does_not_take(client):
    answer = client.put("/token")
    problem(answer, 405, "method-not-allowed")
    assert "POST" in answer.headers["Allow"]


def test_nobody(client):
    answer = client.get("/api/v1/me")
    problem(answer, 401, "not-signed-in")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_role_that_is_too_low_names_the_one_it_takes(client, as_role):
    assert problem(client.get("/api/v1/users", headers=as_role(Role.VIEWER)), 403, "role-too-low")["needs"] == "admin"


def test_a_body_that_does_not_fit_names_each_field_and_repeats_no_value(client):
    answer = client.post("/faulty/body?most=11", json={"count": "hunter2", "anything": "hunter2"})
    document = problem(answer, 422, "invalid-request")
    assert {field["at"] for field in document["fields"]} == {"query.most", "body.title", "body.count"}
    assert "hunter2" not in answer.text


def test_the_unforeseen_is_500_without_a_detail(client):
    answer = client.get("/faulty/unforeseen")
    problem(answer, 500, "internal-error")
    assert "hunter2" not in answer.text
    assert "RuntimeError" not in answer.text


DEEP = '{"title": ' + "[" * 100_000 + "]" * 100_000 + "}"
HUGE = '{"title": "t", "count": 1' + "0" * 5000 + "}"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'{"title": "\xff\xfe"}',
        b'{"\\ud800": "t", "title": 1}',
        b'{"title": "t", "count": 1e400}',
        b'{"title": "t", "count": NaN}',
        b'{"title": "t", "count": 1.5}',
        HUGE.encode(),
        DEEP.encode(),
    ],
    ids=lambda body: repr(body[:40]),
)
def test_a_body_that_cannot_be_read_is_refused(client, body):
    answer = client.post("/faulty/body", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422)
    problem(answer, answer.status_code, answer.json()["code"])


@pytest.mark.parametrize("offset", ["-1", "1" + "0" * 300, "1" + "0" * 5000, "%00", "%ff"])
def test_a_query_that_does_not_fit_is_refused(client, offset):
    problem(client.get(f"/faulty/page?offset={offset}"), 422, "invalid-request")


@pytest.mark.parametrize("name", ["a%00b", "%ff%fe", "x" * 10_000, "%ED%A0%80", "'; DROP TABLE users; --"])
def test_a_form_that_does_not_fit_is_refused(client, name):
    answer = client.post(
        "/token",
        content=f"username={name}&password=x",
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    assert answer.status_code in (401, 422)
    problem(answer, answer.status_code, answer.json()["code"])


@pytest.mark.parametrize("kind", ["text/xml", "multipart/form-data", "multipart/form-data; boundary=x", "", "a/b;;;="])
def test_another_kind_of_body_is_refused(client, kind):
    for path in ("/token", "/faulty/body"):
        answer = client.post(path, content=b"--x\r\nhello", headers={"content-type": kind})
        assert answer.status_code in (400, 415, 422)
        problem(answer, answer.status_code, answer.json()["code"])


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200) | st.from_type(type[None]).map(lambda _: b"") | st.text().map(str.encode))
def test_no_bytes_make_a_500(client, as_role, body):
    for path in ("/token", "/api/v1/users"):
        answer = client.post(path, content=body, headers={"content-type": "application/json", **as_role(Role.ADMIN)})
        assert answer.status_code < 500


def test_the_document_of_a_problem_is_in_the_openapi_document_of_every_route(client):
    document = client.get("/openapi.json").json()
    assert document["components"]["schemas"]["Problem"]["title"] == "Problem"
    without = [
        f"{method} {path}"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if not {"400", "413", "422"} <= set(operation["responses"])
    ]
    assert without == []
    assert "HTTPValidationError" not in json.dumps(document["paths"])
