"""Reports: a verdict in the words of whoever reads it. One small file per format; values in, text out."""

from __future__ import annotations

from typing import Final

from acetate.errors import UsageError
from acetate.report.wording import Scope
from acetate.verdict import Verdict

__all__ = ["FORMATS", "render"]

FORMATS: Final = ("text", "json", "junit", "markdown", "github")
_EVERYTHING: Final = Scope()


def render(
    verdict: Verdict,
    format: str,
    *,
    scope: Scope = _EVERYTHING,
    color: bool = False,
    ascii_only: bool = False,
    link: str | None = None,
    prefix: str = "",
) -> str:
    """The verdict as text that ends with a line end; `scope` is what was asked for. `color` and `ascii_only` are for
    `text`: what the terminal can do. `link` is for `markdown`: the page on which the changes are reviewed. `prefix` is
    for `github`: where the project lies in its repository."""
    # One format is used per run, and two of them need libraries that the others should not wait for.
    match format:
        case "text":
            from acetate.report import text

            return text.render(verdict, scope=scope, color=color, ascii_only=ascii_only)
        case "json":
            from acetate.report import json

            return json.render(verdict)
        case "junit":
            from acetate.report import junit

            return junit.render(verdict, scope=scope)
        case "markdown":
            from acetate.report import markdown

            return markdown.render(verdict, scope=scope, link=link)
        case "github":
            from acetate.report import github

            return github.render(verdict, scope=scope, prefix=prefix)
    raise UsageError(f"`{format}` is not a format of reports", next=f"one of {', '.join(FORMATS)}")
