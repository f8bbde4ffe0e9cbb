"""Plugins add to a companion and cannot break it."""

from __future__ import annotations

import sys
import threading
import time
from importlib.metadata import EntryPoint
from types import SimpleNamespace
from uuid import uuid4

import pytest
from freezegun import freeze_time

from app.companion.plugins import registry
from app.companion.plugins.calculator import Calculator, calculated
from app.companion.plugins.clock import Clock
from app.companion.plugins.hooks import GROUP, Talk, Tool, ToolFailure, hook
from app.companion.plugins.registry import Plugins, installed
from app.companion.plugins.wordlist import Wordlist
from app.companion.prompt import Prompt, compose
from app.companion.reply import ToolCall
from tests.app.engines import ONLY_SQLITE

TALK = Talk(uuid4(), uuid4(), "Ada")
PROMPT = compose("You are Ada.", [], [], "Hello?", budget=1000)


class Shouting:
    @hook
    def before_prompt(self, prompt):
        return prompt.told("Shout.")

    @hook
    def after_reply(self, text, talk):
        return f"{talk.companion}: {text.upper()}"


class Broken:
    @hook
    def before_prompt(self):
        raise RuntimeError("broken")

    @hook
    def after_reply(self):
        raise SystemError("broken")

    @hook
    def tools(self):
        raise ValueError("broken")


class Wrong:
    """Gives what nobody asked for."""

    @hook
    def before_prompt(self):
        return "not a prompt"

    @hook
    def after_reply(self):
        return 7

    @hook
    def tools(self):
        return ["not a tool"]


class Hanging:
    def __init__(self):
        self.released = threading.Event()

    @hook
    def after_reply(self):
        self.released.wait(10)


class Quitting:
    """Believes that it is a program of its own."""

    @hook
    def before_prompt(self):
        raise SystemExit(2)

    @hook
    def after_reply(self):
        raise StopIteration

    @hook
    def tools(self):
        sys.exit("bye")


def quitting_tool(_arguments):
    raise SystemExit("bye")


class Misspelt:
    @hook
    def before_promt(self, prompt):
        return prompt


class Tools:
    def __init__(self, run):
        self.run = run

    @hook
    def tools(self):
        return [Tool("tool", "A tool.", self.run)]


async def called(run, arguments="{}"):
    return await Plugins([Tools(run)], seconds=0.2).call(ToolCall("call_1", "tool", arguments), ["tool"])


# --- hooks ------------------------------------------------------------------------------------------------------------


async def test_each_plugin_changes_what_the_one_before_it_left():
    plugins = Plugins([Shouting(), Wordlist(["hello"])])
    assert (await plugins.before_prompt(PROMPT, TALK)).instructions == (
        "You are Ada.",
        "Shout.",
        "Never use these words: hello.",
    )
    assert await plugins.after_reply("hello, Othello", TALK) == "Ada: *****, OTHELLO"


@pytest.mark.parametrize("broken", [Broken, Wrong, Quitting])
async def test_a_plugin_that_fails_is_passed_over_and_the_others_are_not(broken):
    plugins = Plugins([broken(), Shouting(), broken(), Clock()])
    assert (await plugins.before_prompt(PROMPT, TALK)).instructions[-1] == "Shout."
    assert await plugins.after_reply("hello", TALK) == "Ada: HELLO"
    assert list(plugins.tools) == ["clock"]


async def test_a_plugin_that_hangs_is_not_waited_for():
    hanging = Hanging()
    began = time.monotonic()
    try:
        assert await Plugins([hanging, Shouting()], seconds=0.1).after_reply("hello", TALK) == "Ada: HELLO"
    finally:
        hanging.released.set()
    assert time.monotonic() - began < 5


async def test_what_hangs_takes_the_threads_of_nobody_and_does_not_keep_the_process():
    """A pool has a few threads, and one of it that hangs is waited for at the end."""
    hanging = Hanging()
    before = set(threading.enumerate())
    try:
        for _ in range(20):
            await Plugins([hanging], seconds=0.01).after_reply("hello", TALK)
        began = time.monotonic()
        assert await Plugins([Shouting()]).after_reply("hello", TALK) == "Ada: HELLO"
        assert time.monotonic() - began < 1
        left = set(threading.enumerate()) - before
        assert len(left) >= 20
        assert all(thread.daemon for thread in left)
    finally:
        hanging.released.set()


async def test_a_plugin_without_the_hook_is_not_asked(monkeypatch):
    monkeypatch.setattr(registry, "apart", None)
    assert await Plugins([Clock(), Calculator()]).after_reply("hello", TALK) == "hello"


async def test_what_is_no_plugin_is_left_out():
    same = Shouting()
    plugins = Plugins([Misspelt(), same, same])
    assert await plugins.after_reply("hello", TALK) == "Ada: HELLO"


async def test_what_a_plugin_says_can_be_stored():
    class Nul:
        @hook
        def after_reply(self):
            return "a\0b\ud800"

    assert await Plugins([Nul()]).after_reply("", TALK) == "ab?"


# --- tools ------------------------------------------------------------------------------------------------------------


async def test_a_tool_gets_its_arguments_and_says_text():
    assert await called(lambda arguments: f"got {arguments['a']}", '{"a": 1}') == "got 1"
    assert await called(lambda arguments: str(arguments), "") == "{}"


def failing(_):
    raise ToolFailure("There is no such city.")


def crashing(_):
    raise RuntimeError("secret")


