"""How Alembic reaches the database: through the connection of `app.migration`, or that of the settings."""

from __future__ import annotations

from sqlalchemy import Connection

from alembic import context
from app.migration import connection_for_migrations
from app.models import Base
from app.settings import Settings


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:
    with connection_for_migrations(Settings().database_url) as opened:
        migrate(opened)
