"""What CI jobs push and everybody looks at: runs, projects, webhooks."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from app.auth.access import Admin, Caller, CurrentPerson
from app.auth.person import CiJob, Person
from app.errors import Forbidden, NotFound, problems
from app.models import Role
from app.paging import Limit, Offset, Page
from app.runs import service, webhooks
from app.runs.arrival import Arrival
from app.runs.envelope import opened
from app.runs.schemas import (
    BundleIn,
    DeliveryOut,
    MissingIn,
    MissingOut,
    Name,
    ProjectChange,
    ProjectOut,
    Pushed,
    ReportOut,
    RunOut,
    RunWithReports,
    StatusOut,
    WebhookIn,
    WebhookMade,
    WebhookOut,
)
from app.settings import Settings
from app.state import AppDatabase, AppSettings

__all__ = ["router"]

Model = TypeVar("Model", bound=BaseModel)

runs = APIRouter(prefix="/api/v1/runs", tags=["runs"], responses=problems(401, 403))
status = APIRouter(prefix="/api/v1/status", tags=["runs"], responses=problems(401, 403))
projects = APIRouter(prefix="/api/v1/projects", tags=["projects"], responses=problems(401, 403))
hooks = APIRouter(prefix="/api/v1/webhooks", tags=["webhooks"], responses=problems(401, 403))


# Pushing


def _inlined(model: type[BundleIn] | type[MissingIn]) -> dict[str, Any]:
    """The schema of a body that is read here and not by the framework."""
    schema = model.model_json_schema(by_alias=True)
    held = schema.pop("$defs", {})

    def inline(value: Any) -> Any:
        if isinstance(value, dict):
            name = str(value.get("$ref", "")).rpartition("/")[2]
            return held[name] if name in held else {key: inline(each) for key, each in value.items()}
        return [inline(each) for each in value] if isinstance(value, list) else value

    return {"requestBody": {"required": True, "content": {"application/json": {"schema": inline(schema)}}}}


async def _body(request: Request) -> bytes:
    return await request.body()


Body = Annotated[bytes, Depends(_body)]


def _missing_in(request: Request, body: Body, settings: AppSettings) -> MissingIn:
    return _read(MissingIn, request, body, settings)


def _bundle(request: Request, body: Body, settings: AppSettings) -> BundleIn:
    return _read(BundleIn, request, body, settings)


def _read(model: type[Model], request: Request, body: bytes, settings: Settings) -> Model:
    """A body that may be gzipped. It can be big, so this is not done on the event loop."""
    value = opened(body, request.headers.get("content-encoding", ""), most=settings.max_push_bytes)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        found = [
            {**each, "loc": ("body", *each["loc"])} for each in error.errors(include_url=False, include_input=False)
        ]
        raise RequestValidationError(found) from None


def _admit(caller: Person | CiJob, project: str) -> None:
    """A CI job pushes for its own project; so does a developer for any."""
    if isinstance(caller, CiJob):
        if caller.project != project:
            raise Forbidden("another-project", "This token is of another project.")
    elif not caller.role.includes(Role.DEVELOPER):
        raise Forbidden("role-too-low", f"This takes the role {Role.DEVELOPER}.", needs=Role.DEVELOPER)


@runs.post("/missing", openapi_extra=_inlined(MissingIn), responses=problems(415))
def missing(caller: Caller, asked: Annotated[MissingIn, Depends(_missing_in)], database: AppDatabase) -> MissingOut:
    """Which files of a run have to be sent with it. The body may be gzipped."""
    _admit(caller, asked.project)
    with database.read() as session:
        return MissingOut(missing=service.missing(session, asked.project, asked.digests))


@runs.post("", status_code=201, openapi_extra=_inlined(BundleIn), responses={200: {"model": Pushed}, **problems(415)})
def push(
    caller: Caller,
    bundle: Annotated[BundleIn, Depends(_bundle)],
    response: Response,
    settings: AppSettings,
    database: AppDatabase,
) -> Pushed:
    """A run: its report and the files that were missing. The same once more is answered with 200 and changes nothing.
    The body may be gzipped."""
    _admit(caller, bundle.project)
    run, is_news = service.receive(database, Arrival(bundle))
    response.status_code = 201 if is_news else 200
    return StatusOut.of(run, _page(settings, run.id))


# Looking


@runs.get("")
def list_runs(
    _: CurrentPerson,
    database: AppDatabase,
    project: Name | None = None,
    commit: Name | None = None,
    branch: Name | None = None,
    current: Annotated[bool | None, Query(description="The newest of each branch and pull request")] = None,
    limit: Limit = 50,
    offset: Offset = 0,
) -> Page[RunOut]:
    """Runs, the newest first."""
    with database.read() as session:
        found, total = service.list_runs(
            session, project=project, commit=commit, branch=branch, current=current, limit=limit, offset=offset
        )
        return Page(items=[RunOut.of(run) for run in found], total=total)


@runs.get("/{run_id}", responses=problems(404))
def run(run_id: UUID, _: CurrentPerson, database: AppDatabase) -> RunWithReports:
    """A run and the reports that it is made of."""
    with database.read() as session:
        found = service.find_run(session, run_id)
        reports = [ReportOut.of(report) for report in service.reports_of(session, run_id)]
        return RunWithReports(**RunOut.of(found).model_dump(), reports=reports)


@runs.get("/{run_id}/status", responses=problems(404))
def run_status(run_id: UUID, caller: Caller, settings: AppSettings, database: AppDatabase) -> StatusOut:
    """How a run stands now."""
    with database.read() as session:
        found = service.find_run(session, run_id)
    if isinstance(caller, CiJob) and caller.project != found.project:
        raise NotFound("There is no such run.")
    return StatusOut.of(found, _page(settings, found.id))


@status.get("", responses=problems(404))
def commit_status(
    project: Name, commit: Name, caller: Caller, settings: AppSettings, database: AppDatabase
) -> StatusOut:
    """How a commit stands now."""
    if isinstance(caller, CiJob) and caller.project != project:
        raise NotFound("There is no run of that commit.")
    with database.read() as session:
        found = service.run_of_commit(session, project, commit)
    return StatusOut.of(found, _page(settings, found.id))


def _page(settings: Settings, run_id: UUID) -> str:
    return f"{settings.public_url}/runs/{run_id}"


# Projects and their webhooks


@projects.get("")
def list_projects(_: CurrentPerson, database: AppDatabase) -> list[ProjectOut]:
    """All projects, by name."""
    with database.read() as session:
        return [ProjectOut.of(project) for project in service.list_projects(session)]


@projects.patch("", responses=problems(404))
def change_project(project: Name, change: ProjectChange, _: Admin, database: AppDatabase) -> ProjectOut:
    """What a project asks of its reviewers."""
    with database.write() as session:
        return ProjectOut.of(service.change_project(session, project, **change.model_dump()))


@hooks.get("")
def list_webhooks(_: Admin, database: AppDatabase, project: Name | None = None) -> list[WebhookOut]:
    """Where news go, by project."""
    with database.read() as session:
        return [WebhookOut.of(webhook) for webhook in webhooks.list_webhooks(session, project)]


@hooks.post("", status_code=201, responses=problems(404, 409))
def add_webhook(webhook: WebhookIn, admin: Admin, database: AppDatabase) -> WebhookMade:
    """News of a run that needs review and of decisions, to an address. The secret that signs them is shown once."""
    with database.write() as session:
        made = webhooks.add_webhook(session, webhook.project, webhook.url, webhook.style, by=admin)
    return WebhookMade(**WebhookOut.of(made).model_dump(), secret=made.secret)


@hooks.delete("/{webhook_id}", status_code=204, responses=problems(404))
def remove_webhook(webhook_id: UUID, _: Admin, database: AppDatabase) -> None:
    """No more news, not even those that wait."""
    with database.write() as session:
        webhooks.remove_webhook(session, webhook_id)


@hooks.get("/{webhook_id}/deliveries", responses=problems(404))
def deliveries(
    webhook_id: UUID, _: Admin, database: AppDatabase, limit: Limit = 50, offset: Offset = 0
) -> Page[DeliveryOut]:
    """What was sent, and what became of it."""
    with database.read() as session:
        found, total = webhooks.deliveries_of(session, webhook_id, limit=limit, offset=offset)
        return Page(items=[DeliveryOut.of(delivery) for delivery in found], total=total)


router = APIRouter()
for room in (runs, status, projects, hooks):
    router.include_router(room)
