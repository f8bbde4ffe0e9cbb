"""No request body is larger than was allowed, whatever its Content-Length says."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import Problem, problem_response

__all__ = ["BodyLimit"]


class BodyLimit:
    """Middleware. `larger`: path -> bytes, for the few addresses that take more than `most`."""

    def __init__(self, app: ASGIApp, *, most: int, larger: Mapping[str, int]) -> None:
        self.app = app
        self.most = most
        self.larger = larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self.larger.get(scope["path"], self.most)
        if _announced(scope) > limit:
            problem = Problem("body-too-large", f"The body may have {limit} bytes at most.", status=413)
            await problem_response(problem, scope["state"].get("request_id"))(scope, receive, send)
            return
        arrived = 0

        async def counting() -> Message:
            nonlocal arrived
            message = await receive()
            arrived += len(message.get("body", b""))
            if arrived > limit:
                raise HTTPException(413)
            return message

        await self.app(scope, counting, send)


def _announced(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "0")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 0
