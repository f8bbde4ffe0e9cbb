"""Verbs that end in a verdict: check, report."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from acetate.cli.progress import counting
from acetate.context import context_of
from acetate.errors import UsageError
from acetate.examine import examine
from acetate.project import Project
from acetate.report import FORMATS, render
from acetate.verdict import Verdict, from_json, merged

__all__ = ["check", "report"]

_EXIT = {"passed": 0, "needs-review": 1, "failed": 1, "unknown": 2}


def check(arguments: argparse.Namespace) -> int:
    """Examine cassettes, or (with `--against`) what was changed in the approved files since a commit."""
    outputs = _outputs(arguments.report)
    if arguments.against is not None and arguments.paths:
        raise UsageError(
            "`--against` looks at all approved files, so it takes no PATH",
            next=f"acetate check --against {arguments.against}   or   acetate check {' '.join(arguments.paths)}",
        )
    project = Project.open(arguments.root, os.environ)
    context = context_of(
        project.config.project, project.root, os.environ, quick=arguments.format == "text" and not outputs
    )
    if arguments.against is not None:
        # A plain check, which everybody waits for, does without git.
        from acetate.amendment import examine_amendment

        verdict = examine_amendment(project, arguments.against, context)
    else:
        files = project.cassettes(arguments.paths)
        verdict = examine(project, files, context, complete=not arguments.paths, counting=counting)
        if project.config.app and not arguments.paths:
            # Only who has an API under contract waits for it.
            from acetate.provide import with_provided

            verdict = with_provided(verdict, project)
    code = _finish(verdict, arguments.format, outputs)
    if arguments.against is not None and arguments.format == "text" and code == 1:
        print(
            f"\nThese are changes since {arguments.against}: add `--against {arguments.against}` to accept or reject."
        )
    return code


def report(arguments: argparse.Namespace) -> int:
    """Merge reports."""
    outputs = _outputs(arguments.report)
    return _finish(merged([_read(Path(path)) for path in arguments.reports]), arguments.format, outputs)


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


def _outputs(said: Sequence[str]) -> list[tuple[str, Path]]:
    """`--report FORMAT=PATH`, checked before any work is done."""
    outputs = []
    for each in said:
        name, separator, path = each.partition("=")
        if not separator or not path or name not in FORMATS:
            raise UsageError(
                f"`--report {each}` is not FORMAT=PATH",
                next=f"--report json=acetate.json (formats: {', '.join(FORMATS)})",
            )
        outputs.append((name, Path(path)))
    return outputs


def _finish(verdict: Verdict, format: str, outputs: Sequence[tuple[str, Path]]) -> int:
    for name, path in outputs:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(render(verdict, name), encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise UsageError(
                f"the report cannot be written: {error.strerror}", where=str(path), next="name another path"
            ) from None
    if format != "text" and isinstance(sys.stdout, io.TextIOWrapper):
        # A program reads it, which expects UTF-8 whatever this terminal can show.
        sys.stdout.reconfigure(encoding="utf-8")
    print(render(verdict, format, color=_color(), ascii_only=not _unicode()).removesuffix("\n"))
    return _EXIT[verdict.outcome]


def _color() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") in ("utf8", "utf16", "utf32")
