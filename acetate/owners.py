"""Owners: who looks after which files, as the repository's CODEOWNERS says it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["owners_of"]

_PLACES: Final = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")
_TOKENS = re.compile(r"\*\*/|\*\*|\*|\?|[^*?]+")
_TRANSLATED: Final = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


class _Rule(NamedTuple):
    pattern: re.Pattern[str]
    owners: tuple[str, ...]


def owners_of(root: Path, paths: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """The owners of these files of a project, which may lie anywhere in its repository; without those that have none.
    The last rule that fits counts, also when it names nobody."""
    repository = next((each for each in (root, *root.parents) if (each / ".git").exists()), root)
    below = root.relative_to(repository).as_posix()
    rules = _rules(repository)
    found = {path: _owners(path if below == "." else f"{below}/{path}", rules) for path in paths}
    return {path: owners for path, owners in found.items() if owners}


def _owners(path: str, rules: list[_Rule]) -> tuple[str, ...]:
    return next((rule.owners for rule in reversed(rules) if rule.pattern.fullmatch(path)), ())


def _rules(repository: Path) -> list[_Rule]:
    """Those of the first file that is there. A line that is none (a section of GitLab's) says nothing."""
    for place in _PLACES:
        try:
            lines = (repository / place).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        words = (line.partition("#")[0].replace("\\ ", "\0").split() for line in lines)
        return [
            _Rule(_pattern(each[0].replace("\0", " ")), tuple(each[1:]))
            for each in words
            if each and each[0][0] not in "[^"
        ]
    return []


def _pattern(written: str) -> re.Pattern[str]:
    """As in a .gitignore: with a `/` inside it is one path from the top, without one a name anywhere; a folder stands
    for all below it, but `docs/*` for its own files alone."""
    inside = written.strip("/")
    anywhere = "" if "/" in written.rstrip("/") else "(?:.*/)?"
    body = "".join(_TRANSLATED.get(token) or re.escape(token) for token in _TOKENS.findall(inside))
    below = "/.*" if written.endswith("/") else "" if inside.endswith("/*") else "(?:/.*)?"
    return re.compile(anywhere + body + below)
