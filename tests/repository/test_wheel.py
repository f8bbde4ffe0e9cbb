"""What is installed into other people's projects: acetate and nothing beside it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


def run(*command: str | Path, cwd: Path) -> str:
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy, so that the checkout stays as it is."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("acetate", "app", "docs", "tests"):
        shutil.copytree(REPOSITORY / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(REPOSITORY / name, source)
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", target, cwd=source)
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def project(wheel, tmp_path_factory):
    """A project with an `app` package of its own, and the wheel in its own environment. Dependencies are lent by ours:
    a path in a .pth file brings packages along, but not the editable install."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "app").mkdir()
    (folder / "app" / "__init__.py").write_text("NAME = 'their own'\n")
    venv.create(folder / ".venv", symlinks=True)
    python = folder / ".venv" / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel, cwd=folder)
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip()
    (Path(site) / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return folder


def test_the_wheel_holds_acetate_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {"acetate", "acetate-0.1.0.dist-info"}
    assert not [name for name in names if name.endswith((".pyc", ".swp"))]


def test_the_wheel_holds_every_file_of_the_package(wheel):
    source = {
        file.relative_to(REPOSITORY).as_posix()
        for file in (REPOSITORY / "acetate").rglob("*")
        if file.is_file() and file.suffix != ".pyc"
    }
    assert source <= set(zipfile.ZipFile(wheel).namelist())
    assert "acetate/py.typed" in source
    assert [name for name in source if name.startswith("acetate/providers/") and name.endswith(".toml")]


def test_the_wheel_carries_its_licence(wheel):
    assert "acetate-0.1.0.dist-info/licenses/LICENSE" in zipfile.ZipFile(wheel).namelist()


def test_a_project_keeps_its_own_app_package(project):
    python = project / ".venv" / "bin" / "python"
    said = run(python, "-c", "import acetate, app; print(acetate.__file__); print(app.NAME)", cwd=project)
    where, name = said.splitlines()
    assert Path(where).is_relative_to(project)
    assert name == "their own"


def test_the_command_works_where_it_is_installed(project):
    assert run(project / ".venv" / "bin" / "acetate", "--help", cwd=project).startswith("usage: acetate")
