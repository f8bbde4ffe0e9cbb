"""The image and the compose file, as far as they can be checked where no engine runs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from app.settings import PREFIX, Settings
from tests.repository.lock import pinned

REPOSITORY = Path(__file__).parents[2]
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = (REPOSITORY / "compose.yaml").read_text(encoding="utf-8")
SERVED = {PREFIX + name.upper() for name in Settings.model_fields}
IMPORTED = """
import importlib.metadata, json, re, sys
sys.path.insert(0, ".")
pinned = set(json.loads(sys.argv[1]))
owners = importlib.metadata.packages_distributions()

class OnlyPinned:
    def find_spec(self, name, path=None, target=None):
        named = {re.sub("[-_.]+", "-", each).lower() for each in owners.get(name.partition(".")[0], [])}
        if named and not named & pinned:
            raise ModuleNotFoundError(f"{name} is not in the image", name=name)

sys.meta_path.insert(0, OnlyPinned())
import app.__main__, app.main
print(app.main.__file__)
"""


def copied() -> list[tuple[str, str]]:
    return [(found[1], found[2]) for found in re.finditer(r"^COPY (\S+) (\S+)$", DOCKERFILE, re.MULTILINE)]


@pytest.fixture(scope="module")
def image(tmp_path_factory) -> Path:
    """The files that the image would hold."""
    root = tmp_path_factory.mktemp("image")
    for source, target in copied():
        place = root / (source if target == "./" else target)
        place.parent.mkdir(parents=True, exist_ok=True)
        if (REPOSITORY / source).is_dir():
            shutil.copytree(REPOSITORY / source, place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(REPOSITORY / source, place)
    return root


def test_what_is_copied_is_let_through_by_the_ignore_file():
    let = {line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {source for source, _ in copied()} == let


def test_the_service_starts_from_the_files_and_the_distributions_of_the_image(image):
    ran = subprocess.run(
        [sys.executable, "-P", "-c", IMPORTED, json.dumps(list(pinned("service.txt")))],
        cwd=image,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    assert Path(ran.stdout.strip()).is_relative_to(image)


def test_the_image_starts_and_can_be_asked_whether_it_is_ready():
    healthcheck = re.search(r"HEALTHCHECK .*\n\s+CMD (\[.*\])", DOCKERFILE)
    assert "/health/ready" in json.loads(healthcheck[1])[2]
    command = json.loads(re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)[-1])
    help_ = subprocess.run(
        [sys.executable, *command[1:4], "--help"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert help_.returncode == 0, help_.stderr
    assert {"--host", "--port"} <= set(re.findall(r"--\w+", help_.stdout))


def test_it_does_not_run_as_root_and_keeps_its_data_in_a_volume():
    before_start = DOCKERFILE.partition("USER acetate")
    assert "CMD [" in before_start[2]
    assert "VOLUME /srv/data" in DOCKERFILE


@pytest.mark.parametrize("text", [DOCKERFILE, COMPOSE], ids=["Dockerfile", "compose.yaml"])
def test_every_variable_that_is_set_is_a_setting(text):
    names = set(re.findall(rf"\b{PREFIX}\w+", text))
    assert names - SERVED == set()
    assert f"{PREFIX}DATABASE_URL" in names


def test_compose_waits_for_a_database_that_the_service_can_reach():
    services = yaml.safe_load(COMPOSE)["services"]
    assert services["service"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert "@database/acetate" in services["service"]["environment"][f"{PREFIX}DATABASE_URL"]
    assert services["database"]["environment"]["POSTGRES_DB"] == "acetate"
