"""People: for administrators, who may sign in and what they may do."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Form
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from app.auth import service as accounts
from app.auth.schemas import UserChange, UserIn
from app.auth.sessions import Visit
from app.errors import Problem
from app.models import Role
from app.paging import Offset
from app.state import AppDatabase, AppSettings
from app.web.once import Secret, see_once, shown_once
from app.web.page import AdminSender, AdminVisitor, page
from app.web.page_route import pages, see
from app.web.refusal import Refusal, refusal

__all__ = ["router"]

router = pages()

ON_A_PAGE = 50
Lines = Annotated[str, Form(max_length=5000)]


@router.get("/users")
def show(
    request: Request, visit: AdminVisitor, settings: AppSettings, database: AppDatabase, offset: Offset = 0
) -> Response:
    return shown_once(request, visit, settings, lambda secret: _people(visit, database, offset=offset, secret=secret))


@router.post("/users")
def create(
    visit: AdminSender,
    settings: AppSettings,
    database: AppDatabase,
    username: Annotated[str, Form(max_length=200)],
    role: Annotated[Role, Form()],
    handles: Lines = "",
) -> Response:
    try:
        new = UserIn(username=username.strip(), role=role, handles=_names(handles))
        user, password = accounts.create_user(
            database, settings, username=new.username, role=new.role, handles=new.handles
        )
    except (Problem, ValidationError) as error:
        refused = refusal(error, "new", username=username, role=role, handles=handles)
        return _people(visit, database, refused=refused)
    return see_once("/users", Secret(user.username, password), visit, settings)


@router.post("/users/{user_id}")
def change(
    user_id: UUID,
    visit: AdminSender,
    database: AppDatabase,
    role: Annotated[Role, Form()],
    handles: Lines = "",
    disabled: Annotated[bool, Form()] = False,
) -> Response:
    try:
        wanted = UserChange(role=role, handles=_names(handles), disabled=disabled)
        with database.write() as session:
            accounts.change_user(session, user_id, role=wanted.role, handles=wanted.handles, disabled=wanted.disabled)
    except (Problem, ValidationError) as error:
        refused = refusal(error, str(user_id), role=role, handles=handles, disabled=disabled)
        return _people(visit, database, refused=refused)
    return see("/users")


@router.post("/users/{user_id}/password")
def reset_password(user_id: UUID, visit: AdminSender, settings: AppSettings, database: AppDatabase) -> Response:
    password = accounts.reset_password(database, settings, user_id)
    with database.read() as session:
        username = accounts.find_user(session, user_id).username
    return see_once("/users", Secret(username, password), visit, settings)


def _names(text: str) -> list[str]:
    """One name a line."""
    return list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))


def _people(
    visit: Visit,
    database: AppDatabase,
    *,
    offset: int = 0,
    secret: Secret | None = None,
    refused: Refusal | None = None,
) -> Response:
    with database.read() as session:
        found, total = accounts.list_users(session, limit=ON_A_PAGE, offset=offset)
    return page(
        "users.html",
        visit=visit,
        status=refused.status if refused else 200,
        found=found,
        total=total,
        offset=offset,
        limit=ON_A_PAGE,
        secret=secret,
        refused=refused,
    )
