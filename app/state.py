"""What an application holds while it runs, as dependencies of routes."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends
from starlette.requests import HTTPConnection

from app.database import Database
from app.observability import Metrics
from app.settings import Settings

__all__ = ["AppDatabase", "AppMetrics", "AppSettings"]


async def _settings(connection: HTTPConnection) -> Settings:
    return cast(Settings, connection.app.state.settings)


async def _database(connection: HTTPConnection) -> Database:
    return cast(Database, connection.app.state.database)


async def _metrics(connection: HTTPConnection) -> Metrics:
    return cast(Metrics, connection.app.state.metrics)


AppSettings = Annotated[Settings, Depends(_settings)]
AppDatabase = Annotated[Database, Depends(_database)]
AppMetrics = Annotated[Metrics, Depends(_metrics)]
