"""What a load balancer and an operator ask."""

from __future__ import annotations

from typing import Annotated, Literal

import structlog
from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from app.auth.access import current_person, password_flow
from app.errors import Forbidden, Problem, problems
from app.models import Role
from app.state import AppDatabase, AppMetrics, AppSettings

__all__ = ["router"]

router = APIRouter(tags=["health"])
log = structlog.get_logger("acetate.service")
TEXT = "text/plain; version=0.0.4; charset=utf-8"


class Alive(BaseModel):
    status: Literal["ok"] = "ok"


class Ready(Alive):
    database_milliseconds: float = Field(examples=[0.4])


@router.get("/health/live")
async def live() -> Alive:
    """The process answers."""
    return Alive()


@router.get("/health/ready", responses=problems(503))
def ready(database: AppDatabase) -> Ready:
    """The process can work: its database answers."""
    try:
        seconds = database.ping()
    except Exception as error:
        log.exception("not ready")
        raise Problem("not-ready", "The database does not answer.", status=503) from error
    return Ready(database_milliseconds=round(seconds * 1000, 2))


@router.get("/metrics", response_class=Response, responses={200: {"content": {TEXT: {}}}, **problems(401, 403)})
def metrics(
    request: Request,
    settings: AppSettings,
    database: AppDatabase,
    metrics: AppMetrics,
    token: Annotated[str | None, Depends(password_flow)],
) -> Response:
    """Prometheus metrics: for an administrator, or for everybody where a setting says so."""
    if not settings.metrics_public:
        person = current_person(request, settings, database, token)
        if not person.role.includes(Role.ADMIN):
            raise Forbidden("role-too-low", "This takes the role admin.", needs=Role.ADMIN)
    return Response(metrics.text(), media_type=TEXT)
