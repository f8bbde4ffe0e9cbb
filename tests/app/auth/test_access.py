"""Every route, asked by everybody: only who may is let in."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from fastapi.routing import iter_route_contexts

from app.models import Role
from tests.app.access import PAGES, ROUTES
from tests.app.engines import ONLY_SQLITE

pytestmark = ONLY_SQLITE

ASKING = ["nobody", "garbage", "job", *Role]


def declared(app) -> set[str]:
    """`METHOD /path` of every route that the application answers; `WS` for a WebSocket."""
    return {
        f"{method} {route.path}"
        for route in iter_route_contexts(app.routes)
        for method in (route.methods or {"WS"}) - {"HEAD", "OPTIONS"}
    }


def lets_in(who, asking) -> bool:
    if who == "anyone":
        return True
    if who in ("job", "caller") and asking == "job":
        return True
    if who in ("person", "caller"):
        return isinstance(asking, Role)
    return isinstance(who, Role) and isinstance(asking, Role) and asking.includes(who)


def test_every_route_has_a_row_and_every_row_a_route(app):
    assert declared(app) == set(ROUTES) | set(PAGES)
    assert set(ROUTES).isdisjoint(PAGES)


@pytest.mark.parametrize("asking", ASKING)
def test_only_who_may_is_let_in(client, as_role, ci_token, asking):
    headers = {
        "nobody": lambda: {},
        "garbage": lambda: {"Authorization": "Bearer act_garbage"},
        "job": lambda: ci_token("chat"),
    }.get(asking, lambda: as_role(asking))()
    wrong = []
    for row, who in ROUTES.items():
        method, path = row.split()
        if method == "WS" or row == "POST /logout":  # in tests/app/companion/, and last of all
            continue
        answer = client.request(method, re.sub(r"\{[^}]+\}", str(uuid4()), path), headers=headers)
        refused = answer.status_code in ((401, 403) if row != "POST /token" else (403,))
        if refused == lets_in(who, asking) or answer.status_code >= 500:
            wrong.append((row, answer.status_code, answer.text))
    assert wrong == []
