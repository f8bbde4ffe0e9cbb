"""JSON Web Tokens: issued and read here and nowhere else. Whatever is wrong with one, the answer is the same 401.

python-jose 3.5 lets through what its defaults do not name, and lets exceptions of many kinds escape: hence the length
cap before parsing, the one algorithm, the claims that must be there, our own look at each, and `except Exception`.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from jose import jwt

from app.errors import Unauthorized
from app.models import now

__all__ = ["Audience", "Claims", "issue", "read"]

ALGORITHM: Final = "HS256"
ISSUER: Final = "acetate"
LONGEST: Final = 2048
LONGEST_LIFE: Final = timedelta(days=30)
SKEW: Final = timedelta(seconds=60)
"""How far the clocks of two replicas may be apart."""
REQUIRED: Final = {f"require_{claim}": True for claim in ("exp", "iat", "aud", "iss", "sub", "jti")}

Audience = Literal["acetate:api", "acetate:page"]


@dataclass(frozen=True)
class Claims:
    user: UUID
    epoch: int
    """The user's `token_epoch` when it was issued."""
    jti: str
    expires_at: datetime


def issue(user: UUID, *, epoch: int, audience: Audience, lifetime: timedelta, key: str) -> tuple[str, Claims]:
    issued = int(now().timestamp())
    claims = Claims(user, epoch, secrets.token_hex(16), datetime.fromtimestamp(issued, UTC) + lifetime)
    body = {
        "iss": ISSUER,
        "aud": audience,
        "sub": str(user),
        "jti": claims.jti,
        "iat": issued,
        "exp": int(claims.expires_at.timestamp()),
        "epoch": epoch,
    }
    return jwt.encode(body, key, algorithm=ALGORITHM), claims


def read(token: str, *, audience: Audience, key: str) -> Claims:
    """Raises `Unauthorized`, and nothing else, whatever the token is."""
    try:
        return _read(token, audience, key)
    except Exception:  # noqa: BLE001  (RecursionError, TypeError, OverflowError … escape from the parser)
        raise Unauthorized("invalid-token", "The token is not valid, or no longer.") from None


def _read(token: str, audience: Audience, key: str) -> Claims:
    if len(token) > LONGEST or not token.isascii():
        raise ValueError
    header = jwt.get_unverified_header(token)
    if header != {"alg": ALGORITHM, "typ": "JWT"}:
        raise ValueError
    body = jwt.decode(
        token, key, algorithms=[ALGORITHM], audience=audience, issuer=ISSUER, options={**REQUIRED, "leeway": 0}
    )
    issued, expires, epoch = (_whole(body, name) for name in ("iat", "exp", "epoch"))
    if not (0 <= expires - issued <= LONGEST_LIFE.total_seconds()) or issued > (now() + SKEW).timestamp():
        raise ValueError
    if body["aud"] != audience or not isinstance(body["jti"], str):
        raise ValueError
    return Claims(UUID(body["sub"]), epoch, body["jti"], datetime.fromtimestamp(expires, UTC))


def _whole(body: dict[str, Any], name: str) -> int:
    value = body[name]
    if type(value) is not int:
        raise TypeError(name)
    return value
