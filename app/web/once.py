"""Once: a secret that a form made, shown on the page that the form leads to and never again.

The page is loaded as any other, so loading it again makes no second token. On the way to it the secret rides in a
cookie of its own, which the page takes back; it says whose it is, so that nobody else's is shown in its place.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from app.auth.sessions import Visit
from app.settings import Settings
from app.web.page_route import see

__all__ = ["Secret", "see_once", "shown_once"]

COOKIE: Final = "acetate_once"
LONGEST: Final = 200
"""Characters of a name: a cookie holds little."""


@dataclass(frozen=True, slots=True)
class Secret:
    """`of` is the name of what it belongs to."""

    of: str
    text: str


def see_once(address: str, secret: Secret, visit: Visit, settings: Settings) -> Response:
    """After a form was taken: the page that shows what it made."""
    said = base64.urlsafe_b64encode(json.dumps([secret.of[:LONGEST], secret.text]).encode()).decode()
    answer = see(address)
    answer.set_cookie(
        COOKIE,
        f"{said}.{_mark(address, said, visit, settings)}",
        path=address,
        secure=settings.secure,
        httponly=True,
        samesite="strict",
    )
    return answer


def shown_once(
    request: Request, visit: Visit, settings: Settings, shown: Callable[[Secret | None], Response]
) -> Response:
    """A page with the secret that it was sent to show, if any."""
    address, cookie = request.url.path, request.cookies.get(COOKIE)
    if cookie is None:
        return shown(None)
    answer = shown(_read(address, cookie, visit, settings))
    answer.delete_cookie(COOKIE, path=address, secure=settings.secure, httponly=True, samesite="strict")
    return answer


def _read(address: str, cookie: str, visit: Visit, settings: Settings) -> Secret | None:
    said, _, mark = cookie.partition(".")
    if not hmac.compare_digest(mark.encode(), _mark(address, said, visit, settings).encode()):
        return None
    of, text = json.loads(base64.urlsafe_b64decode(said))
    return Secret(of, text)


def _mark(address: str, said: str, visit: Visit, settings: Settings) -> str:
    """Of this session, page and secret."""
    return hmac.new(settings.key.encode(), f"once {visit.person.jti} {address} {said}".encode(), sha256).hexdigest()
