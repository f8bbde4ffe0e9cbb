"""Verbs that end in a verdict: check, report."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from shlex import join, quote

from acetate.cli.progress import counting
from acetate.context import context_of, git
from acetate.errors import UsageError
from acetate.examine import examine
from acetate.files import WORKSPACE
from acetate.project import Project
from acetate.report import FORMATS, render
from acetate.report.wording import Scope, counted
from acetate.verdict import Context, Verdict, from_json, merged

__all__ = ["check", "examined", "read_report", "report"]

_EVERYTHING = Scope()
_EXIT = {"passed": 0, "needs-review": 1, "failed": 1, "unknown": 2}


def check(arguments: argparse.Namespace) -> int:
    """Examine cassettes, or (with `--against`) what was changed in the approved files since a commit."""
    outputs = _outputs(arguments.report)
    if arguments.against is not None and arguments.paths:
        raise UsageError(
            "`--against` looks at all approved files, so it takes no PATH",
            next=f"acetate check --against {quote(arguments.against)}   or   acetate check {join(arguments.paths)}",
        )
    if arguments.against is not None and arguments.staged:
        raise UsageError("`--staged` and `--against` do not go together", next="leave one of them out")
    project = Project.open(arguments.root, os.environ)
    context = context_of(
        project.config.project, project.root, os.environ, quick=arguments.format == "text" and not outputs
    )
    if arguments.staged:
        verdict = _examined_staged(project, context, arguments.paths)
    else:
        verdict = examined(project, context, arguments.paths, against=arguments.against)
    if arguments.service is not None:
        # Nobody else waits for the HTTP client.
        from acetate.cli.service import decided_there

        verdict = decided_there(project, verdict, arguments.service, arguments.against)
    scope = Scope(arguments.against, arguments.staged, tuple(arguments.paths))
    code = _finish(verdict, arguments.format, outputs, scope=scope, root=project.root)
    if arguments.format == "text" and arguments.against is None and not arguments.staged:
        waiting = sum(1 for _ in (project.root / WORKSPACE / "staged").rglob("*.json"))
        if waiting:
            print(f"\nstaged, waiting for a decision: {counted(waiting, 'recording')}; look: acetate check --staged")
    return code


def examined(project: Project, context: Context, paths: Sequence[str] = (), *, against: str | None = None) -> Verdict:
    """The verdict on cassettes and the project's own API; with `against` on what was approved since a commit."""
    if against is not None:
        # A plain check, which everybody waits for, does without git.
        from acetate.amendment import examine_amendment

        return examine_amendment(project, against, context)
    verdict = examine(project, project.cassettes(paths), context, complete=not paths, counting=counting)
    idle = [f"`cassettes`: no cassette fits `{each}`" for each in project.idle_globs()] if not paths else []
    verdict = replace(verdict, notes=(*verdict.notes, *idle))
    if project.config.app and not paths:
        # Only who has an API under contract waits for it.
        from acetate.provide import with_provided

        verdict = with_provided(verdict, project)
    return verdict


def _examined_staged(project: Project, context: Context, paths: Sequence[str]) -> Verdict:
    """The verdict on the recordings that wait."""
    # Most checks are not of these, and do without the recorder.
    from acetate.promotion import examine_staged, staged_at

    names = {each.name for path in paths for each in staged_at(project, path)}
    return examine_staged(project, context, names or None)


def report(arguments: argparse.Namespace) -> int:
    """Merge reports."""
    outputs = _outputs(arguments.report)
    return _finish(merged([read_report(Path(path)) for path in arguments.reports]), arguments.format, outputs)


def read_report(path: Path) -> Verdict:
    """The verdict in a file. Raises UsageError for what is none."""
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


def _finish(
    verdict: Verdict,
    format: str,
    outputs: Sequence[tuple[str, Path]],
    *,
    scope: Scope = _EVERYTHING,
    root: Path | None = None,
) -> int:
    formats = {format, *(name for name, _ in outputs)}
    # The report of GitHub alone asks git.
    prefix = (git(root, "rev-parse", "--show-prefix") or "") if root is not None and "github" in formats else ""
    for name, path in outputs:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            text = render(verdict, name, scope=scope, prefix=prefix)
            path.write_text(text, encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise UsageError(
                f"the report cannot be written: {error.strerror}", where=str(path), next="name another path"
            ) from None
    if format != "text" and isinstance(sys.stdout, io.TextIOWrapper):
        # A program reads it, which expects UTF-8 whatever this terminal can show.
        sys.stdout.reconfigure(encoding="utf-8")
    text = render(verdict, format, scope=scope, prefix=prefix, color=_color(), ascii_only=not _unicode())
    print(text.removesuffix("\n"))
    return _EXIT[verdict.outcome]


def _color() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") in ("utf8", "utf16", "utf32")
