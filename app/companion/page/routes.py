"""The chat page: three files that talk to the companion's API like any other client."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from fastapi import APIRouter
from starlette.responses import FileResponse

__all__ = ["router"]

FOLDER: Final = Path(__file__).parent
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
TYPES: Final = {"chat.css": "text/css", "chat.js": "text/javascript", "icon.svg": "image/svg+xml"}

router = APIRouter(prefix="/companion", include_in_schema=False)


@router.get("")
def page() -> FileResponse:
    return FileResponse(FOLDER / "chat.html", media_type="text/html", headers={"Content-Security-Policy": POLICY})


@router.get("/{name}")
def part(name: Literal["chat.css", "chat.js", "icon.svg"]) -> FileResponse:
    return FileResponse(FOLDER / name, media_type=TYPES[name], headers={"Cache-Control": "no-cache"})
