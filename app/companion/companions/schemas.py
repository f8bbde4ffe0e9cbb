"""Companions on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

__all__ = ["CompanionChange", "CompanionIn", "CompanionOut"]

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
SystemPrompt = Annotated[str, StringConstraints(max_length=8000)]
ModelName = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Temperature = Annotated[float, Field(ge=0, le=2, description="How freely the model chooses")]
TopP = Annotated[float, Field(gt=0, le=1)]
MaxTokens = Annotated[int, Field(ge=1, le=32_768, description="The longest reply")]
Tools = Annotated[
    list[str],
    Field(max_length=20, description="Names of tools that the model may call"),
    AfterValidator(lambda names: list(dict.fromkeys(names))),
]

EXAMPLE: JsonDict = {
    "name": "Ada",
    "system_prompt": "You are Ada, a patient tutor of mathematics.",
    "model": "meta-llama/Llama-3.3-70B-Instruct-Turbo",
    "temperature": 0.7,
    "tools": ["calculator"],
    "remembers": True,
}


class CompanionIn(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})

    name: Name
    system_prompt: SystemPrompt = ""
    model: ModelName | None = Field(None, description="The service's own choice where none is named")
    temperature: Temperature | None = None
    top_p: TopP | None = None
    max_tokens: MaxTokens | None = None
    tools: Tools = []
    remembers: bool = Field(True, description="Whether it recalls what was said in other conversations")


class CompanionChange(BaseModel):
    """What is left out stays as it is; null takes a sampling parameter back to the model's own."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"temperature": None, "tools": []}]})

    name: Name = ""
    system_prompt: SystemPrompt = ""
    model: ModelName = ""
    temperature: Temperature | None = None
    top_p: TopP | None = None
    max_tokens: MaxTokens | None = None
    tools: Tools = []
    remembers: bool = True


class CompanionOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str = Field(examples=["Ada"])
    system_prompt: str = Field(examples=["You are Ada, a patient tutor of mathematics."])
    model: str = Field(examples=["meta-llama/Llama-3.3-70B-Instruct-Turbo"])
    temperature: float | None = Field(examples=[0.7])
    top_p: float | None = Field(examples=[None])
    max_tokens: int | None = Field(examples=[None])
    tools: list[str] = Field(examples=[["calculator"]])
    remembers: bool
    created_at: datetime
    updated_at: datetime
