"""A service that is started beside a project has a run of it."""

from __future__ import annotations

import json
import shutil

import pytest

from acetate.cli.main import main
from acetate.errors import ConfigError
from app.runs.local import receive_local
from app.runs.service import list_runs
from tests.app.engines import ONLY_SQLITE
from tests.recorded.place import REPOSITORY


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Two recordings that are approved."""
    monkeypatch.delenv("CI", raising=False)
    for name in ("hello", "rate-limit"):
        target = tmp_path / "cassettes" / "chat" / f"{name}.yaml"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / "cassettes" / "chat" / f"{name}.yaml", target)
    (tmp_path / "acetate.toml").write_text('project = "shop"\n')
    assert main(["--root", str(tmp_path), "accept", "--all"]) == 0
    return tmp_path


def test_the_run_is_there_as_if_it_had_been_pushed(database, project):
    assert receive_local(database, project).outcome == "passed"
    with database.read() as session:
        ((run, *_), total) = list_runs(session, project="shop")
    assert (run.project, total) == ("shop", 1)


@ONLY_SQLITE
def test_what_has_changed_waits_for_somebody(database, project):
    file = project / "snapshots" / "cassettes" / "chat" / "hello.json"
    said = json.loads(file.read_text())
    said["exchanges"][0]["body"]["gone"] = "<text>"
    file.write_text(json.dumps(said))
    assert receive_local(database, project).outcome != "passed"


@ONLY_SQLITE
def test_a_project_that_cannot_be_looked_at_says_so(database, tmp_path):
    (tmp_path / "acetate.toml").write_text("nonsense = 1\n")
    with pytest.raises(ConfigError):
        receive_local(database, tmp_path)
