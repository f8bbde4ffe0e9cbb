"""Signing in and out, one's own password, and the files that every page needs."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form
from starlette.requests import Request
from starlette.responses import Response

from app.auth import service as accounts
from app.auth.access import address_of
from app.auth.passwords import LONGEST, SHORTEST
from app.auth.sessions import CurrentVisit, close_session, from_own_page, open_session
from app.errors import Forbidden, NotFound, Problem
from app.state import AppDatabase, AppSettings
from app.web.asset import assets
from app.web.page import Sender, Visitor, page
from app.web.page_route import local, pages, see

__all__ = ["router"]

router = pages()

KEPT = {True: "public, max-age=31536000, immutable", False: "no-cache"}


@router.get("/static/{name}")
def asset(name: str, v: str = "") -> Response:
    found = assets().get(name)
    if found is None:
        raise NotFound("There is no such file.")
    return Response(found.content, media_type=found.media_type, headers={"Cache-Control": KEPT[v == found.version]})


@router.get("/sign-in")
def sign_in_form(visit: CurrentVisit, next: str = "/", changed: bool = False) -> Response:
    if visit is not None:
        return see(local(next))
    return page("sign_in.html", visit=None, next=local(next), refused="", username="", changed=changed)


@router.post("/sign-in")
def sign_in(
    request: Request,
    settings: AppSettings,
    database: AppDatabase,
    username: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=1000)] = "",
    next: Annotated[str, Form(max_length=4000)] = "/",
) -> Response:
    if not from_own_page(request, settings):
        raise Forbidden("csrf", "This form was sent by another site.")
    try:
        signed_in = accounts.sign_in(
            database,
            settings,
            username=username,
            password=password,
            address=address_of(request),
            audience="acetate:page",
        )
    except Problem as problem:
        return page(
            "sign_in.html",
            visit=None,
            status=problem.status,
            headers=problem.headers,
            next=local(next),
            refused=problem.detail,
            username=username,
            changed=False,
        )
    answer = see(local(next))
    open_session(answer, signed_in, settings)
    return answer


@router.post("/sign-out")
def sign_out(visit: Sender, settings: AppSettings, database: AppDatabase) -> Response:
    with database.write() as session:
        accounts.sign_out(session, visit.person)
    answer = see("/sign-in")
    close_session(answer, settings)
    return answer


@router.get("/account")
def show(visit: Visitor) -> Response:
    return page("account.html", visit=visit, problem=None, shortest=SHORTEST, longest=LONGEST)


@router.post("/account/password")
def change_password(
    request: Request,
    visit: Sender,
    settings: AppSettings,
    database: AppDatabase,
    current: Annotated[str, Form(max_length=LONGEST)],
    new: Annotated[str, Form(min_length=SHORTEST, max_length=LONGEST)],
) -> Response:
    """Every session of the user ends with the old password, this one too."""
    try:
        accounts.change_password(
            database, settings, visit.person, current=current, new=new, address=address_of(request)
        )
    except Problem as problem:
        return page(
            "account.html", visit=visit, status=problem.status, problem=problem, shortest=SHORTEST, longest=LONGEST
        )
    answer = see("/sign-in?changed=1")
    close_session(answer, settings)
    return answer
