"""The application: the one place that knows every room."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Final

from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware

import app.auth.routes
import app.companion.chat.overdue
import app.companion.room
import app.companion.routes
import app.health
import app.library.routes
import app.reviews.routes
import app.runs.courier
import app.runs.routes
import app.web.routes
from app.body_limit import BodyLimit
from app.database import Database
from app.errors import install_errors, problems
from app.observability import Metrics, Observed, telemetry
from app.security_headers import SecurityHeaders
from app.settings import Settings, with_secret_key
from app.web.problem_page import ProblemPages

__all__ = ["create_app"]

ROUTERS: Final[tuple[APIRouter, ...]] = (
    app.auth.routes.router,
    *app.companion.routes.routers,
    app.health.router,
    app.library.routes.router,
    app.reviews.routes.router,
    app.runs.routes.router,
    app.web.routes.router,
)
"""Each room's `router`, with its whole prefix on itself."""

LIFESPANS: Final[tuple[Callable[[FastAPI], AbstractAsyncContextManager[None]], ...]] = (
    app.companion.room.lifespan,
    app.companion.chat.overdue.lifespan,
    app.runs.courier.lifespan,
)
"""What a room starts with the application and stops with it: its worker, its listener."""

DESCRIPTION: Final = "Runs, reviews and decisions of Acetate. Every error is an RFC 9457 problem document."


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application on its database, which has been migrated (`app.migration.upgrade`)."""
    settings = with_secret_key(settings or Settings())
    metrics = Metrics()
    traces, provider = telemetry(settings)
    database = Database(settings.database_url, connections=settings.database_connections)

    @asynccontextmanager
    async def lifespan(application: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.callback(database.close)
            if provider:
                stack.callback(provider.shutdown)
            for room in LIFESPANS:
                await stack.enter_async_context(room(application))
            yield

    application = FastAPI(
        title="Acetate",
        summary="Contract testing for backends that stand on LLM APIs",
        description=DESCRIPTION,
        version="1",
        lifespan=lifespan,
        telemetry=traces,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        responses=problems(400, 413, 422),
        middleware=[
            Middleware(SecurityHeaders, secure=settings.secure),
            Middleware(ProblemPages),
            Middleware(Observed, metrics=metrics),
            Middleware(BodyLimit, most=settings.max_body_bytes, larger={"/api/v1/runs": settings.max_push_bytes}),
        ],
    )
    application.state.settings = settings
    application.state.database = database
    application.state.metrics = metrics
    install_errors(application)
    for router in ROUTERS:
        application.include_router(router)
    return application
