"""`python -m app serve | migrate | create-admin | reset-password`."""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import structlog
import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError
from sqlalchemy.exc import OperationalError

from acetate.errors import AcetateError
from app import migration
from app.auth import service
from app.auth.schemas import UserIn
from app.database import Database
from app.errors import Problem
from app.main import create_app
from app.models import Role
from app.observability import configure_logging
from app.runs.local import receive_local
from app.settings import PREFIX, Settings, unknown_variables, with_secret_key

__all__ = ["main"]

GRACE = 10
"""Seconds that what has begun may take after the service was told to stop."""
LAST_WORDS = 2
"""Of these, for telling whoever still waits."""


def main(words: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(words)
    try:
        settings = with_secret_key(Settings())
        arguments.run(settings, arguments)
    except ValidationError as error:
        for item in error.errors():
            place = "_".join(str(part) for part in item["loc"]).upper()
            print(f"{PREFIX}{place}: {item['msg']}\n  next: see docs/service.md", file=sys.stderr)
        return 2
    except Problem as problem:
        print(problem.detail, file=sys.stderr)
        return 1
    except migration.NewerDatabase as error:
        print(f"{error}\n  next: install that version, or give back the backup from before it", file=sys.stderr)
        return 2
    except OperationalError:
        print(f"The database does not answer.\n  next: look at {PREFIX}DATABASE_URL", file=sys.stderr)
        return 2
    except ValueError as error:
        print(f"{error}\n  next: see docs/service.md", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m app", description="The service: runs, reviews and the page.")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    serve = verbs.add_parser("serve", help="migrate the database and serve; makes the first administrator")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=8400)
    serve.add_argument("--project", type=Path, metavar="ROOT", help="have a run of this project's recordings ready")
    serve.set_defaults(run=_serve)
    verbs.add_parser("migrate", help="bring the database up to date and stop").set_defaults(run=_migrate)
    admin = verbs.add_parser("create-admin", help="make an administrator and print the password, once")
    admin.add_argument("user", type=_username)
    admin.set_defaults(run=_create_admin)
    reset = verbs.add_parser("reset-password", help="print a new password, once; every token of the user is void")
    reset.add_argument("user")
    reset.set_defaults(run=_reset_password)
    return parser


def _username(text: str) -> str:
    """As the API takes it."""
    try:
        return UserIn(username=text).username
    except ValidationError:
        raise argparse.ArgumentTypeError("letters, digits and ._@+- only, 100 at most") from None


def _serve(settings: Settings, arguments: argparse.Namespace) -> None:
    configure_logging(settings.log_level)
    for name in unknown_variables():
        structlog.get_logger("acetate.service").warning("this variable is no setting", variable=name)
    migration.upgrade(settings.database_url)
    application = create_app(settings)
    made = service.first_administrator(application.state.database, application.state.settings)
    if made:
        print("First administrator, shown this once:\n  user      {}\n  password  {}".format(*made), flush=True)
    if arguments.project:
        _look_at(application.state.database, arguments.project)
    config = uvicorn.Config(
        application,
        host=arguments.host,
        port=arguments.port,
        log_config=None,
        access_log=False,
        server_header=False,
        forwarded_allow_ips=settings.forwarded_allow_ips,
        timeout_graceful_shutdown=GRACE,
        ws_max_size=65_536,
    )
    server = _Server(config)
    server.run()
    if not server.started:
        raise SystemExit(3)


def _look_at(database: Database, root: Path) -> None:
    """What cannot be looked at keeps nobody from the service."""
    try:
        run = receive_local(database, root)
    except AcetateError as error:
        print(f"No run of {root}: {error}", file=sys.stderr, flush=True)
    else:
        print(f"Run of {run.project}: {run.outcome}", flush=True)


class _Server(uvicorn.Server):
    """Says where it is once it is there, and why it does not answer any more before it goes."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(f"Acetate's service: http://{self.config.host}:{self.config.port}/", flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        room = cast(FastAPI, self.config.app).state.companion
        ending = asyncio.get_running_loop().call_later(GRACE - LAST_WORDS, room.turns.end)
        await super().shutdown(sockets)
        ending.cancel()


def _migrate(settings: Settings, _arguments: argparse.Namespace) -> None:
    migration.upgrade(settings.database_url)
    print("The database is up to date.")


def _create_admin(settings: Settings, arguments: argparse.Namespace) -> None:
    migration.upgrade(settings.database_url)
    database = Database(settings.database_url)
    user, password = service.create_user(database, settings, username=arguments.user, role=Role.ADMIN)
    database.close()
    print(f"user      {user.username}\npassword  {password}")


def _reset_password(settings: Settings, arguments: argparse.Namespace) -> None:
    database = Database(settings.database_url)
    with database.read() as session:
        user = service.user_named(session, arguments.user)
    print(f"user      {user.username}\npassword  {service.reset_password(database, settings, user.id)}")
    database.close()


if __name__ == "__main__":
    sys.exit(main())
