"""Accounts: signing in and out, users, and the tokens of CI jobs.

What hashes a password takes the database and not a session: no connection is held for the time that takes.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.auth import throttle, tokens
from app.auth.passwords import Passwords, generated_password, passwords
from app.auth.person import CiJob, Person
from app.database import Database, lock
from app.errors import Conflict, Forbidden, NotFound, Unauthorized
from app.models import ApiToken, RevokedToken, Role, User, now
from app.settings import Settings

__all__ = [
    "SECRET_PREFIX",
    "SignIn",
    "change_password",
    "change_user",
    "create_ci_token",
    "create_user",
    "find_user",
    "first_administrator",
    "identify",
    "identify_ci",
    "list_ci_tokens",
    "list_users",
    "reset_password",
    "revoke_ci_token",
    "sign_in",
    "sign_out",
    "user_named",
]

SECRET_PREFIX: Final = "act_"
SHOWN: Final = 8
USE_NOTED_EVERY: Final = timedelta(minutes=5)

log = structlog.get_logger("acetate.auth")


@dataclass(frozen=True)
class SignIn:
    token: str
    claims: tokens.Claims
    seconds: int


def sign_in(
    database: Database,
    settings: Settings,
    *,
    username: str,
    password: str,
    address: str,
    audience: tokens.Audience = "acetate:api",
) -> SignIn:
    """A wrong name, a wrong password and a disabled user look the same, and take the same time."""
    with database.write() as session:
        throttle.admit(session, settings, username=username, address=address)
    with database.read() as session:
        user = _by_name(session, username)
    known = user.password_hash if user and user.disabled_at is None else None
    hasher = _hasher(settings)
    if not hasher.verify(password, known) or user is None:
        log.info("sign-in refused", address=address)
        raise Unauthorized("bad-credentials", "The name or the password is wrong.")
    better = hasher.hash(password) if hasher.outdated(user.password_hash) else None
    with database.write() as session:
        throttle.forget(session, username=username, address=address)
        if better:
            _user(session, user.id).password_hash = better
    lifetime = timedelta(minutes=settings.token_minutes)
    token, claims = tokens.issue(
        user.id, epoch=user.token_epoch, audience=audience, lifetime=lifetime, key=settings.key
    )
    return SignIn(token, claims, int(lifetime.total_seconds()))


def sign_out(session: Session, person: Person) -> None:
    """The token is void from here on, for every replica."""
    session.execute(delete(RevokedToken).where(RevokedToken.expires_at < now()))
    session.merge(RevokedToken(jti=person.jti, expires_at=person.expires_at))


def identify(session: Session, settings: Settings, token: str, *, audience: tokens.Audience = "acetate:api") -> Person:
    """Whose token it is. The role is the user's of this moment. Raises `Unauthorized`."""
    claims = tokens.read(token, audience=audience, key=settings.key)
    revoked = exists().where(RevokedToken.jti == claims.jti)
    user = session.scalar(select(User).where(User.id == claims.user, ~revoked))
    if user is None or user.disabled_at is not None or user.token_epoch != claims.epoch:
        raise Unauthorized("invalid-token", "The token is not valid, or no longer.")
    return Person(
        id=user.id,
        username=user.username,
        role=Role(user.role),
        handles=frozenset(name.strip().casefold() for name in [user.username, *user.handles]),
        jti=claims.jti,
        expires_at=claims.expires_at,
    )


# Users


def create_user(
    database: Database,
    settings: Settings,
    *,
    username: str,
    role: Role,
    handles: Iterable[str] = (),
    password: str | None = None,
) -> tuple[User, str]:
    """The user and the password, which was made up if none was given."""
    password = password or generated_password()
    user = User(
        username=username,
        username_key=username.casefold(),
        password_hash=_hasher(settings).hash(password),
        role=role,
        handles=list(handles),
        token_epoch=0,
    )
    try:
        with database.write() as session:
            session.add(user)
    except IntegrityError:
        raise Conflict("username-taken", "There is a user of that name.") from None
    log.info("user created", user=str(user.id), role=role)
    return user, password


def first_administrator(database: Database, settings: Settings) -> tuple[str, str] | None:
    """Name and password of an administrator made because there was no user at all."""
    with database.read() as session:
        if session.scalar(select(exists().select_from(User))):
            return None
    try:
        user, password = create_user(database, settings, username="admin", role=Role.ADMIN)
    except Conflict:  # another replica was quicker
        return None
    return user.username, password


def list_users(session: Session, *, limit: int, offset: int) -> tuple[list[User], int]:
    total = session.scalar(select(func.count()).select_from(User)) or 0
    found = session.scalars(select(User).order_by(User.username_key).limit(limit).offset(offset))
    return list(found), total


