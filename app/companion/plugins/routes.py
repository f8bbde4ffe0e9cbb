"""The tools that companions may be given."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.auth.access import CurrentPerson
from app.companion.rate import ordinary
from app.companion.room import CompanionRoom
from app.errors import problems
from app.paging import Page

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/tools", tags=["plugins"], responses=problems(401, 429), dependencies=[ordinary])


class ToolOut(BaseModel):
    name: str = Field(examples=["calculator"])
    description: str = Field(examples=["The value of an arithmetic expression."])
    parameters: dict[str, Any] = Field(description="A JSON Schema")


@router.get("/")
def list_tools(_: CurrentPerson, room: CompanionRoom) -> Page[ToolOut]:
    """All of them, by name."""
    tools = sorted(room.plugins.tools.values(), key=lambda tool: tool.name)
    items = [ToolOut(name=tool.name, description=tool.description, parameters=dict(tool.parameters)) for tool in tools]
    return Page(items=items, total=len(items))