@pytest.mark.parametrize(
    ("run", "arguments", "said"),
    [
        (failing, "{}", "There is no such city."),
        (crashing, "{}", "The tool failed."),
        (quitting_tool, "{}", "The tool failed."),
        (lambda _: time.sleep(0.5), "{}", "The tool failed."),
        (str, "{", "The arguments are not JSON."),
        (str, "[" * 100_000, "The arguments are not JSON."),
        (str, "[]", "The arguments are not a JSON object."),
        (lambda _: "x" * 9000, "{}", "x" * 4000),
        (lambda _: None, "{}", "None"),
    ],
)
async def test_what_goes_wrong_in_a_tool_is_said_to_the_model(run, arguments, said):
    assert await called(run, arguments) == said


async def test_a_tool_that_was_not_offered_is_not_run():
    plugins = Plugins([Tools(crashing)])
    assert await plugins.call(ToolCall("call_1", "tool", "{}"), []) == "There is no tool 'tool'."
    assert await plugins.call(ToolCall("call_1", "other", "{}"), ["other"]) == "There is no tool 'other'."
    assert plugins.offered(["gone", "tool"]) == [plugins.tools["tool"]]


# --- what is installed ------------------------------------------------------------------------------------------------


def test_plugins_of_other_packages_come_by_entry_point_and_may_fail(monkeypatch):
    theirs = SimpleNamespace(Shouting=Shouting, instance=Wrong(), crashing=lambda: 1 / 0)
    monkeypatch.setitem(sys.modules, "their_plugins", theirs)
    values = ["their_plugins:Shouting", "their_plugins:instance", "their_plugins:crashing", "no_such_module:thing"]
    points = [EntryPoint(value, value, GROUP) for value in values]
    monkeypatch.setattr(registry, "entry_points", lambda group: [point for point in points if point.group == group])
    assert [type(plugin) for plugin in installed()] == [Shouting, Wrong]


# --- shipped ----------------------------------------------------------------------------------------------------------


@freeze_time("2026-11-22 18:30", real_asyncio=True)
def test_the_clock_knows_the_day_and_the_zone():
    clock = Clock()
    assert clock.now({}) == clock.now({"time_zone": "utc"}) == "Sunday, 2026-11-22 18:30 UTC"
    assert clock.now({"time_zone": "Asia/Tokyo"}) == "Monday, 2026-11-23 03:30 JST"


@pytest.mark.parametrize("zone", ["Atlantis", "../../etc/passwd", "/etc/passwd", "Europe", "\0", "x" * 5000])
def test_a_zone_that_there_is_not_is_said(zone):
    with pytest.raises(ToolFailure, match="There is no time zone"):
        Clock().now({"time_zone": zone})


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3", "7"),
        (" (1 + 2) * 3 ", "9"),
        ("-2 ** 2", "-4"),
        ("7 // 2 + 7 % 2", "4"),
        ("1 / 4", "0.25"),
        ("sqrt(16) + abs(-1) + round(2.6)", "8.0"),
        ("2 ** 100", str(2**100)),
        ("cos(pi) + log(e)", "0.0"),
        ("+1e3", "1000.0"),
    ],
)
def test_arithmetic_is_calculated(expression, value):
    assert Calculator().run({"expression": expression}) == value


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "1 +",
        "1 / 0",
        "9 ** 9 ** 9",
        "10 ** 101",
        "1e308 * 10",
        "(-1) ** 0.5",
        "exp(1000)",
        "sqrt(-1)",
        "__import__('os')",
        "().__class__",
        "'a' * 9",
        "[1] * 9",
        "True + 1",
        "1j",
        "abs(1, 2)",
        "abs(x=1)",
        "unknown",
        "lambda: 1",
        "1 if 1 else 2",
        "1 << 9",
        "~1",
        "(" * 99 + ")" * 99,
        "1+" * 150 + "1",
        "2 ** 99 % 1e-320 + nan",
        "1\0",
    ],
)
def test_everything_else_is_refused(expression):
    with pytest.raises(ToolFailure):
        calculated(expression)


def test_an_empty_wordlist_says_nothing():
    wordlist = Wordlist(["", "  "])
    assert wordlist.before_prompt(PROMPT) is None
    assert wordlist.after_reply("anything") is None


def test_words_are_masked_whole_in_any_case_and_taken_literally():
    wordlist = Wordlist([" darn ", "a.b"])
    assert wordlist.after_reply("Darn! DARNED a.b axb") == "****! DARNED *** axb"
    assert Wordlist(["c++", "#x"]).after_reply("C++, c++11 and #x.") == "***, c++11 and **."


# --- in a chat --------------------------------------------------------------------------------------------------------


@ONLY_SQLITE
def test_the_words_of_the_settings_are_avoided_and_masked(client_told, together):
    user = client_told(companion_blocked_words="darn, heck")
    together.script(say="Well, darn.")
    ada = user.post("/api/v1/companions/", json={"name": "Ada", "remembers": False}).json()["id"]
    answer = user.post("/api/chat", json={"message": "Hello?", "companion_id": ada}).json()
    assert answer["reply"]["content"] == "Well, ****."
    assert together.requests[-1].json["messages"][0]["content"] == "Never use these words: darn, heck."


@ONLY_SQLITE
def test_a_chat_goes_on_with_plugins_that_fail(user, together):
    room = user.app.state.companion
    user.app.state.companion = type(room)(room.together, Plugins([Broken(), Wrong(), Clock()]), room.bus)
    ada = user.post("/api/v1/companions/", json={"name": "Ada", "tools": ["clock"], "remembers": False}).json()["id"]
    answer = user.post("/api/chat", json={"message": "What does the clock say?", "companion_id": ada})
    assert answer.status_code == 200


def test_a_prompt_can_only_be_replaced_by_a_prompt():
    assert isinstance(PROMPT.told("x"), Prompt)
