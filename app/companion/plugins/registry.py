"""The plugins that are there, called so that none of them can break a chat."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

import pluggy
import structlog

from app.companion.plugins.apart import apart
from app.companion.plugins.hooks import GROUP, PROJECT, Hooks, Talk, Tool, ToolFailure
from app.companion.prompt import Prompt
from app.companion.reply import ToolCall
from app.companion.text import clean

__all__ = ["Plugins", "installed"]

SECONDS = 5.0
LONGEST_RESULT = 4000

log = structlog.get_logger("acetate.companion")
Value = TypeVar("Value")


def installed() -> list[object]:
    """What other packages offer. One that cannot be loaded is logged and left out."""
    return [plugin for point in entry_points(group=GROUP) if (plugin := loaded(point)) is not None]


def loaded(point: EntryPoint) -> object | None:
    try:
        offered = point.load()
        plugin: object = offered() if callable(offered) else offered
    except (Exception, SystemExit) as error:  # noqa: BLE001 - other people's code
        log.warning("plugin not loaded", plugin=point.name, error=repr(error))
        return None
    return plugin


class Plugins:
    """`seconds` is the time that a hook or a tool has."""

    def __init__(self, plugins: Iterable[object], *, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(Hooks)
        self._plugins = [plugin for plugin in plugins if self._added(plugin)]
        self.tools: dict[str, Tool] = {tool.name: tool for plugin in self._plugins for tool in self._offered(plugin)}

    def _added(self, plugin: object) -> bool:
        if self._manager.is_registered(plugin):
            return False
        try:
            self._manager.register(plugin)
            self._manager.check_pending()
        except pluggy.PluginValidationError as error:
            log.warning("plugin not added", plugin=repr(plugin), error=str(error))
            self._manager.unregister(plugin)
            return False
        return True

    def _offered(self, plugin: object) -> list[Tool]:
        try:
            answers: list[Sequence[Tool]] = self._caller("tools", plugin)()
            return [tool for offered in answers for tool in offered if isinstance(tool, Tool)]
        except (Exception, SystemExit) as error:  # noqa: BLE001 - other people's code
            log.warning("plugin failed", hook="tools", plugin=repr(plugin), error=repr(error))
            return []

    def _caller(self, name: str, plugin: object) -> Callable[..., list[Any]]:
        """The hook of this plugin alone: what another one raises must not keep it from being called."""
        return self._manager.subset_hook_caller(name, [other for other in self._plugins if other is not plugin])

    # --- hooks --------------------------------------------------------------------------------------------------------

    async def before_prompt(self, prompt: Prompt, talk: Talk) -> Prompt:
        return await self._changed("before_prompt", "prompt", prompt, talk)

    async def after_reply(self, text: str, talk: Talk) -> str:
        return clean(await self._changed("after_reply", "text", text, talk))

    async def _changed(self, name: str, argument: str, value: Value, talk: Talk) -> Value:
        """The value after every plugin that has the hook has seen it, each after the one before it."""
        for plugin in self._plugins:
            if name not in {caller.name for caller in self._manager.get_hookcallers(plugin) or ()}:
                continue
            call = partial(self._caller(name, plugin), **{argument: value, "talk": talk})
            try:
                answers = await apart(call, self._seconds)
            except Exception as error:  # noqa: BLE001 - other people's code
                log.warning("plugin failed", hook=name, plugin=repr(plugin), error=repr(error))
                continue
            value = next((answer for answer in answers if isinstance(answer, type(value))), value)
        return value

    # --- tools --------------------------------------------------------------------------------------------------------

    def offered(self, names: Iterable[str]) -> list[Tool]:
        """Those of the tools that are still there."""
        return [self.tools[name] for name in names if name in self.tools]

    async def call(self, call: ToolCall, allowed: Iterable[str]) -> str:
        """What the tool says, or in words what went wrong; both are for the model."""
        if call.name not in allowed or call.name not in self.tools:
            return f"There is no tool {call.name!r}."
        try:
            arguments = json.loads(call.arguments or "{}")
        except (ValueError, RecursionError):
            return "The arguments are not JSON."
        if not isinstance(arguments, dict):
            return "The arguments are not a JSON object."
        try:
            said = await apart(lambda: str(self.tools[call.name].run(arguments)), self._seconds)
            return clean(said)[:LONGEST_RESULT]
        except ToolFailure as failure:
            return clean(str(failure))[:LONGEST_RESULT]
        except Exception as error:  # noqa: BLE001 - other people's code
            log.warning("tool failed", tool=call.name, error=repr(error))
            return "The tool failed."
