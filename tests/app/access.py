"""Who may use each route: one row for every route of the application. A route without a row fails a test."""

from __future__ import annotations

from typing import Literal

from app.models import Role

PASSWORD = "correct horse battery"
"""Everybody's, in tests."""

Who = Role | Literal["anyone", "person", "job", "caller"]
"""`person`: whoever signed in; `job`: a CI token; `caller`: either; a role: it and the ones above it."""

ROUTES: dict[str, Who] = {
    # app.main
    "GET /openapi.json": "anyone",
    # app.auth
    "POST /token": "anyone",
    "POST /logout": "person",
    "GET /api/v1/me": "person",
    "POST /api/v1/me/password": "person",
    "GET /api/v1/users": Role.ADMIN,
    "POST /api/v1/users": Role.ADMIN,
    "GET /api/v1/users/{user_id}": Role.ADMIN,
    "PATCH /api/v1/users/{user_id}": Role.ADMIN,
    "POST /api/v1/users/{user_id}/password": Role.ADMIN,
    "GET /api/v1/tokens": Role.ADMIN,
    "POST /api/v1/tokens": Role.ADMIN,
    "DELETE /api/v1/tokens/{token_id}": Role.ADMIN,
    # app.health
    "GET /health/live": "anyone",
    "GET /health/ready": "anyone",
    "GET /metrics": Role.ADMIN,
    # app.runs, app.reviews
    "POST /api/v1/runs/missing": "caller",
    "POST /api/v1/runs": "caller",
    "GET /api/v1/runs": "person",
    "GET /api/v1/runs/{run_id}": "person",
    "GET /api/v1/runs/{run_id}/status": "caller",
    "GET /api/v1/status": "caller",
    "GET /api/v1/projects": "person",
    "PATCH /api/v1/projects": Role.ADMIN,
    "GET /api/v1/webhooks": Role.ADMIN,
    "POST /api/v1/webhooks": Role.ADMIN,
    "DELETE /api/v1/webhooks/{webhook_id}": Role.ADMIN,
    "GET /api/v1/webhooks/{webhook_id}/deliveries": Role.ADMIN,
    "GET /api/v1/inbox": "person",
    "GET /api/v1/runs/{run_id}/changes": "person",
    "GET /api/v1/runs/{run_id}/changes/{fingerprint}": "person",
    "POST /api/v1/runs/{run_id}/decisions": Role.REVIEWER,
    "GET /api/v1/history": "person",
    "GET /api/v1/decisions": "caller",
    # app.companion
    "GET /api/chat": "person",
    "POST /api/chat": "person",
    "GET /api/v1/conversations/": "person",
    "POST /api/v1/conversations/": "person",
    "GET /api/v1/conversations/{conversation_id}": "person",
    "PATCH /api/v1/conversations/{conversation_id}": "person",
    "DELETE /api/v1/conversations/{conversation_id}": "person",
    "GET /api/v1/conversations/{conversation_id}/messages": "person",
    "GET /api/v1/companions/": "person",
    "POST /api/v1/companions/": "person",
    "GET /api/v1/companions/{companion_id}": "person",
    "PATCH /api/v1/companions/{companion_id}": "person",
    "DELETE /api/v1/companions/{companion_id}": "person",
    "GET /api/v1/memories/": "person",
    "DELETE /api/v1/memories/": "person",
    "DELETE /api/v1/memories/{memory_id}": "person",
    "GET /api/v1/tools/": "person",
    "WS /api/v1/ws": "person",
    "GET /companion": "anyone",
    "GET /companion/{name}": "anyone",
    # app.library
    "GET /api/v1/library": "person",
    "GET /api/v1/library/contract": "person",
    "GET /api/v1/library/snapshot": "person",
    "GET /api/v1/library/field": "person",
}

PAGES: dict[str, Who] = {
    "GET /static/{name}": "anyone",
    "GET /docs": "anyone",
    "GET /sign-in": "anyone",
    "POST /sign-in": "anyone",
    "POST /sign-out": "person",
    "GET /account": "person",
    "POST /account/password": "person",
    "GET /": "person",
    "POST /decisions": Role.REVIEWER,
    "GET /runs": "person",
    "GET /runs/{run_id}": "person",
    "GET /runs/{run_id}/changes/{fingerprint}": "person",
    "POST /runs/{run_id}/changes/{fingerprint}/decision": Role.REVIEWER,
    "GET /history": "person",
    "GET /library": "person",
    "GET /library/contract": "person",
    "GET /library/snapshot": "person",
    "GET /library/field": "person",
    "GET /users": Role.ADMIN,
    "POST /users": Role.ADMIN,
    "POST /users/{user_id}": Role.ADMIN,
    "POST /users/{user_id}/password": Role.ADMIN,
    "GET /tokens": Role.ADMIN,
    "POST /tokens": Role.ADMIN,
    "POST /tokens/{token_id}/revoke": Role.ADMIN,
    "GET /projects": Role.ADMIN,
    "POST /projects": Role.ADMIN,
    "POST /projects/webhooks": Role.ADMIN,
    "GET /projects/webhooks/{webhook_id}": Role.ADMIN,
    "POST /projects/webhooks/{webhook_id}/remove": Role.ADMIN,
}
"""The same for pages, whose visitors show the cookie of a session: tests/app/web/test_access.py."""
