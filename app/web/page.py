"""Pages: templates filled with values, under a policy that lets nothing but our own files run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import Depends
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from acetate.report.wording import counted
from app.auth.sessions import FIELD, CurrentVisit, GuardedVisit, Visit
from app.errors import Forbidden, Unauthorized
from app.models import Role, now
from app.web import asset, done, wording

__all__ = ["POLICY", "AdminSender", "AdminVisitor", "ReviewerSender", "Sender", "Visitor", "page"]

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def _with_code(text: str) -> Markup:
    """Our own sentences, with what stands in backticks as code."""
    words = text.split("`")
    return Markup().join(Markup("<code>{}</code>").format(each) if n % 2 else each for n, each in enumerate(words))


TEMPLATES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
TEMPLATES.globals.update(
    asset=asset.address,
    chosen_value=done.value_of,
    commands=wording.commands,
    counted_now=wording.counted_now,
    csrf_field=FIELD,
    edges=wording.EDGES,
    kind_of=wording.kind_of,
    label=wording.label,
    labels=wording.LABELS,
    meaning=wording.meaning,
    outcomes=wording.OUTCOMES,
    roles=list(Role),
    sides_of=wording.shown_sides,
    since=wording.since,
    tally=wording.tally,
)
TEMPLATES.filters.update(
    ago=lambda at: wording.ago(at, now()),
    counted=counted,
    lines=wording.lines,
    moment=wording.moment,
    safe_link=wording.safe_link,
    shown=wording.shown,
    with_code=_with_code,
)


def page(
    template: str, *, visit: Visit | None, status: int = 200, headers: dict[str, str] | None = None, **values: Any
) -> HTMLResponse:
    """The answer: a whole page, whoever asks."""
    html = TEMPLATES.get_template(template).render(visit=visit, **values)
    return HTMLResponse(html, status, {"Content-Security-Policy": POLICY, **(headers or {})})


async def _visitor(request: Request, visit: CurrentVisit) -> Visit:
    if visit is None:
        raise Unauthorized()
    request.state.visit = visit
    return visit


Visitor = Annotated[Visit, Depends(_visitor)]
"""Whoever signed in."""


async def _sender(visit: Visitor, _: GuardedVisit) -> Visit:
    return visit


Sender = Annotated[Visit, Depends(_sender)]
"""Whoever sent a form from one of our pages."""


def _at_least(visit: Visit, role: Role) -> None:
    """Raises Forbidden for whoever has a lower role."""
    if not visit.person.role.includes(role):
        raise Forbidden("role-too-low", f"This takes the role {role}; yours is {visit.person.role}.")


async def _admin(visit: Visitor) -> Visit:
    _at_least(visit, Role.ADMIN)
    return visit


async def _admin_sender(visit: Sender) -> Visit:
    _at_least(visit, Role.ADMIN)
    return visit


async def _reviewer_sender(visit: Sender) -> Visit:
    _at_least(visit, Role.REVIEWER)
    return visit


AdminVisitor = Annotated[Visit, Depends(_admin)]
AdminSender = Annotated[Visit, Depends(_admin_sender)]
ReviewerSender = Annotated[Visit, Depends(_reviewer_sender)]
