"""Rate limits of routes, per user and route: `dependencies=[ordinary]`. Every answer says what is left."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from fastapi import Depends
from limits import RateLimitItem, parse
from starlette.requests import Request
from starlette.responses import Response

from app.auth.access import CurrentPerson
from app.companion.window import Hit, hit
from app.errors import Problem
from app.settings import Settings
from app.state import AppDatabase, AppSettings

__all__ = ["TooManyRequests", "chats", "ordinary", "rate_headers"]


class TooManyRequests(Problem):
    status = 429

    def __init__(self, headers: dict[str, str], seconds: int) -> None:
        super().__init__(
            "rate-limited",
            f"That was too often. Try again in {seconds} seconds.",
            headers=headers | {"Retry-After": str(seconds)},
        )


@cache
def parsed(rate: str) -> RateLimitItem:
    return parse(rate)


def limited(rate_of: Callable[[Settings], str]) -> Any:
    def admitted(
        request: Request, response: Response, person: CurrentPerson, database: AppDatabase, settings: AppSettings
    ) -> None:
        rate = parsed(rate_of(settings))
        route = f"{request.method} {request.scope['route'].path}"
        with database.write() as session:
            this = hit(session, rate, person.id, route)
        headers = described(rate, this)
        if not this.allowed:
            raise TooManyRequests(headers, this.seconds)
        request.state.answer_headers = headers
        response.headers.update(headers)

    return Depends(admitted)


def described(rate: RateLimitItem, this: Hit) -> dict[str, str]:
    """The fields of draft-ietf-httpapi-ratelimit-headers."""
    return {
        "RateLimit-Policy": f'"route";q={rate.amount};w={rate.get_expiry()}',
        "RateLimit": f'"route";r={this.remaining};t={this.seconds}',
    }


def rate_headers(request: Request) -> dict[str, str]:
    """For an answer that is built by hand, to which FastAPI adds no headers."""
    headers: dict[str, str] = request.state.answer_headers
    return headers


ordinary = limited(lambda settings: settings.companion_requests)
chats = limited(lambda settings: settings.companion_chats)
