"""Outbox: news are written down in the transaction that makes them, and sent later by whichever process is free."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Delivery, Project, Run, Webhook

__all__ = ["STATUS", "announce", "report_status"]

STATUS: Final = "status"
"""The event of a commit status; all others go to webhooks."""


def announce(session: Session, run: Run, event: str, **said: Any) -> None:
    """News of a run for every webhook of its project."""
    payload = {"event": event, "run": _run(run), **said}
    for webhook in session.scalars(select(Webhook.id).where(Webhook.project == run.project)):
        session.add(Delivery(webhook_id=webhook, run_id=run.id, event=event, payload=payload, state="waiting"))


def report_status(session: Session, project: Project, run: Run) -> None:
    """How a commit stands, for GitHub; what it says is looked up when it is sent."""
    if project.repository and run.commit:
        session.add(Delivery(run_id=run.id, event=STATUS, payload={}, state="waiting"))


def _run(run: Run) -> dict[str, Any]:
    return {
        "id": str(run.id),
        "project": run.project,
        "commit": run.commit,
        "branch": run.branch,
        "pull_request": run.pull_request,
        "author": run.author,
        "outcome": run.outcome,
        "waiting": run.waiting,
    }
