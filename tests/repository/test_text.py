"""Rules about the repository's own text."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
MODULES = sorted((REPOSITORY / "acetate").rglob("*.py"))
LONGEST = 600
REGISTRY = re.compile(r"\b(pypi|pythonhosted|npmjs|crates|debian|ubuntu)\.(org|io|com)\b", re.IGNORECASE)
MACHINE = re.compile(r"(?<![\w.}>\]-])/(work|root|Users/\w+|home/\w+|opt/\w+)/")


def name(file: Path) -> str:
    return file.relative_to(REPOSITORY).as_posix()


@pytest.fixture(scope="module")
def committed() -> dict[str, str]:
    """The text of every file that git holds or would add."""
    if not (REPOSITORY / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    files = [REPOSITORY / line for line in listed.split("\0") if line]
    return {name(file): file.read_text("utf-8", errors="replace") for file in files if file.is_file()}


def found(pattern: re.Pattern[str], committed: dict[str, str]) -> list[str]:
    return [f"{file}: {match.group()}" for file, text in committed.items() for match in pattern.finditer(text)]


def test_no_file_names_a_package_registry(committed):
    assert found(REGISTRY, committed) == []


def test_no_file_names_a_path_of_one_machine(committed):
    assert found(MACHINE, committed) == []


@pytest.mark.parametrize(
    ("pattern", "text"), [(REGISTRY, "https://files.pythonhosted" + ".org/x"), (MACHINE, "see /ro" + "ot/.cache")]
)
def test_the_patterns_find_what_they_look_for(pattern, text):
    assert found(pattern, {"README.md": text})


def test_uv_lock_is_not_committed_because_it_names_registries(committed):
    assert "uv.lock" not in committed


def test_every_link_between_the_pages_leads_to_a_file(committed):
    links = [
        (page, target)
        for page, text in committed.items()
        if page.endswith(".md")
        for target in re.findall(r"\]\((?!\w+:|#)([^)#\s]+)", text)
    ]
    assert [link for link in links if not (REPOSITORY / link[0]).parent.joinpath(link[1]).exists()] == []
    assert links


def defined(module: ast.Module) -> set[str]:
    """The functions and classes at a module's top whose names do not start with an underscore; pytest finds its hooks
    by itself."""
    hidden = ("_", "pytest_")
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name for node in module.body if isinstance(node, kinds) and not node.name.startswith(hidden)}


def exported(module: ast.Module) -> list[str]:
    for node in module.body:
        match node:
            case ast.Assign(targets=[ast.Name("__all__")], value=value):
                return list(ast.literal_eval(value))
    return []


@pytest.fixture(scope="module")
def used() -> dict[str, set[str]]:
    """What the modules of the toolkit take from each other, by the name of the module that has it."""
    taken: dict[str, set[str]] = defaultdict(set)
    for file in MODULES:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                taken[node.module] |= {alias.name for alias in node.names}
    return taken


@pytest.mark.parametrize("file", MODULES, ids=name)
def test_all_names_everything_that_others_can_use(file, used):
    """That it is sorted is held by ruff (RUF022)."""
    module = ast.parse(file.read_text())
    dotted = name(file).removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    within = {child.stem for child in file.parent.iterdir()} if file.stem == "__init__" else set()
    missing = (defined(module) | used[dotted]) - within - set(exported(module))
    assert missing == set()
    assert len(exported(module)) == len(set(exported(module)))


@pytest.mark.parametrize("file", MODULES, ids=name)
def test_a_file_stays_short_enough_to_be_about_one_noun(file):
    lines = len(file.read_text().splitlines())
    assert lines <= LONGEST, f"{name(file)} has {lines} lines: is there a second noun in it that wants its own file?"


@pytest.mark.skipif(shutil.which("make") is None, reason="no make on this machine")
def test_make_says_what_to_do_where_python_is_too_old(tmp_path):
    old = tmp_path / "python"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    run = subprocess.run(
        ["make", "test", f"VENV={tmp_path}/venv", f"PYTHON={old}"],
        cwd=REPOSITORY,
        check=False,
        capture_output=True,
        text=True,
    )
    assert run.returncode != 0
    assert "needs Python 3.11 or newer" in run.stderr
    assert "next: make test PYTHON=" in run.stderr
    assert not (tmp_path / "venv").exists()


def test_ci_runs_what_make_lists():
    verbs = set(re.findall(r"^([a-z-]+):.*## ", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    called = set(re.findall(r"\bmake ([a-z-]+)", (REPOSITORY / ".ci" / "run").read_text()))
    assert called
    assert called <= verbs
