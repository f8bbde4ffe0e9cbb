"""The import rules of pyproject.toml hold, and each of them notices when it is broken."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
CONTRACTS = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
VIOLATIONS = [
    ("layers", "acetate/errors.py", "import acetate.body"),
    ("layers", "acetate/contract.py", "import acetate.snapshot"),
    ("layers", "acetate/misplaced.py", ""),
    ("toolkit-alone", "acetate/path.py", "import app"),
    ("toolkit-alone", "acetate/path.py", "from fastapi import FastAPI"),
    ("toolkit-alone", "acetate/path.py", "import starlette.routing"),
    ("toolkit-alone", "acetate/path.py", "def late():\n    import sqlalchemy"),
    ("vcr-door", "acetate/cassette.py", "from vcr.cassette import Cassette"),
    ("pytest-door", "acetate/cassette.py", "import pytest"),
    ("pytest-door", "app/__init__.py", "from _pytest.config import Config"),
    ("service-layers", "app/errors.py", "import app.settings\nimport app.database"),
    ("service-layers", "app/auth/person.py", "import app.health"),
    ("service-layers", "app/misplaced.py", ""),
    ("services-decide", "app/auth/service.py", "from fastapi import Depends"),
    ("services-decide", "app/auth/service.py", "import starlette.requests"),
    ("routes-translate", "app/auth/routes.py", "from sqlalchemy import select"),
    ("auth-door", "app/main.py", "from jose import jwt"),
    ("auth-door", "app/auth/service.py", "from passlib.context import CryptContext"),
    ("companion-unaware", "app/companion/__init__.py", "import acetate.path"),
]


@pytest.fixture
def copy(tmp_path):
    for package in ("acetate", "app"):
        shutil.copytree(REPOSITORY / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    return tmp_path


def broken(folder: Path) -> set[str]:
    """The ids of the contracts that do not hold in a folder."""
    run = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = run.stdout.splitlines()
    assert run.returncode in (0, 1), run.stdout + run.stderr
    assert "Contracts: " in run.stdout, run.stdout
    return {
        contract["id"] for contract in CONTRACTS if any(line.startswith(f"{contract['name']} BROKEN") for line in lines)
    }


def test_the_rules_hold_in_a_copy_as_it_is(copy):
    assert broken(copy) == set()


@pytest.mark.parametrize(("contract", "file", "text"), VIOLATIONS)
def test_a_planted_violation_breaks_its_rule_and_no_other(copy, contract, file, text):
    with (copy / file).open("a") as module:
        module.write(f"\n{text}\n")
    assert broken(copy) == {contract}


def test_every_rule_has_a_planted_violation():
    assert {contract["id"] for contract in CONTRACTS} == {contract for contract, _, _ in VIOLATIONS}
