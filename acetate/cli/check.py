"""Verbs that end in a verdict: check, report."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from acetate.amendment import examine_amendment
from acetate.context import context_of
from acetate.errors import UsageError
from acetate.examine import examine
from acetate.project import Project
from acetate.report import render
from acetate.verdict import Verdict, from_json, merged

__all__ = ["check", "report"]

_FORMATS = ("text", "json", "junit", "markdown", "github")
_EXIT = {"passed": 0, "needs-review": 1, "failed": 1, "unknown": 2}


def check(arguments: argparse.Namespace) -> int:
    """Examine cassettes, or (with `--against`) what a commit changed in the approved files."""
    outputs = _outputs(arguments)
    project = Project.open(arguments.root, os.environ)
    context = context_of(
        project.config.project, project.root, os.environ, quick=arguments.format == "text" and not outputs
    )
    if arguments.against:
        verdict = examine_amendment(project, arguments.against, context)
    else:
        files = project.cassettes(arguments.paths)
        verdict = examine(project, files, context, complete=not arguments.paths)
    return _finish(verdict, arguments, outputs)


def report(arguments: argparse.Namespace) -> int:
    """Merge reports."""
    outputs = _outputs(arguments)
    return _finish(merged([_read(Path(path)) for path in arguments.reports]), arguments, outputs)


def _read(path: Path) -> Verdict:
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(
            f"cannot be read: {error.strerror}", where=str(path), next="acetate check --report json=PATH"
        ) from None
    except (ValueError, RecursionError):
        raise UsageError("is not a report", where=str(path), next="acetate check --report json=PATH") from None
    return from_json(document, where=str(path))


def _outputs(arguments: argparse.Namespace) -> list[tuple[str, Path]]:
    """`--report FORMAT=PATH`, checked before any work is done."""
    outputs = []
    for each in arguments.report:
        name, separator, path = each.partition("=")
        if not separator or not path or name not in _FORMATS:
            raise UsageError(
                f"`--report {each}` is not FORMAT=PATH",
                next=f"--report json=acetate.json (formats: {', '.join(_FORMATS)})",
            )
        outputs.append((name, Path(path)))
    return outputs


def _finish(verdict: Verdict, arguments: argparse.Namespace, outputs: list[tuple[str, Path]]) -> int:
    for name, path in outputs:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(render(verdict, name), encoding="utf-8")
        except OSError as error:
            raise UsageError(
                f"the report cannot be written: {error.strerror}", where=str(path), next="name another path"
            ) from None
    text = render(verdict, arguments.format, color=_color(), ascii_only=not _unicode())
    sys.stdout.write(text if text.endswith("\n") else text + "\n")
    return _EXIT[verdict.outcome]


def _color() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") in ("utf8", "utf16", "utf32")
