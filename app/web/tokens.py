"""Tokens: for administrators, what CI jobs show to push runs and to read decisions."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Form
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from app.auth import service as accounts
from app.auth.schemas import CiTokenIn
from app.auth.sessions import Visit
from app.errors import Problem
from app.paging import Offset
from app.runs import service as runs
from app.state import AppDatabase, AppSettings
from app.web.once import Secret, see_once, shown_once
from app.web.page import AdminSender, AdminVisitor, page
from app.web.page_route import pages, see
from app.web.refusal import Refusal, refusal

__all__ = ["router"]

router = pages()

ON_A_PAGE = 50


@router.get("/tokens")
def show(
    request: Request, visit: AdminVisitor, settings: AppSettings, database: AppDatabase, offset: Offset = 0
) -> Response:
    return shown_once(request, visit, settings, lambda secret: _tokens(visit, database, offset=offset, secret=secret))


@router.post("/tokens")
def create(
    visit: AdminSender,
    settings: AppSettings,
    database: AppDatabase,
    project: Annotated[str, Form(max_length=200)],
    name: Annotated[str, Form(max_length=200)],
) -> Response:
    try:
        new = CiTokenIn(project=project.strip(), name=name.strip())
        with database.write() as session:
            _, secret = accounts.create_ci_token(session, project=new.project, name=new.name, by=visit.person)
    except (Problem, ValidationError) as error:
        return _tokens(visit, database, refused=refusal(error, "new", project=project, name=name))
    return see_once("/tokens", Secret(new.project, secret), visit, settings)


@router.post("/tokens/{token_id}/revoke")
def revoke(token_id: UUID, _: AdminSender, database: AppDatabase) -> Response:
    with database.write() as session:
        accounts.revoke_ci_token(session, token_id)
    return see("/tokens")


def _tokens(
    visit: Visit,
    database: AppDatabase,
    *,
    offset: int = 0,
    secret: Secret | None = None,
    refused: Refusal | None = None,
) -> Response:
    with database.read() as session:
        found, total = accounts.list_ci_tokens(session, project=None, limit=ON_A_PAGE, offset=offset)
        projects = [each.name for each in runs.list_projects(session)]
    return page(
        "tokens.html",
        visit=visit,
        status=refused.status if refused else 200,
        found=found,
        total=total,
        offset=offset,
        limit=ON_A_PAGE,
        projects=projects,
        secret=secret,
        refused=refused,
    )
