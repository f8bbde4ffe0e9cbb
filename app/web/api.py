"""The page on which the API can be read and tried: Swagger UI, which signs in at `/token`."""

from __future__ import annotations

from starlette.responses import Response

from app.web.page import page
from app.web.page_route import pages

__all__ = ["router"]

router = pages()


@router.get("/docs")
def api() -> Response:
    return page("api.html", visit=None)
