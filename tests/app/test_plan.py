"""The backend's testing plan: each line names tests that there are, and its tools and fixtures do what it says."""

from __future__ import annotations

import json
import re
import tomllib
from datetime import timedelta
from pathlib import Path

import freezegun
import httpx
import pytest
import respx
import together
import yaml
from fastapi import FastAPI
from sqlalchemy import text
from starlette.testclient import TestClient

from acetate.cassette import Cassette
from app.database import Database
from app.models import Conversation, Message, Role
from app.settings import Settings
from tests.app.engines import ONLY_POSTGRESQL, ONLY_SQLITE
from tests.app.factories import MemoryFactory, UserFactory, made_in
from tests.app.plan import PAGE, REPOSITORY, exists, lines

PLAN = REPOSITORY.parent / "shared" / "backend-testing-plan.md"
LINES = lines(PAGE.read_text(encoding="utf-8"))
WORKFLOW = REPOSITORY / ".github" / "workflows" / "test.yml"


def bullets(plan: str) -> list[tuple[str, str]]:
    """The lines of the plan that ask for something, with the number of their section's first heading."""
    found, section = [], ""
    for line in plan.splitlines():
        if heading := re.match(r"#+ (\d)", line):
            section = heading[1]
        item = re.match(r" *(?:-|\d\.) (.*\S)", line)
        if item and section in "23456" and not re.search(r":(\*\*)?$", item[1]):
            found.append((section, re.sub(r"\*\*.*?\*\*(?: –)?$|[*]", "", item[1])))
    return [(section, said) for section, said in found if words(said)]


def words(said: str) -> set[str]:
    return {word for word in re.findall(r"[a-z_]{4,}", said.lower()) if word not in ("test", "tests", "with", "calls")}


@pytest.mark.skipif(not PLAN.is_file(), reason="the plan is not beside this repository")
def test_every_line_of_the_plan_is_on_the_page():
    parents = {"auth flow", "input validation", "business logic functions", "edge cases", "db reliability"}
    missing = []
    for section, said in bullets(PLAN.read_text(encoding="utf-8")):
        told = [words(f"{line.text} {line.section}") for line in LINES if line.section.startswith(section)]
        if said.lower().strip() not in parents and not any(
            len(words(said) & each) >= 0.5 * len(words(said)) for each in told
        ):
            missing.append(f"{section} {said}")
    assert missing == []


def test_every_line_names_tests_and_all_of_them_are_there():
    assert [f"{line.section} {line.text}" for line in LINES if not line.tests] == []
    assert [test for line in LINES for test in line.tests if not exists(test)] == []
    assert len(LINES) > 40


def test_a_test_that_is_not_there_is_noticed():
    assert not exists("tests/app/test_plan.py::test_nothing_of_this_name")
    assert not exists("tests/app/test_no_such_file.py")


# --- 4: tools ---------------------------------------------------------------------------------------------------------


def test_the_tools_of_the_plan_are_used():
    groups = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["dependency-groups"]
    named = {re.split(r"[\[>=]", each)[0] for group in groups.values() for each in group if isinstance(each, str)}
    wanted = {"pytest", "pytest-asyncio", "pytest-cov", "httpx", "factory-boy", "freezegun", "respx"}
    assert wanted - named == set()


@ONLY_SQLITE
async def test_an_async_client_talks_to_the_app(app: FastAPI):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        assert (await client.get("/health/live")).status_code == 200


def test_test_data_comes_from_a_factory(db_session):
    with made_in(db_session):
        memory, other = MemoryFactory.create_batch(2)
    db_session.flush()
    asked = db_session.get_one(Message, memory.message_id)
    talk = db_session.get_one(Conversation, asked.conversation_id)
    assert (asked.content, asked.position, talk.last_position) == (memory.content, 1, 1)
    assert (talk.user_id, talk.companion_id) == (memory.user_id, memory.companion_id)
    assert memory.user_id != other.user_id


@ONLY_SQLITE
def test_a_token_ends_when_the_clock_says_so(client: TestClient, auth_token: str, settings: Settings):
    headers = {"Authorization": f"Bearer {auth_token}"}
    assert client.get("/api/v1/me", headers=headers).status_code == 200
    with freezegun.freeze_time(real_asyncio=True) as clock:
        clock.tick(timedelta(minutes=settings.token_minutes + 1))
        assert client.get("/api/v1/me", headers=headers).status_code == 401


def test_together_can_be_mocked():
    """By what was recorded, so that the mock says what a recording says."""
    cassette = Cassette.load(REPOSITORY / "cassettes/companion/replies/plain[native].yaml", REPOSITORY)
    said = json.loads(cassette.exchanges[0].response.body)
    with respx.mock(base_url="https://api.together.ai") as mocked:
        route = mocked.post("/v1/chat/completions").respond(json=said)
        with together.Together(base_url="https://api.together.ai", api_key="none") as client:
            reply = client.chat.completions.create(model=said["model"], messages=[{"role": "user", "content": "Hi"}])
    assert route.called
    assert reply.choices[0].message.content == said["choices"][0]["message"]["content"]


@ONLY_POSTGRESQL
def test_the_primary_database_is_a_real_postgresql(db_session):
    assert db_session.execute(text("SELECT version()")).scalar_one().startswith("PostgreSQL ")


def test_the_database_of_a_test_was_migrated(db_session):
    versions = sorted(file.stem for file in (REPOSITORY / "alembic" / "versions").glob("*.py"))
    assert db_session.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == versions[-1]


# --- 5: fixtures ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_has_a_session_of_its_own(db_session, turn):
    """The second would find what the first has left."""
    assert db_session.execute(text("SELECT count(*) FROM users")).scalar_one() == 0
    with made_in(db_session):
        UserFactory()


def test_the_client_stands_on_the_test_database(client: TestClient, as_role, database: Database):
    as_role(Role.ADMIN)
    assert client.get("/health/ready").status_code == 200
    with database.read() as session:
        assert session.execute(text("SELECT role FROM users")).scalar_one() == "admin"


@ONLY_SQLITE
def test_the_token_of_a_test_user_opens_the_api(client: TestClient, auth_token: str):
    answer = client.get("/api/v1/conversations/", headers={"Authorization": f"Bearer {auth_token}"})
    assert answer.status_code == 200
    assert client.get("/api/v1/conversations/").status_code == 401


# --- 6: CI ------------------------------------------------------------------------------------------------------------


def test_the_workflow_does_what_section_six_says():
    job = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]["backend"]
    assert job["services"]["postgres"]["image"].startswith("postgres:")
    said = [step.get("run", "") for step in job["steps"]]
    migrated = next(number for number, line in enumerate(said) if "alembic upgrade head" in line)
    tested = next(number for number, line in enumerate(said) if "--cov=app --cov-report=term-missing" in line)
    assert migrated < tested
    assert "--cov-fail-under=90" in said[tested]
    assert job["env"]["TEST_DATABASE_URL"].startswith("postgresql://")
    assert Path(said[migrated].split()[0]).name == "alembic"
