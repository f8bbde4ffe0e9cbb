"""Projects: for administrators, whether an author's word is enough and where the news go."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Form
from starlette.responses import Response

from app.auth.sessions import Visit
from app.paging import Offset
from app.runs import service as runs
from app.runs import webhooks
from app.runs.schemas import ProjectChange, WebhookIn
from app.state import AppDatabase
from app.web.page import AdminSender, AdminVisitor, page
from app.web.page_route import pages, see

__all__ = ["router"]

router = pages()

ON_A_PAGE = 50


@router.get("/projects")
def show(visit: AdminVisitor, database: AppDatabase) -> Response:
    return _projects(visit, database)


@router.post("/projects")
def change(
    _: AdminSender,
    database: AppDatabase,
    name: Annotated[str, Form(max_length=200)],
    repository: Annotated[str, Form(max_length=200)] = "",
    require_approval: Annotated[bool, Form()] = False,
) -> Response:
    wanted = ProjectChange(require_approval=require_approval, repository=repository.strip())
    with database.write() as session:
        runs.change_project(session, name, require_approval=wanted.require_approval, repository=wanted.repository)
    return see("/projects")


@router.post("/projects/webhooks")
def add_webhook(
    visit: AdminSender,
    database: AppDatabase,
    project: Annotated[str, Form(max_length=200)],
    url: Annotated[str, Form(max_length=2000)],
    style: Annotated[Literal["plain", "slack"], Form()] = "plain",
) -> Response:
    new = WebhookIn(project=project, url=url.strip(), style=style)
    with database.write() as session:
        made = webhooks.add_webhook(session, new.project, new.url, new.style, by=visit.person)
    return _projects(visit, database, secret=(made.url, made.secret))


@router.post("/projects/webhooks/{webhook_id}/remove")
def remove_webhook(webhook_id: UUID, _: AdminSender, database: AppDatabase) -> Response:
    with database.write() as session:
        webhooks.remove_webhook(session, webhook_id)
    return see("/projects")


@router.get("/projects/webhooks/{webhook_id}")
def deliveries(webhook_id: UUID, visit: AdminVisitor, database: AppDatabase, offset: Offset = 0) -> Response:
    with database.read() as session:
        webhook = webhooks.find_webhook(session, webhook_id)
        found, total = webhooks.deliveries_of(session, webhook_id, limit=ON_A_PAGE, offset=offset)
    return page(
        "deliveries.html",
        visit=visit,
        webhook=webhook,
        found=found,
        total=total,
        offset=offset,
        limit=ON_A_PAGE,
    )


def _projects(visit: Visit, database: AppDatabase, *, secret: tuple[str, str] | None = None) -> Response:
    with database.read() as session:
        found = runs.list_projects(session)
        hooks = webhooks.list_webhooks(session)
    return page(
        "projects.html",
        visit=visit,
        found=[(each, [hook for hook in hooks if hook.project == each.name]) for each in found],
        secret=secret,
    )
