"""Writes docs/reference/ from the code (`make docs`). A test fails while a page is not what the code says."""

from __future__ import annotations

import argparse
import inspect
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from pydantic.fields import FieldInfo

from acetate.cli.main import parser
from acetate.config import KEYS, Key
from acetate.kind import KINDS
from acetate.profile import profiles
from acetate.provider import Mark, Provider, Route
from app.settings import PREFIX, Settings

FOLDER = Path(__file__).parent / "reference"
NOTE = "<!-- Written by `make docs`: change the code, not this page. -->"


def page(title: str, *parts: str) -> str:
    return "\n\n".join([f"# {title}", NOTE, *parts]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def code(text: object) -> str:
    return f"`{text}`"


# Kinds of change


def kinds() -> str:
    groups = dict.fromkeys(kind.group for kind in KINDS.values())
    return page(
        "Kinds of change",
        "Every difference that Acetate reports is of one of these kinds. *Consume* is what a provider returns to your "
        "backend, *provide* what your backend returns to its clients. `error` breaks, `warn` needs a look, `info` is "
        "listed and passes. `acetate explain KIND` says the same in the terminal.",
        *(section for group in groups for section in (f"## {group}", kinds_of(group))),
    )


def kinds_of(group: str) -> str:
    return table(
        ("kind", "consume", "provide", "seen in", "what it means"),
        (
            (code(kind.id), kind.consume, kind.provide, kind.seen_in, kind.explanation)
            for kind in KINDS.values()
            if kind.group == group
        ),
    )


# Verbs


def verbs() -> str:
    root = parser()
    return page("Verbs", root.description or "", *described(root), *(part for verb in below(root) for part in of(verb)))


def of(verb: argparse.ArgumentParser) -> Iterator[str]:
    """The section of one verb, then those of the verbs below it."""
    yield f"## {verb.prog}"
    yield inspect.cleandoc(verb.description or "")
    yield from described(verb)
    for deeper in below(verb):
        yield from of(deeper)


def described(verb: argparse.ArgumentParser) -> Iterator[str]:
    rows = [(code(written(action)), meaning(action)) for action in verb._actions if listed(action)]
    if rows:
        yield table(("argument", "meaning"), rows)
    if verb.epilog:
        yield f"```\n{inspect.cleandoc(verb.epilog)}\n```"


def below(verb: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    groups = (action for action in verb._actions if isinstance(action, argparse._SubParsersAction))
    return [each for group in groups for each in dict.fromkeys(group.choices.values())]


def listed(action: argparse.Action) -> bool:
    hidden = isinstance(action, argparse._HelpAction | argparse._SubParsersAction)
    return not hidden and action.help != argparse.SUPPRESS


def written(action: argparse.Action) -> str:
    """An argument as one types it: `--against REF`, `-v, --verbose`, `PATH...`."""
    value = action.metavar or (
        "{" + ",".join(map(str, action.choices)) + "}" if action.choices else action.dest.upper()
    )
    several = "..." if action.nargs in ("*", "+", argparse.REMAINDER) else ""
    names = ", ".join(action.option_strings)
    if not names:
        return f"{value}{several}"
    return names if action.nargs == 0 else f"{names} {value}{several}"


def meaning(action: argparse.Action) -> str:
    return (action.help or "") % {**vars(action), "prog": "acetate"}


# Settings


def settings() -> str:
    return page(
        "Settings",
        "In `pyproject.toml` under `[tool.acetate]`, or without that prefix in `acetate.toml`; the nearest one wins.",
        table(("setting", "type", "default", "meaning"), (setting(key) for key in KEYS)),
    )


def setting(key: Key) -> tuple[str, str, str, str]:
    default = "" if key.default is None else code(json.dumps(key.default))
    return code(key.name), key.type, default, key.doc


# Variables of the service


def variables() -> str:
    return page(
        "Variables of the service",
        "Environment variables that `python -m app` reads; [the service](../service.md) says how to run it. One that "
        "begins with `ACETATE_` and is none of these is named in the log at start.",
        table(
            ("variable", "default", "meaning"),
            (variable(PREFIX + name.upper(), field) for name, field in Settings.model_fields.items()),
        ),
    )


def variable(name: str, field: FieldInfo) -> tuple[str, str, str]:
    default = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
    return code(name), "unset" if field.default in (None, "") else code(default), str(field.description)


# Providers


def providers() -> str:
    sections = (part for provider in profiles().values() for part in profile(provider))
    return page(
        "Providers",
        "What Acetate knows of an API without being told. A server that no profile names gets one under its own name: "
        "`openai-compatible` where its paths say so, else `generic`. Settings add to a profile or describe another.",
        *sections,
    )


def profile(provider: Provider) -> Iterator[str]:
    yield f"## {provider.name}"
    facts = {
        "hosts": provider.aliases,
        "base URL variables": provider.base_url_vars,
        "key variables": provider.key_vars,
        "path prefixes": provider.prefixes,
        "headers that are compared": provider.keep_headers,
    }
    yield "\n".join(f"- {fact}: {', '.join(map(code, values))}" for fact, values in facts.items() if values)
    marks = dict.fromkeys(provider.rules.values())
    if marks:
        yield table(("mark", "paths, in every operation"), ((mark, marked(provider.rules, mark)) for mark in marks))
    if provider.routes:
        yield table(("operation", "call", "stream"), (route_row(route) for route in provider.routes))


def marked(rules: Mapping[str, Mark], mark: Mark) -> str:
    return ", ".join(code(path) for path, each in rules.items() if each == mark)


def route_row(route: Route) -> tuple[str, str, str]:
    return code(route.name), code(f"{route.method} {route.path}"), "yes" if route.stream else ""


PAGES = {
    "verbs.md": verbs,
    "settings.md": settings,
    "kinds.md": kinds,
    "providers.md": providers,
    "service.md": variables,
}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, text in PAGES.items():
        (FOLDER / name).write_text(text(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
