"""Swap: recordings that took their place, or were dropped, without a change to decide on. No decision speaks of them,
so what an undo has to know lies beside the bytes that it restores, under `.acetate/undo/`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from acetate.decision import FileChange
from acetate.files import WORKSPACE, workspace, write_atomic

__all__ = ["Swap", "forget_swap", "keep_swap", "last_swap"]

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Swap:
    """What one command did to approved files and cassettes; `batch` names the command, and later ones sort behind."""

    batch: str
    files: tuple[FileChange, ...] = ()


def keep_swap(root: Path, swap: Swap) -> None:
    workspace(root)
    said = {"version": _VERSION, **asdict(swap)}
    write_atomic(_path(root, swap.batch), (json.dumps(said, indent=2, sort_keys=True) + "\n").encode())


def last_swap(root: Path) -> Swap | None:
    """The last one that was not taken back."""
    for path in sorted(_folder(root).glob("*.json"), reverse=True):
        try:
            said = json.loads(path.read_bytes())
            return Swap(said["batch"], tuple(FileChange(**each) for each in said["files"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


def forget_swap(root: Path, swap: Swap) -> None:
    """It was taken back."""
    _path(root, swap.batch).unlink(missing_ok=True)


def _path(root: Path, batch: str) -> Path:
    return _folder(root) / f"{batch}.json"


def _folder(root: Path) -> Path:
    return root / WORKSPACE / "undo" / "swaps"
