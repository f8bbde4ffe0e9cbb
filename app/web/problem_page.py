"""Problem page: whoever came with a browser is told what went wrong on a page, whoever noticed the fault.

Every fault is a problem document first; on its way out it becomes a page where a page was asked for. Programs never see
one: they do not prefer HTML to JSON.
"""

from __future__ import annotations

import json
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.auth.sessions import Visit, current_visit
from app.errors import MEDIA_TYPE
from app.web.page import page
from app.web.page_route import PageRoute

__all__ = ["ProblemPages", "prefers_page"]

PAGE: Final = "text/html"
JSON: Final = "application/json"
OWN_FAULT: Final = 500
"""From this status on it is the service that is broken, and its database may be what is."""


class ProblemPages:
    """Middleware, inside the one that sets the headers of security and outside all others."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        held: Message | None = None
        document = bytearray()

        async def sending(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start" and _is_for_a_page(scope, message):
                held = message
            elif held is None:
                await send(message)
            else:
                document.extend(message.get("body", b""))
                if not message.get("more_body", False):
                    await _send_page(scope, held, json.loads(document), send)

        await self.app(scope, receive, sending)


def _is_for_a_page(scope: Scope, start: Message) -> bool:
    """The address of a page answers with pages, whatever is asked for."""
    if Headers(raw=start["headers"]).get("content-type") != MEDIA_TYPE:
        return False
    return isinstance(scope.get("route"), PageRoute) or prefers_page(Headers(scope=scope).get("accept", ""))


async def _send_page(scope: Scope, start: Message, problem: dict[str, Any], send: Send) -> None:
    """With the headers of the document, but for those that say what it was."""
    visit = await run_in_threadpool(_visit, scope, problem["status"])
    shown = page(
        "problem.html",
        visit=visit,
        title=problem["title"],
        detail=problem["detail"],
        fields=problem.get("fields", []),
        request_id=problem.get("request_id"),
    )
    headers = MutableHeaders(raw=start["headers"])
    headers.update(shown.headers)
    await send({**start, "headers": headers.raw})
    await send({"type": "http.response.body", "body": shown.body})


def _visit(scope: Scope, status: int) -> Visit | None:
    """Whoever is asking, if they have signed in and that can be found out."""
    known: Visit | None = scope["state"].get("visit")
    if known is not None or status >= OWN_FAULT:
        return known
    state = scope["app"].state
    try:
        return current_visit(Request(scope), state.settings, state.database)
    except SQLAlchemyError:
        return None


def prefers_page(accept: str) -> bool:
    """Whether a header Accept would rather have HTML than JSON, as browsers would; who takes anything would not."""
    wanted = dict(_weighed(each) for each in accept.split(","))
    return _weight(wanted, PAGE) > max(_weight(wanted, JSON), _weight(wanted, MEDIA_TYPE))


def _weight(wanted: dict[str, float], media_type: str) -> float:
    """What is said of the type itself counts before what is said of its family, and that before what is said of all."""
    names = (media_type, f"{media_type.partition('/')[0]}/*", "*/*")
    return next((wanted[name] for name in names if name in wanted), 0.0)


def _weighed(text: str) -> tuple[str, float]:
    """`text/html;q=0.8` as a name and a number."""
    name, *parameters = (each.strip().lower() for each in text.split(";"))
    said = next((each[2:] for each in parameters if each.startswith("q=")), "1")
    try:
        return name, float(said)
    except ValueError:
        return name, 0.0
