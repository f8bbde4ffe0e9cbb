"""Records this repository's own cassettes again, and approves them: `make record`.

A test's stand-in of Together AI answers it, on this machine; neither a key nor the network is needed. What is recorded
as it was stays, with the time at which it was recorded first. `python -m tests.recorded.record PATH...` records some
tests only.
"""

from __future__ import annotations

import os
import subprocess
import sys

from acetate.project import Project
from acetate.staging import Staged, all_staged, set_aside
from tests.recorded.place import REPOSITORY

__all__ = ["FOLDERS", "REASON", "main"]

FOLDERS = ["tests/recorded"]
"""The tests whose cassettes are this repository's own."""
REASON = "recorded by `make record` from the stand-in in tests/standin; Together AI answered nothing"


def main(paths: list[str]) -> int:
    """The exit code of the first step that failed."""
    code = run("pytest", "-q", "-p", "acetate", "--record-mode=rewrite", *(paths or FOLDERS))
    if code:
        return code
    project = Project.open(REPOSITORY, os.environ)
    same = [each for each in all_staged(REPOSITORY) if is_as_it_was(project, each)]
    for each in same:
        set_aside(REPOSITORY, each.name, None)
    sys.stdout.write(f"\n{len(same)} cassettes are as they were\n\n")
    sys.stdout.flush()
    return accept() or (accept("--staged") if all_staged(REPOSITORY) else 0)


def is_as_it_was(project: Project, staged: Staged) -> bool:
    """True if the same was asked and answered, though at another time."""
    new, old = (
        [(project.observed(each).entry.match_key, each.response) for each in project.exchanges(file)]
        for file in (staged.file, project.cassette_file(staged.name))
    )
    return new == old


def accept(*options: str) -> int:
    return run("acetate", "--root", str(REPOSITORY), "accept", "--all", *options, "--reason", REASON)


def run(*module: str) -> int:
    return subprocess.run([sys.executable, "-m", *module], cwd=REPOSITORY, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
