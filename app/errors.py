"""Every answer that is not a success: RFC 9457 problem documents, whoever noticed the fault.

A service raises `Problem`; the router, the validation and the unforeseen are turned into the same document here.
A document never repeats what the client sent, and never says what the server is made of.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

__all__ = [
    "MEDIA_TYPE",
    "Conflict",
    "FieldProblem",
    "Forbidden",
    "NotFound",
    "Problem",
    "ProblemDocument",
    "ProblemResponse",
    "Unauthorized",
    "Unprocessable",
    "install_errors",
    "problem_response",
    "problems",
]

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:acetate:problem:"
FIELDS_SHOWN: Final = 50
SHOWN: Final = 300


class FieldProblem(BaseModel):
    """What is wrong with one part of the request."""

    at: str = Field(description="Where: `body.title`, `query.limit`", examples=["body.title"])
    problem: str = Field(examples=["Field required"])


class ProblemDocument(BaseModel):
    """RFC 9457. `code` is stable and made for programs; the sentences may change."""

    model_config = ConfigDict(title="Problem", extra="allow")

    type: str = Field(examples=["urn:acetate:problem:not-found"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    code: str = Field(examples=["not-found"])
    detail: str = Field(examples=["There is no such run."])
    request_id: str | None = Field(default=None, description="The same as the header X-Request-ID")
    fields: list[FieldProblem] | None = Field(default=None, description="Where the request did not fit (422)")


class Problem(Exception):
    """A request that cannot be answered as it was asked. `code` is stable; `extra` members join the document."""

    status: int = 400

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.status = status or type(self).status
        self.headers = dict(headers or {})
        self.extra = extra


class Unauthorized(Problem):
    """Nobody is known to be asking."""

    status = 401

    def __init__(self, code: str = "not-signed-in", detail: str = "Sign in first.", **extra: Any) -> None:
        super().__init__(code, detail, headers={"WWW-Authenticate": "Bearer"}, **extra)


class Forbidden(Problem):
    """Who is asking may not."""

    status = 403


class NotFound(Problem):
    """There is no such thing, or it is somebody else's: the answer is the same."""

    status = 404

    def __init__(self, detail: str, *, code: str = "not-found", **extra: Any) -> None:
        super().__init__(code, detail, **extra)


class Conflict(Problem):
    """It does not fit with what is there now."""

    status = 409


class Unprocessable(Problem):
    """The request is well formed and says something that cannot be."""

    status = 422


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route (or router) that may answer so."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }


class ProblemResponse(Response):
    """Pure ASCII: what a client sent may hold half a surrogate pair, which UTF-8 cannot say and JSON's escapes can."""

    media_type = MEDIA_TYPE

    def render(self, content: Mapping[str, Any]) -> bytes:
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


def problem_response(problem: Problem, request_id: str | None = None) -> ProblemResponse:
    document = {
        "type": TYPE_PREFIX + problem.code,
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
        "request_id": request_id,
        **problem.extra,
    }
    shown = {key: value for key, value in document.items() if value is not None}
    return ProblemResponse(shown, status_code=problem.status, headers=problem.headers)


def install_errors(app: FastAPI) -> None:
    """Handlers for all that a request can meet; what is unforeseen is caught by the outermost middleware."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    _describe(app)


def _describe(app: FastAPI) -> None:
    """Puts the schema of the problem document where `problems` refers to it."""
    written = app.openapi

    def openapi() -> dict[str, Any]:
        document = written()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        if "Problem" not in schemas:
            own = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(own.pop("$defs"))
            schemas["Problem"] = own
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _answer(request: Request, problem: Problem) -> ProblemResponse:
    """With the headers that every answer to this request has: what raised the problem may not know of them."""
    response = problem_response(problem, getattr(request.state, "request_id", None))
    for name, value in getattr(request.state, "answer_headers", {}).items():
        response.headers.setdefault(name, value)
    return response


async def _on_problem(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, Problem)
    return _answer(request, error)


async def _on_http_exception(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    code = _CODES.get(error.status_code, phrase.lower().replace(" ", "-").replace("'", ""))
    detail = _DETAILS.get(error.status_code, phrase)
    return _answer(request, Problem(code, detail, status=error.status_code, headers=error.headers))


_CODES: Final = {413: "body-too-large"}
"""Where the words of the standard library differ from ours, or from one version to the next."""
_DETAILS: Final = {
    400: "The request cannot be read.",
    401: "Sign in first.",
    404: "There is nothing at this address.",
    405: "This address does not take that method.",
    413: "The request's body is too large.",
}


async def _on_invalid(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, RequestValidationError)
    fields = [{"at": _place(item["loc"]), "problem": item["msg"][:SHOWN]} for item in error.errors()]
    said = "The request does not fit: see `fields`."
    return _answer(request, Unprocessable("invalid-request", said, fields=fields[:FIELDS_SHOWN]))


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location)[:SHOWN]
