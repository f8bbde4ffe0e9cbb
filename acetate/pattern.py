"""Pattern: which files a configured glob means. `*`, `?` and `[ab]` stay within one name; `**` is any folders,
and any file below where it stands last. A name that begins with a dot is meant only where the pattern says the dot."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from glob import has_magic
from itertools import takewhile
from pathlib import Path
from posixpath import normpath

__all__ = ["matching", "means"]

_ANY_FOLDERS = "**"


def matching(root: Path, pattern: str) -> Iterator[str]:
    """The files that are there, as paths from the root with `/`. Folders that cannot be read hold none."""
    steps = _steps(pattern)
    start = list(takewhile(lambda step: not has_magic(step), steps[:-1]))
    open_steps = steps[len(start) :]
    hidden = any(step.startswith(".") for step in open_steps)
    inside = "/".join([*start, ""])
    # Plain texts, and no Path for each: there can be thousands.
    for path in _below(f"{root}/{inside}", "", hidden):
        if _fit(path.split("/"), open_steps):
            yield inside + path


def means(pattern: str, path: str) -> bool:
    """True if `matching` would find a file at this path."""
    return _fit(path.split("/"), _steps(pattern))


def _steps(pattern: str) -> list[str]:
    return normpath(pattern).split("/")


def _below(folder: str, inside: str, hidden: bool) -> Iterator[str]:
    try:
        entries = os.scandir(folder + inside)
    except OSError:
        return
    with entries:
        for entry in entries:
            if entry.name.startswith(".") and not hidden:
                continue
            # Through links a path may grow until the system refuses it: a Path then says no, an entry raises.
            found = Path(entry.path) if entry.is_symlink() else entry
            if found is not entry and _leads_back(entry.path, folder + inside):
                continue
            if found.is_dir():
                yield from _below(folder, f"{inside}{entry.name}/", hidden)
            elif found.is_file():
                yield inside + entry.name


def _leads_back(link: str, folder: str) -> bool:
    """True for a link to a folder that it lies in, and for one that leads nowhere: following it would never end."""
    try:
        target = os.path.realpath(link, strict=True)
    except OSError:
        return True
    return f"{os.path.realpath(folder)}/".startswith(f"{target}/")


def _fit(names: Sequence[str], steps: Sequence[str]) -> bool:
    if not steps or not names:
        return not steps and not names
    step, name = steps[0], names[0]
    if step == _ANY_FOLDERS:
        if len(steps) == 1:
            return not any(each.startswith(".") for each in names)
        return _fit(names, steps[1:]) or (not name.startswith(".") and _fit(names[1:], steps))
    is_meant = fnmatchcase(name, step) and (step.startswith(".") or not name.startswith("."))
    return is_meant and _fit(names[1:], steps[1:])
