"""The hooks of a companion's plugins. A plugin is any object with some of these methods, marked with `hook`:

    from app.companion.plugins.hooks import hook

    class Haiku:
        @hook
        def before_prompt(self, prompt, talk):
            return prompt.told("Answer as a haiku.")

A package offers one by an entry point of the group `acetate_companion.plugins`: the object, or a class or function
without arguments that makes it. A method may leave out arguments. Hooks run in a thread with a few seconds' time; one
that fails is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pluggy

from app.companion.prompt import Prompt

__all__ = ["GROUP", "PROJECT", "Hooks", "Talk", "Tool", "ToolFailure", "hook"]

PROJECT = "acetate_companion"
GROUP = f"{PROJECT}.plugins"

hook = pluggy.HookimplMarker(PROJECT)
_specification = pluggy.HookspecMarker(PROJECT)


@dataclass(frozen=True, slots=True)
class Talk:
    """Where a hook is called: whose conversation, with which companion."""

    user_id: UUID
    conversation_id: UUID
    companion: str


class ToolFailure(Exception):
    """What went wrong, in words for the model."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call. `parameters` is a JSON Schema of an object, `run` takes the parsed object and
    gives text; it may raise ToolFailure."""

    name: str
    description: str
    run: Callable[[Mapping[str, Any]], str]
    parameters: Mapping[str, Any] = field(default_factory=lambda: {"type": "object", "properties": {}})

    def wire(self) -> dict[str, Any]:
        """As a chat completion request offers it."""
        function = {"name": self.name, "description": self.description, "parameters": dict(self.parameters)}
        return {"type": "function", "function": function}


class Hooks:
    """Each is called for every plugin, in the order in which they were added."""

    @_specification
    def before_prompt(self, prompt: Prompt, talk: Talk) -> Prompt | None:
        """The prompt to use instead, or None to leave it."""

    @_specification
    def after_reply(self, text: str, talk: Talk) -> str | None:
        """The reply to store and show instead, or None to leave it. A stream's tokens were seen before."""

    @_specification
    def tools(self) -> Sequence[Tool]:  # type: ignore[empty-body]
        """The tools that companions may be given. Asked once, at the start."""
