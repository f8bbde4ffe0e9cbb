"""The backend's testing plan, line by line: docs/testing-plan.md says which tests hold each line. `make test-plan` runs
them and all others of the backend, with coverage, and prints last how many of the lines are covered."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

__all__ = ["PAGE", "REPOSITORY", "Line", "exists", "lines", "main"]

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs" / "testing-plan.md"
BACKEND = "tests/app"
EVERY_CORE = ["-n", "auto", "--dist", "loadfile"]
COVERAGE = ["--cov=app", "--cov-report=term-missing", "--cov-fail-under=90"]
_ROW = re.compile(r"^\| (?P<section>\d(?:\.\d)?) \| (?P<text>.+?) \| (?P<tests>.+?) \|$", re.MULTILINE)
_TEST = re.compile(r"`(tests/[^`]+)`")


@dataclass(frozen=True)
class Line:
    """A line of the plan. `tests` are paths of files, or `path::test`."""

    section: str
    text: str
    tests: tuple[str, ...]


def lines(page: str) -> list[Line]:
    return [Line(row["section"], row["text"], tuple(_TEST.findall(row["tests"]))) for row in _ROW.finditer(page)]


def exists(test: str) -> bool:
    """True if there is such a file, and such a test in it."""
    path, _, name = test.partition("::")
    file = REPOSITORY / path
    if not file.is_file():
        return False
    return not name or name in set(_tests(ast.parse(file.read_text(encoding="utf-8"))))


def _tests(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node.name


class _Outcomes:
    """What each test of a run said, by its id without parameters."""

    def __init__(self) -> None:
        self.passed: set[str] = set()
        self.failed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        test = report.nodeid.partition("[")[0]
        if report.failed:
            self.failed.add(test)
        elif report.when == "call" and report.passed:
            self.passed.add(test)

    def hold(self, wanted: str) -> bool:
        """True if it ran, and all of it passed."""
        return _among(wanted, self.passed) and not _among(wanted, self.failed)


def _among(wanted: str, tests: set[str]) -> bool:
    return any(test == wanted or test.startswith(f"{wanted}::") for test in tests)


def main() -> int:
    plan = lines(PAGE.read_text(encoding="utf-8"))
    outcomes = _Outcomes()
    elsewhere = sorted({test for line in plan for test in line.tests if not test.startswith(f"{BACKEND}/")})
    code = pytest.main(["-q", *EVERY_CORE, *COVERAGE, BACKEND, *elsewhere], plugins=[outcomes])
    covered = [line for line in plan if line.tests and all(map(outcomes.hold, line.tests))]
    for line in plan:
        if line not in covered:
            sys.stdout.write(f"not covered: {line.section} {line.text}\n")
    sys.stdout.write(f"lines of the plan covered: {len(covered)} of {len(plan)}\n")
    return int(code) or len(covered) != len(plan)


if __name__ == "__main__":
    sys.exit(main())
