"""Courier: sends what the outbox holds. One thread of each process; a delivery is claimed by moving its time on, so
that several processes never send the same one at once, and one that dies leaves it to the others."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

import structlog
from fastapi import FastAPI
from sqlalchemy import select
from sqlalchemy.orm import Session

from acetate.transport import Answer, Unreachable, send
from app.database import Database
from app.models import Delivery, Project, Run, Webhook, now
from app.runs.address import admits
from app.runs.webhooks import message, signed
from app.settings import Settings

__all__ = ["Courier", "Pace", "lifespan", "status_of"]

log = structlog.get_logger("acetate.courier")

DELAYS: Final = (10.0, 60.0, 300.0, 1800.0, 7200.0, 21600.0)
LONGEST_ERROR: Final = 300


@dataclass(frozen=True)
class Pace:
    """In seconds: how often the outbox is looked at, how long a receiver has, how long a claim lasts, and the pauses
    before each further attempt."""

    look: float = 1.0
    timeout: float = 10.0
    claim: float = 60.0
    delays: tuple[float, ...] = DELAYS
    at_once: int = 5


@dataclass(frozen=True)
class _Errand:
    """A delivery that is ours until its claim ends, and all that sending it takes."""

    id: UUID
    event: str
    attempt: int
    run: Run
    payload: dict[str, Any]
    webhook: Webhook | None
    repository: str | None


class Courier:
    """Sends until it is stopped."""

    def __init__(self, database: Database, settings: Settings, pace: Pace = Pace()) -> None:
        self.database = database
        self.settings = settings
        self.pace = pace
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="courier", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """After the deliveries that are on their way."""
        self._stopping.set()
        self._thread.join()

    def deliver(self) -> int:
        """Send what is due; how many there were."""
        errands = self._claimed()
        for errand in errands:
            answer, error = self._sent(errand)
            self._noted(errand, answer, error)
        return len(errands)

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                sent = self.deliver()
            except Exception as error:  # noqa: BLE001
                # The database may be away for a while, and nothing that one delivery does may stop the others. What is
                # claimed comes back by itself.
                log.warning("deliveries interrupted", error=type(error).__name__)
                sent = 0
            if not sent:
                self._stopping.wait(self.pace.look)

    def _claimed(self) -> list[_Errand]:
        with self.database.read() as session:
            if session.scalar(_due().limit(1)) is None:
                return []  # Nobody waits for the one writer only to see that there is nothing.
        with self.database.write() as session:
            due = session.scalars(_due().limit(self.pace.at_once).with_for_update(skip_locked=True)).all()
            for delivery in due:
                delivery.due_at = now() + timedelta(seconds=self.pace.claim)
                delivery.attempts += 1
            return [_errand(session, delivery) for delivery in due]

    def _sent(self, errand: _Errand) -> tuple[Answer | None, str | None]:
        """The answer, or why there is none; neither where there was nothing to send."""
        try:
            return (self._posted if errand.webhook else self._reported)(errand), None
        except Unreachable as error:
            return None, error.problem

    def _posted(self, errand: _Errand) -> Answer:
        assert errand.webhook is not None
        url = f"{self.settings.public_url}/runs/{errand.run.id}"
        body = message(errand.webhook.style, {"id": str(errand.id), "url": url, **errand.payload})
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "acetate-service",
            "X-Acetate-Event": errand.event,
            "X-Acetate-Delivery": str(errand.id),
            "X-Acetate-Signature": signed(errand.webhook.secret, body, int(time.time())),
        }
        return send("POST", errand.webhook.url, body, headers, timeout=self.pace.timeout, limit=1 << 16, admits=admits)

    def _reported(self, errand: _Errand) -> Answer | None:
        """What GitHub is told is looked up as late as can be, and once more afterwards: of two that are under way at
        the same time the older must not have the last word."""
        token = self.settings.github_token
        if token is None or errand.repository is None:
            return None
        path = f"/repos/{quote(errand.repository)}/statuses/{quote(str(errand.run.commit), safe='')}"
        run: Run | None = errand.run
        answer = None
        while run is not None:
            body = json.dumps(status_of(run, f"{self.settings.public_url}/runs/{run.id}")).encode()
            headers = {
                "Authorization": f"Bearer {token.get_secret_value()}",
                "Accept": "application/vnd.github+json",
                "Content-Type": "application/json",
                "User-Agent": "acetate-service",
            }
            answer = send("POST", self.settings.github_api_url + path, body, headers, timeout=self.pace.timeout)
            run = self._moved_on(run)
        return answer

    def _moved_on(self, run: Run) -> Run | None:
        with self.database.read() as session:
            found = session.get(Run, run.id)
        return found if found and (found.outcome, found.waiting) != (run.outcome, run.waiting) else None

    def _noted(self, errand: _Errand, answer: Answer | None, error: str | None) -> None:
        refused = answer is not None and not 200 <= answer.status < 300
        with self.database.write() as session:
            delivery = session.get(Delivery, errand.id, with_for_update=True)
            if delivery is None:
                return  # The webhook was removed meanwhile.
            delivery.status = answer.status if answer else None
            delivery.error = (f"answered {answer.status}" if answer and refused else error or "")[
                :LONGEST_ERROR
            ] or None
            if delivery.error is None:
                delivery.state = "delivered"
            elif errand.attempt > len(self.pace.delays):
                delivery.state = "given-up"
            else:
                delivery.due_at = now() + timedelta(seconds=self.pace.delays[errand.attempt - 1])
            log.info("delivery", delivery=str(errand.id), event_name=errand.event, state=delivery.state)


def _due() -> Any:
    return select(Delivery).where(Delivery.state == "waiting", Delivery.due_at <= now()).order_by(Delivery.due_at)


def _errand(session: Session, delivery: Delivery) -> _Errand:
    run = session.get_one(Run, delivery.run_id)
    project = session.get_one(Project, run.project)
    webhook = session.get(Webhook, delivery.webhook_id) if delivery.webhook_id else None
    return _Errand(delivery.id, delivery.event, delivery.attempts, run, delivery.payload, webhook, project.repository)


def status_of(run: Run, url: str) -> dict[str, str]:
    """The commit status of a run, as GitHub takes it. Several projects may share a repository."""
    waits = "1 change waits" if run.waiting == 1 else f"{run.waiting} changes wait"
    state, description = {
        "passed": ("success", "No change waits for a decision"),
        "needs-review": ("pending", f"{waits} for a reviewer"),
        "failed": ("pending", f"{waits} for a reviewer") if run.waiting else ("failure", "A change was rejected"),
    }.get(run.outcome, ("error", "Not everything could be looked at"))
    return {"state": state, "description": description, "context": f"acetate/{run.project}", "target_url": url}


@asynccontextmanager
async def lifespan(application: FastAPI) -> AsyncIterator[None]:
    """The courier of this process."""
    courier = Courier(application.state.database, application.state.settings)
    courier.start()
    try:
        yield
    finally:
        await asyncio.to_thread(courier.stop)
