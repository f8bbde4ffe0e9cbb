"""Reports: a verdict in the words of whoever reads it. One small file per format; values in, text out."""

from __future__ import annotations

from typing import Final

from acetate.errors import UsageError
from acetate.verdict import Verdict

__all__ = ["FORMATS", "render"]

FORMATS: Final = ("text", "json", "junit", "markdown", "github")


def render(
    verdict: Verdict, format: str, *, color: bool = False, ascii_only: bool = False, link: str | None = None
) -> str:
    """The verdict as text that ends with a line end. `color` and `ascii_only` are for `text`: what the terminal can
    do. `link` is for `markdown`: the page on which the changes are reviewed."""
    # One format is used per run, and two of them need libraries that the others should not wait for.
    match format:
        case "text":
            from acetate.report import text

            return text.render(verdict, color=color, ascii_only=ascii_only)
        case "json":
            from acetate.report import json

            return json.render(verdict)
        case "junit":
            from acetate.report import junit

            return junit.render(verdict)
        case "markdown":
            from acetate.report import markdown

            return markdown.render(verdict, link=link)
        case "github":
            from acetate.report import github

            return github.render(verdict)
    raise UsageError(f"`{format}` is not a format of reports", next=f"one of {', '.join(FORMATS)}")
