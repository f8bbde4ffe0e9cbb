"""The sessions of the page: a cookie that scripts cannot read, and a CSRF token that belongs to it.

    visit: CurrentVisit      the person of the cookie and the CSRF token for forms, or None
    visit: GuardedVisit      for every unsafe method: signed in, from our own page, with the session's CSRF token
                             (form field `csrf_token` or header `X-CSRF-Token`); 401 or 403 otherwise
    open_session(response, service.sign_in(..., audience="acetate:page"), settings)
    close_session(response, settings)            after service.sign_out(session, visit.person)

The cookie holds a JWT of another audience than the API's: neither is taken for the other.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Final
from urllib.parse import urlsplit

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from app.auth import service
from app.auth.person import Person
from app.errors import Forbidden, Unauthorized
from app.settings import Settings
from app.state import AppDatabase, AppSettings

__all__ = [
    "FIELD",
    "HEADER",
    "CurrentVisit",
    "GuardedVisit",
    "Visit",
    "close_session",
    "cookie_name",
    "from_own_page",
    "open_session",
]

FIELD: Final = "csrf_token"
HEADER: Final = "X-CSRF-Token"
FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")


@dataclass(frozen=True)
class Visit:
    person: Person
    csrf: str
    """For the forms of this session and no other."""


def cookie_name(settings: Settings) -> str:
    """Behind https the browser itself keeps other hosts and subdomains from setting it (`__Host-`)."""
    return "__Host-acetate_session" if settings.secure else "acetate_session"


def open_session(response: Response, signed_in: service.SignIn, settings: Settings) -> None:
    response.set_cookie(
        cookie_name(settings),
        signed_in.token,
        max_age=signed_in.seconds,
        path="/",
        secure=settings.secure,
        httponly=True,
        samesite="lax",
    )


def close_session(response: Response, settings: Settings) -> None:
    response.delete_cookie(cookie_name(settings), path="/", secure=settings.secure, httponly=True, samesite="lax")


def current_visit(request: Request, settings: AppSettings, database: AppDatabase) -> Visit | None:
    token = request.cookies.get(cookie_name(settings))
    if not token:
        return None
    try:
        with database.read() as session:
            person = service.identify(session, settings, token, audience="acetate:page")
    except Unauthorized:
        return None
    request.state.user = str(person.id)
    return Visit(person, _csrf(settings, person))


CurrentVisit = Annotated[Visit | None, Depends(current_visit)]


async def guarded_visit(request: Request, settings: AppSettings, visit: CurrentVisit) -> Visit:
    if visit is None:
        raise Unauthorized()
    given = request.headers.get(HEADER) or await _field(request)
    if not from_own_page(request, settings) or not hmac.compare_digest(given.encode(), visit.csrf.encode()):
        raise Forbidden("csrf", "The form is not from a page of this session. Load the page again.")
    return visit


GuardedVisit = Annotated[Visit, Depends(guarded_visit)]


def from_own_page(request: Request, settings: Settings) -> bool:
    """False when the browser says that another site sent this. For the sign-in form too, which has no session yet."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    if origin is None:
        return True
    return urlsplit(origin).netloc in (urlsplit(settings.public_url).netloc, request.headers.get("host"))


async def _field(request: Request) -> str:
    if not request.headers.get("content-type", "").startswith(FORMS):
        return ""
    async with request.form() as form:
        value = form.get(FIELD)
    return value if isinstance(value, str) else ""


def _csrf(settings: Settings, person: Person) -> str:
    return hmac.new(settings.key.encode(), f"csrf {person.jti}".encode(), sha256).hexdigest()
