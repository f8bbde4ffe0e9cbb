"""The routes of pages: what does not fit is said in words, and who has not signed in is sent to where they can."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.errors import Problem, Unauthorized, Unprocessable

__all__ = ["PageRoute", "local", "pages", "see", "unfitting"]

SIGN_IN: Final = "/sign-in"


def pages() -> APIRouter:
    """A router for pages: they are not part of the API."""
    return APIRouter(route_class=PageRoute, include_in_schema=False)


def see(address: str) -> RedirectResponse:
    """After a form was taken: the page to look at, which can be loaded again without doing it twice."""
    return RedirectResponse(address, status_code=303)


def local(address: str) -> str:
    """An address of ours to go on to, or the first page: what a link says may lead anywhere."""
    parts = urlsplit(address)
    is_ours = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if is_ours and not parts.netloc and not parts.scheme else "/"


class PageRoute(APIRoute):
    """The route of a page; app.web.problem_page makes pages of the problems that it raises."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handle(request)
            except Unauthorized:
                return _to_sign_in(request)
            except RequestValidationError:
                raise Unprocessable("invalid-request", "This address or form cannot be understood.") from None
            except ValidationError as error:
                raise unfitting(error) from None

        return handled


def _to_sign_in(request: Request) -> Response:
    """Back to the page that was asked for, or from which the form was sent."""
    came_from = urlsplit(request.headers.get("referer", ""))
    asked = request.url if request.method == "GET" else came_from
    target = f"{asked.path}?{asked.query}" if asked.query else asked.path or "/"
    address = f"{SIGN_IN}?{urlencode({'next': target})}" if target != "/" else SIGN_IN
    if request.headers.get("hx-request"):
        # A fragment of the sign-in page would be put into the page that is there.
        return Response(status_code=401, headers={"HX-Redirect": address})
    return see(address)


def unfitting(error: ValidationError) -> Problem:
    """What was typed does not fit: where, and why not."""
    first = error.errors(include_input=False, include_url=False)[0]
    return Unprocessable("invalid-request", f"{' '.join(str(each) for each in first['loc'])}: {first['msg']}")