def find_user(session: Session, id: UUID) -> User:
    user = session.get(User, id)
    if user is None:
        raise NotFound("There is no such user.")
    return user


def user_named(session: Session, username: str) -> User:
    user = _by_name(session, username)
    if user is None:
        raise NotFound("There is no user of that name.")
    return user


def change_user(
    session: Session,
    id: UUID,
    *,
    role: Role | None = None,
    handles: list[str] | None = None,
    disabled: bool | None = None,
) -> User:
    """Another role, or being disabled, voids every token of the user. The last administrator stays one."""
    lock(session, "administrators")
    user = _user(session, id)
    loses_admin = (role is not None and role is not Role.ADMIN) or disabled is True
    if user.role == Role.ADMIN and user.disabled_at is None and loses_admin and not _another_admin(session, user):
        raise Conflict("last-administrator", "Make somebody else an administrator first.")
    if handles is not None:
        user.handles = handles
    if role is not None and role != user.role:
        user.role = role
        user.token_epoch += 1
    if disabled is not None and disabled != (user.disabled_at is not None):
        user.disabled_at = now() if disabled else None
        user.token_epoch += 1
    return user


def _another_admin(session: Session, user: User) -> bool:
    others = exists().where(User.role == Role.ADMIN, User.disabled_at.is_(None), User.id != user.id)
    return bool(session.scalar(select(others)))


def reset_password(database: Database, settings: Settings, id: UUID, password: str | None = None) -> str:
    """The new password, made up if none was given; every token of the user is void."""
    password = password or generated_password()
    hashed = _hasher(settings).hash(password)
    with database.write() as session:
        user = _user(session, id)
        user.password_hash = hashed
        user.token_epoch += 1
    log.info("password reset", user=str(id))
    return password


def change_password(
    database: Database, settings: Settings, person: Person, *, current: str, new: str, address: str
) -> None:
    """By the user themself: the present one is asked for, and guessing it is throttled like signing in."""
    with database.write() as session:
        throttle.admit(session, settings, username=person.username, address=address)
    with database.read() as session:
        known = find_user(session, person.id).password_hash
    if not _hasher(settings).verify(current, known):
        raise Forbidden("wrong-password", "The present password is another one.")
    reset_password(database, settings, person.id, new)
    with database.write() as session:
        throttle.forget(session, username=person.username, address=address)


# Tokens of CI jobs


def create_ci_token(session: Session, *, project: str, name: str, by: Person) -> tuple[ApiToken, str]:
    """The token and its secret, which nobody can show again."""
    secret = SECRET_PREFIX + secrets.token_urlsafe(32)
    token = ApiToken(
        project=project,
        name=name,
        prefix=secret[: len(SECRET_PREFIX) + SHOWN],
        digest=_digest(secret),
        created_by=by.id,
        created_at=now(),
    )
    session.add(token)
    session.flush()
    return token, secret


def list_ci_tokens(session: Session, *, project: str | None, limit: int, offset: int) -> tuple[list[ApiToken], int]:
    chosen = select(ApiToken) if project is None else select(ApiToken).where(ApiToken.project == project)
    total = session.scalar(select(func.count()).select_from(chosen.subquery())) or 0
    ordered = chosen.order_by(ApiToken.project, ApiToken.created_at.desc(), ApiToken.id)
    return list(session.scalars(ordered.limit(limit).offset(offset))), total


def revoke_ci_token(session: Session, id: UUID) -> None:
    token = session.get(ApiToken, id, with_for_update=True)
    if token is None:
        raise NotFound("There is no such token.")
    token.revoked_at = token.revoked_at or now()


def identify_ci(database: Database, secret: str) -> CiJob:
    """Whose job it is. Raises `Unauthorized`."""
    with database.read() as session:
        token = session.scalar(select(ApiToken).where(ApiToken.digest == _digest(secret)))
    if token is None or token.revoked_at is not None:
        raise Unauthorized("invalid-token", "The token is not valid, or no longer.")
    if token.last_used_at is None or now() - token.last_used_at > USE_NOTED_EVERY:
        with database.write() as session:
            session.execute(update(ApiToken).where(ApiToken.id == token.id).values(last_used_at=now()))
    return CiJob(token.id, token.project, token.name)


def _digest(secret: str) -> str:
    return sha256(secret.encode("utf-8", "replace")).hexdigest()


def _by_name(session: Session, username: str) -> User | None:
    return session.scalar(select(User).where(User.username_key == username.casefold()))


def _user(session: Session, id: UUID) -> User:
    """To be changed in this session."""
    user = session.get(User, id, with_for_update=True)
    if user is None:
        raise NotFound("There is no such user.")
    return user


def _hasher(settings: Settings) -> Passwords:
    return passwords(settings.password_memory_kib, settings.password_rounds)
