"""Projects: for administrators, whether an author's word is enough and where the news go."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Form, Query
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from app.auth.sessions import Visit
from app.errors import Problem
from app.paging import Offset
from app.runs import service as runs
from app.runs import webhooks
from app.runs.schemas import ProjectChange, WebhookIn
from app.settings import Settings
from app.state import AppDatabase, AppSettings
from app.web.once import Secret, see_once, shown_once
from app.web.page import AdminSender, AdminVisitor, page
from app.web.page_route import pages, see
from app.web.refusal import Refusal, refusal

__all__ = ["router"]

router = pages()

ON_A_PAGE = 50


@router.get("/projects")
def show(
    request: Request,
    visit: AdminVisitor,
    settings: AppSettings,
    database: AppDatabase,
    saved: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    return shown_once(
        request, visit, settings, lambda secret: _projects(visit, settings, database, secret=secret, saved=saved)
    )


@router.post("/projects")
def change(
    visit: AdminSender,
    settings: AppSettings,
    database: AppDatabase,
    name: Annotated[str, Form(max_length=200)],
    repository: Annotated[str, Form(max_length=200)] = "",
    require_approval: Annotated[bool, Form()] = False,
) -> Response:
    try:
        wanted = ProjectChange(require_approval=require_approval, repository=repository.strip())
        with database.write() as session:
            runs.change_project(session, name, require_approval=wanted.require_approval, repository=wanted.repository)
    except (Problem, ValidationError) as error:
        refused = refusal(error, f"project {name}", repository=repository, require_approval=require_approval)
        return _projects(visit, settings, database, refused=refused)
    return see(f"/projects?{urlencode({'saved': name})}")


@router.post("/projects/webhooks")
def add_webhook(
    visit: AdminSender,
    settings: AppSettings,
    database: AppDatabase,
    project: Annotated[str, Form(max_length=200)],
    url: Annotated[str, Form(max_length=2000)],
    style: Annotated[Literal["plain", "slack"], Form()] = "plain",
) -> Response:
    try:
        new = WebhookIn(project=project, url=url.strip(), style=style)
        with database.write() as session:
            made = webhooks.add_webhook(session, new.project, new.url, new.style, by=visit.person)
    except (Problem, ValidationError) as error:
        refused = refusal(error, f"webhook {project}", url=url, style=style)
        return _projects(visit, settings, database, refused=refused)
    return see_once("/projects", Secret(made.url, made.secret), visit, settings)


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


def _projects(
    visit: Visit,
    settings: Settings,
    database: AppDatabase,
    *,
    secret: Secret | None = None,
    refused: Refusal | None = None,
    saved: str = "",
) -> Response:
    with database.read() as session:
        found = runs.list_projects(session)
        hooks = webhooks.list_webhooks(session)
        sent = webhooks.newest_deliveries(session)
        reported = webhooks.newest_statuses(session)
    return page(
        "projects.html",
        visit=visit,
        status=refused.status if refused else 200,
        found=[(each, [hook for hook in hooks if hook.project == each.name]) for each in found],
        sent=sent,
        reported=reported,
        reports=settings.github_token is not None,
        secret=secret,
        refused=refused,
        saved=saved if any(each.name == saved for each in found) else "",
    )
