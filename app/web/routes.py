"""All pages."""

from __future__ import annotations

from app.web import account, api, change, history, inbox, library, people, projects, run, tokens
from app.web.page_route import pages

__all__ = ["router"]

router = pages()
for each in (account, api, change, history, inbox, library, people, projects, run, tokens):
    router.include_router(each.router)
