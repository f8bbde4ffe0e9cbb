"""People: for administrators, who may sign in and what they may do."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Form
from starlette.responses import Response

from app.auth import service as accounts
from app.auth.schemas import UserChange, UserIn
from app.auth.sessions import Visit
from app.models import Role
from app.paging import Offset
from app.state import AppDatabase, AppSettings
from app.web.page import AdminSender, AdminVisitor, page
from app.web.page_route import pages, see

__all__ = ["router"]

router = pages()

ON_A_PAGE = 50
Lines = Annotated[str, Form(max_length=5000)]


@router.get("/users")
def show(visit: AdminVisitor, database: AppDatabase, offset: Offset = 0) -> Response:
    return _people(visit, database, offset=offset)


@router.post("/users")
def create(
    visit: AdminSender,
    settings: AppSettings,
    database: AppDatabase,
    username: Annotated[str, Form(max_length=200)],
    role: Annotated[Role, Form()],
    handles: Lines = "",
) -> Response:
    new = UserIn(username=username, role=role, handles=_names(handles))
    user, password = accounts.create_user(database, settings, username=new.username, role=new.role, handles=new.handles)
    return _people(visit, database, secret=(user.username, password))


@router.post("/users/{user_id}")
def change(
    user_id: UUID,
    _: AdminSender,
    database: AppDatabase,
    role: Annotated[Role, Form()],
    handles: Lines = "",
    disabled: Annotated[bool, Form()] = False,
) -> Response:
    wanted = UserChange(role=role, handles=_names(handles), disabled=disabled)
    with database.write() as session:
        accounts.change_user(session, user_id, role=wanted.role, handles=wanted.handles, disabled=wanted.disabled)
    return see("/users")


@router.post("/users/{user_id}/password")
def reset_password(user_id: UUID, visit: AdminSender, settings: AppSettings, database: AppDatabase) -> Response:
    password = accounts.reset_password(database, settings, user_id)
    with database.read() as session:
        username = accounts.find_user(session, user_id).username
    return _people(visit, database, secret=(username, password))


def _names(text: str) -> list[str]:
    """One name a line."""
    return list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))


def _people(visit: Visit, database: AppDatabase, *, offset: int = 0, secret: tuple[str, str] | None = None) -> Response:
    with database.read() as session:
        found, total = accounts.list_users(session, limit=ON_A_PAGE, offset=offset)
    return page("users.html", visit=visit, found=found, total=total, offset=offset, limit=ON_A_PAGE, secret=secret)
