"""Signing in and out, one's own account, users, and the tokens of CI jobs."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.security import OAuth2PasswordRequestForm
from starlette.requests import Request

from app.auth import service
from app.auth.access import Admin, CurrentPerson, address_of
from app.auth.schemas import (
    AccessToken,
    CiTokenIn,
    CiTokenMade,
    CiTokenOut,
    NewPassword,
    PasswordChange,
    UserChange,
    UserIn,
    UserMade,
    UserOut,
)
from app.errors import problems
from app.paging import Limit, Offset, Page
from app.state import AppDatabase, AppSettings

__all__ = ["router"]

router = APIRouter()
users = APIRouter(prefix="/api/v1/users", tags=["users"], responses=problems(401, 403))
ci_tokens = APIRouter(prefix="/api/v1/tokens", tags=["tokens"], responses=problems(401, 403))


@router.post("/token", tags=["signing in"], responses=problems(401, 429))
def sign_in(
    request: Request,
    form: Annotated[OAuth2PasswordRequestForm, Depends()],
    settings: AppSettings,
    database: AppDatabase,
) -> AccessToken:
    """A token for a name and a password: to be sent as `Authorization: Bearer …`."""
    signed_in = service.sign_in(
        database, settings, username=form.username, password=form.password, address=address_of(request)
    )
    return AccessToken(access_token=signed_in.token, expires_in=signed_in.seconds)


@router.post("/logout", tags=["signing in"], status_code=204, responses=problems(401))
def sign_out(person: CurrentPerson, database: AppDatabase) -> None:
    """The token that was sent is void at once."""
    with database.write() as session:
        service.sign_out(session, person)


@router.get("/api/v1/me", tags=["signing in"], responses=problems(401))
def me(person: CurrentPerson, database: AppDatabase) -> UserOut:
    """Who I am here."""
    with database.read() as session:
        return UserOut.of(service.find_user(session, person.id))


@router.post("/api/v1/me/password", tags=["signing in"], status_code=204, responses=problems(401, 403, 429))
def change_my_password(
    request: Request, change: PasswordChange, person: CurrentPerson, settings: AppSettings, database: AppDatabase
) -> None:
    """Another password of my own. Every token of mine is void, this one too."""
    service.change_password(
        database, settings, person, current=change.current, new=change.new, address=address_of(request)
    )


@users.get("")
def list_users(_: Admin, database: AppDatabase, limit: Limit = 50, offset: Offset = 0) -> Page[UserOut]:
    """Everybody, by name."""
    with database.read() as session:
        found, total = service.list_users(session, limit=limit, offset=offset)
        return Page(items=[UserOut.of(user) for user in found], total=total)


@users.post("", status_code=201, responses=problems(409))
def create_user(new: UserIn, _: Admin, settings: AppSettings, database: AppDatabase) -> UserMade:
    """A user; the answer has the password, this once."""
    user, password = service.create_user(
        database, settings, username=new.username, role=new.role, handles=new.handles, password=new.password
    )
    return UserMade(user=UserOut.of(user), password=password)


@users.get("/{user_id}", responses=problems(404))
def get_user(user_id: UUID, _: Admin, database: AppDatabase) -> UserOut:
    """One user."""
    with database.read() as session:
        return UserOut.of(service.find_user(session, user_id))


@users.patch("/{user_id}", responses=problems(404, 409))
def change_user(user_id: UUID, change: UserChange, _: Admin, database: AppDatabase) -> UserOut:
    """Role, handles, disabled. Another role, or being disabled, voids every token of the user."""
    with database.write() as session:
        user = service.change_user(session, user_id, role=change.role, handles=change.handles, disabled=change.disabled)
        return UserOut.of(user)


@users.post("/{user_id}/password", responses=problems(404))
def reset_password(user_id: UUID, _: Admin, settings: AppSettings, database: AppDatabase) -> NewPassword:
    """A new password, shown this once. Every token of the user is void."""
    return NewPassword(password=service.reset_password(database, settings, user_id))


@ci_tokens.get("")
def list_ci_tokens(
    _: Admin,
    database: AppDatabase,
    project: Annotated[str | None, Query(max_length=100)] = None,
    limit: Limit = 50,
    offset: Offset = 0,
) -> Page[CiTokenOut]:
    """The tokens of CI jobs, without their secrets."""
    with database.read() as session:
        found, total = service.list_ci_tokens(session, project=project, limit=limit, offset=offset)
        return Page(items=[CiTokenOut.of(token) for token in found], total=total)


@ci_tokens.post("", status_code=201)
def create_ci_token(new: CiTokenIn, person: Admin, database: AppDatabase) -> CiTokenMade:
    """A token for the CI of one project; the answer has the secret, this once."""
    with database.write() as session:
        token, secret = service.create_ci_token(session, project=new.project, name=new.name, by=person)
        return CiTokenMade(token=CiTokenOut.of(token), secret=secret)


@ci_tokens.delete("/{token_id}", status_code=204, responses=problems(404))
def revoke_ci_token(token_id: UUID, _: Admin, database: AppDatabase) -> None:
    """The token is void at once; it stays in the list."""
    with database.write() as session:
        service.revoke_ci_token(session, token_id)


router.include_router(users)
router.include_router(ci_tokens)
