"""Routes for CI jobs, and for people and CI jobs alike."""

from __future__ import annotations

import pytest
from fastapi import APIRouter
from starlette.testclient import TestClient

from app.auth.access import Caller, CurrentJob
from app.auth.person import CiJob
from app.main import create_app
from app.models import Role
from tests.app.engines import ONLY_SQLITE

pytestmark = ONLY_SQLITE

router = APIRouter(prefix="/jobs")


@router.get("/job")
def job_only(job: CurrentJob) -> str:
    return job.project


@router.get("/caller")
def either(caller: Caller) -> str:
    return caller.project if isinstance(caller, CiJob) else caller.username


@pytest.fixture
def asked(settings, ci_token, as_role):
    """Who asks -> the answers of both routes."""
    application = create_app(settings)
    application.include_router(router)
    headers = {"job": ci_token("chat"), "person": as_role(Role.VIEWER), "nobody": {}}
    headers["unknown job"] = {"Authorization": "Bearer act_unknown"}
    with TestClient(application) as client:
        yield lambda who: [client.get(f"/jobs/{path}", headers=headers[who]) for path in ("job", "caller")]


def test_a_job_is_known_by_its_project(asked):
    assert [answer.json() for answer in asked("job")] == ["chat", "chat"]


def test_a_person_is_no_job(asked):
    job, caller = asked("person")
    assert (job.status_code, caller.json()) == (401, "viewer")


@pytest.mark.parametrize("who", ["nobody", "unknown job"])
def test_nobody_is_neither(asked, who):
    assert [answer.status_code for answer in asked(who)] == [401, 401]


def test_the_document_says_what_a_job_and_a_person_show(app):
    document = app.openapi()
    schemes = document["components"]["securitySchemes"]
    assert (schemes["ci"]["type"], schemes["ci"]["scheme"]) == ("http", "bearer")
    assert document["paths"]["/api/v1/runs"]["post"]["security"] == [{"password": []}, {"ci": []}]
    assert document["paths"]["/metrics"]["get"]["security"] == [{"password": []}]
