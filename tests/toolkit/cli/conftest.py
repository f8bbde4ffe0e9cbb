"""The command as a user types it, in the sandbox's folder."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from acetate.cli.main import main


@dataclass(frozen=True)
class Done:
    """What a command left on the screen."""

    code: int
    out: str
    err: str

    @property
    def next(self) -> str:
        """What an error says to type next."""
        return self.err.partition("  next: ")[2].strip()


Run = Callable[..., Done]


def tree(root: Path) -> dict[str, bytes]:
    """Every file below a folder but those of `.acetate/` and `.git/`, by its path."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not {".acetate", ".git"} & set(path.relative_to(root).parts)
    }


@pytest.fixture
def run(sandbox: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(sandbox.root)

    def run(*words: str) -> Done:
        capsys.readouterr()
        try:
            code = main(words)
        except SystemExit as exited:
            code = int(str(exited.code))
        said = capsys.readouterr()
        return Done(code, said.out, said.err)

    return run


@pytest.fixture
def files(sandbox: Any) -> Callable[[], dict[str, bytes]]:
    """The project's files as they are now."""
    return lambda: tree(sandbox.root)


@pytest.fixture
def git(sandbox: Any) -> Callable[..., str]:
    """A git repository in the sandbox, in which nothing is committed yet."""

    def git(*words: str, at: Path | None = None) -> str:
        who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false"]
        done = subprocess.run(
            ["git", *who, "-C", str(at or sandbox.root), *words], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    git("init", "--quiet", "--initial-branch=main")
    (sandbox.root / ".gitignore").write_text(".acetate/\n")
    return git
