"""Webhooks: where a project's news go, and how they are signed."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from app.auth.person import Person
from app.errors import Conflict, NotFound
from app.models import Delivery, Run, Webhook
from app.runs.address import checked
from app.runs.outbox import STATUS
from app.runs.service import find_project

__all__ = [
    "MOST",
    "add_webhook",
    "deliveries_of",
    "list_webhooks",
    "message",
    "newest_deliveries",
    "newest_statuses",
    "remove_webhook",
    "signed",
]

MOST: Final = 20
"""Webhooks of one project."""


def list_webhooks(session: Session, project: str | None = None) -> list[Webhook]:
    chosen = select(Webhook).order_by(Webhook.project, Webhook.created_at, Webhook.id)
    return list(session.scalars(chosen if project is None else chosen.where(Webhook.project == project)))


def add_webhook(session: Session, project: str, url: str, style: Literal["plain", "slack"], *, by: Person) -> Webhook:
    """Its secret is shown once; who receives signs with it what came and compares."""
    find_project(session, project)
    if len(list_webhooks(session, project)) >= MOST:
        raise Conflict("too-many-webhooks", f"A project may have {MOST} webhooks.")
    webhook = Webhook(
        project=project, url=checked(url), style=style, secret=f"whsec_{secrets.token_urlsafe(32)}", created_by=by.id
    )
    session.add(webhook)
    session.flush()
    return webhook


def remove_webhook(session: Session, id: UUID) -> None:
    """With its deliveries, also those that wait."""
    session.delete(find_webhook(session, id))


def find_webhook(session: Session, id: UUID) -> Webhook:
    webhook = session.get(Webhook, id)
    if webhook is None:
        raise NotFound("There is no such webhook.")
    return webhook


def deliveries_of(session: Session, webhook_id: UUID, *, limit: int, offset: int) -> tuple[list[Delivery], int]:
    """The newest first, and how many there are in all."""
    find_webhook(session, webhook_id)
    mine = Delivery.webhook_id == webhook_id
    total = session.scalar(select(func.count()).select_from(Delivery).where(mine)) or 0
    chosen = select(Delivery).where(mine).order_by(Delivery.created_at.desc(), Delivery.id)
    return list(session.scalars(chosen.limit(limit).offset(offset))), total


def newest_deliveries(session: Session) -> dict[UUID, Delivery]:
    """What was sent last to each webhook."""
    found = session.scalars(_newest(Delivery.webhook_id, Delivery.webhook_id.is_not(None)))
    return {each.webhook_id: each for each in found if each.webhook_id}


def newest_statuses(session: Session) -> dict[str, Delivery]:
    """The commit status that was reported last of each project."""
    found = _newest(Run.project, Delivery.event == STATUS).add_columns(Run.project)
    return {project: each for each, project in session.execute(found)}


def _newest(of: Any, wanted: ColumnElement[bool]) -> Select[Any]:
    """The newest delivery of each of something."""
    age = func.row_number().over(partition_by=of, order_by=(Delivery.created_at.desc(), Delivery.id)).label("age")
    aged = select(Delivery.id, age).join(Run, Run.id == Delivery.run_id).where(wanted).subquery()
    chosen = select(Delivery).join(aged, aged.c.id == Delivery.id).join(Run, Run.id == Delivery.run_id)
    return chosen.where(aged.c.age == 1)


def message(style: str, payload: Mapping[str, Any]) -> bytes:
    """What is sent: the payload, or a line that Slack shows."""
    told = {"text": _line(payload)} if style == "slack" else payload
    return json.dumps(told, sort_keys=True).encode()


def signed(secret: str, body: bytes, at: int) -> str:
    """The header `X-Acetate-Signature`: `t=<Unix time>,v1=<HMAC-SHA256 over "<t>.<body>">`. The time keeps an old
    message from being sent again by somebody else."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def _line(payload: Mapping[str, Any]) -> str:
    run = payload["run"]
    place = _escaped(f"{run['project']} {(run['commit'] or '')[:7]}".strip())
    link = f"<{payload['url']}|{place}>" if "url" in payload else place
    if payload["event"] == "run.needs-review":
        waits = "1 change waits" if run["waiting"] == 1 else f"{run['waiting']} changes wait"
        return f"{link}: {waits} for a reviewer"
    number = len(payload["changes"])
    what = "1 change" if number == 1 else f"{number} changes"
    why = f": {_escaped(payload['why'])}" if payload["why"] else ""
    return f"{link}: {what} {payload['decision']} by {_escaped(payload['by'])}{why}"


def _escaped(text: str) -> str:
    """As Slack wants it: nothing in it is a link, a mention or the end of one."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
