"""All of the companion's routes."""

from __future__ import annotations

import app.companion.chat.routes
import app.companion.companions.routes
import app.companion.conversations.routes
import app.companion.memory.routes
import app.companion.page.routes
import app.companion.plugins.routes
import app.companion.realtime.routes

__all__ = ["routers"]

routers = (
    app.companion.chat.routes.router,
    app.companion.conversations.routes.router,
    app.companion.companions.routes.router,
    app.companion.memory.routes.router,
    app.companion.plugins.routes.router,
    app.companion.realtime.routes.router,
    app.companion.page.routes.router,
)
