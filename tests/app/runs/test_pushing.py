"""A run arrives: what is sent, what is kept, and what the same thing sent twice does."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from app.models import Role
from app.runs import store
from tests.app.bundles import COMMIT, bundle, change, zipped
from tests.app.engines import ONLY_SQLITE

RUNS = "/api/v1/runs"


@pytest.fixture
def push(client: Any, ci_token: Any) -> Any:
    """Pushes as the CI of the bundle's project; the answer."""

    def push(body: dict[str, Any], **more: Any) -> Any:
        return client.post(RUNS, json=body, headers=ci_token(body["project"]), **more)

    return push


@pytest.fixture
def run_of(client: Any, as_role: Any) -> Any:
    """The run of an answer, as a viewer sees it."""

    def run_of(answer: Any) -> dict[str, Any]:
        found: dict[str, Any] = client.get(f"{RUNS}/{answer.json()['id']}", headers=as_role(Role.VIEWER)).json()
        return found

    return run_of


def test_a_run_is_made_of_a_pushed_bundle(push, run_of):
    answer = push(bundle(change()))
    assert answer.status_code == 201
    said = answer.json()
    assert (said["outcome"], said["waiting"]) == ("failed", 1)
    assert said["url"].endswith(f"/runs/{said['id']}")
    run = run_of(answer)
    assert (run["project"], run["commit"], run["branch"], run["author"]) == ("chat", COMMIT, "main", "ada")
    assert [report["job"] for report in run["reports"]] == ["test"]
    assert run["reports"][0]["counts"]["examined"] == 20


def test_the_same_bundle_twice_is_one_run_and_changes_nothing(push, run_of):
    first, again = push(bundle(change())), push(bundle(change(), at="2026-11-22T19:00:00Z"))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert run_of(first)["reports"][0]["made_at"] == "2026-11-22T18:00:00Z"


def test_several_jobs_of_one_commit_are_one_run(push, run_of):
    first = push(bundle(change("$.a"), job="shard 1"))
    second = push(bundle(change("$.b"), job="shard 2"))
    assert first.json()["id"] == second.json()["id"]
    assert second.json()["waiting"] == 2
    assert [report["job"] for report in run_of(first)["reports"]] == ["shard 1", "shard 2"]


def test_a_later_report_of_a_job_replaces_the_earlier_one(push, run_of):
    push(bundle(change()))
    answer = push(bundle(at="2026-11-22T18:30:00Z"))
    assert (answer.json()["outcome"], answer.json()["waiting"]) == ("passed", 0)
    assert len(run_of(answer)["reports"]) == 1


def test_an_earlier_report_that_comes_late_replaces_nothing(push):
    push(bundle())
    late = push(bundle(change(), at="2026-11-22T17:00:00Z"))
    assert (late.status_code, late.json()["outcome"]) == (200, "passed")


def test_without_a_commit_each_report_is_a_run_of_its_own(push):
    one, two = push(bundle(commit=None)), push(bundle(change(), commit=None))
    assert one.json()["id"] != two.json()["id"]


def test_the_newest_run_of_a_branch_is_the_current_one(push, client, as_role):
    push(bundle(commit="a" * 40))
    newest = push(bundle(commit="b" * 40)).json()["id"]
    other = push(bundle(commit="c" * 40, branch="fix", pull_request="7")).json()["id"]
    found = client.get(RUNS, params={"current": True}, headers=as_role(Role.VIEWER)).json()
    assert [run["id"] for run in found["items"]] == [other, newest]


def test_runs_are_found_by_project_and_commit(push, client, as_role):
    push(bundle(commit="a" * 40))
    wanted = push(bundle(commit="b" * 40)).json()["id"]
    push(bundle(project="billing", commit="b" * 40))
    found = client.get(RUNS, params={"project": "chat", "commit": "b" * 40}, headers=as_role(Role.VIEWER)).json()
    assert ([run["id"] for run in found["items"]], found["total"]) == ([wanted], 1)


def test_only_what_is_missing_has_to_be_sent(push, client, ci_token):
    first = bundle(change())
    digests = sorted(first["files"])
    asked = {"project": "chat", "digests": digests}
    before = client.post(f"{RUNS}/missing", json=asked, headers=ci_token("chat")).json()
    push(first)
    after = client.post(f"{RUNS}/missing", json=asked, headers=ci_token("chat")).json()
    assert (before["missing"], after["missing"]) == (digests, [])
    assert push({**bundle(change("$.id"), job="other"), "files": {}}).status_code == 201


def test_what_another_project_has_is_missing_here(push, client, ci_token):
    sent = bundle(change())
    push(sent)
    asked = {"project": "billing", "digests": sorted(sent["files"])}
    found = client.post(f"{RUNS}/missing", json=asked, headers=ci_token("billing")).json()
    assert found["missing"] == sorted(sent["files"])


def test_a_run_whose_files_are_not_there_is_refused_and_names_them(push, client, as_role):
    whole = bundle(change())
    answer = push({**whole, "files": {}})
    assert (answer.status_code, answer.json()["code"]) == (422, "files-missing")
    assert answer.json()["missing"] == sorted(whole["files"])
    assert client.get(RUNS, headers=as_role(Role.VIEWER)).json()["total"] == 0


def test_a_body_may_be_gzipped(client, ci_token):
    headers = {**ci_token("chat"), "Content-Encoding": "gzip", "Content-Type": "application/json"}
    assert client.post(RUNS, content=zipped(bundle(change())), headers=headers).status_code == 201


@ONLY_SQLITE
@pytest.mark.parametrize(
    ("encoding", "body", "status", "code"),
    [
        ("gzip", b"no gzip", 400, "not-gzip"),
        ("gzip", gzip.compress(b"{}", mtime=0)[:-4], 400, "not-gzip"),
        ("gzip", gzip.compress(b"{}", mtime=0) + b"more", 400, "not-gzip"),
        ("br", b"", 415, "encoding-unknown"),
        ("identity", b"{", 400, "not-json"),
        ("", b'{"at": NaN}', 400, "not-json"),
        ("", b"[" * 100_000, 400, "not-json"),
        ("", b"9" * 10_000, 400, "not-json"),
        ("", b"[]", 422, "invalid-request"),
        ("", b'{"schema": "acetate.run/2"}', 422, "invalid-request"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(client, ci_token, encoding, body, status, code):
    headers = {**ci_token("chat"), "Content-Encoding": encoding, "Content-Type": "application/json"}
    answer = client.post(RUNS, content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@ONLY_SQLITE
def test_a_gzip_bomb_stops_at_the_bound(client, ci_token, settings):
    bomb = gzip.compress(b"[" + b" " * settings.max_push_bytes + b"]")
    headers = {**ci_token("chat"), "Content-Encoding": "gzip", "Content-Type": "application/json"}
    answer = client.post(RUNS, content=bomb, headers=headers)
    assert len(bomb) < 200_000
    assert (answer.status_code, answer.json()["code"]) == (413, "body-too-large")


def changed(body: dict[str, Any], **said: Any) -> dict[str, Any]:
    """The bundle with its first change saying something else."""
    report = {**body["report"], "changes": [{**body["report"]["changes"][0], **said}, *body["report"]["changes"][1:]]}
    return {**body, "report": report}


@ONLY_SQLITE
@pytest.mark.parametrize("said", [{"path": "$.other"}, {"fingerprint": "0" * 16}, {"kind": "field-lost"}])
def test_a_change_that_is_not_what_its_fingerprint_says_is_refused(push, said):
    answer = push(changed(bundle(change()), **said))
    assert (answer.status_code, answer.json()["code"]) == (422, "fingerprint-wrong")


def test_contents_that_are_not_what_their_digest_says_are_refused(push):
    body = bundle(change())
    body["files"][sorted(body["files"])[0]] += " "
    assert push(body).json()["code"] == "digest-wrong"


@ONLY_SQLITE
@pytest.mark.parametrize(
    ("report", "code"),
    [
        ({}, "report-unreadable"),
        ({"schema": "acetate.report/9"}, "report-unreadable"),
        ({"schema": "acetate.report/1", "context": {}}, "report-unreadable"),
    ],
)
def test_what_is_no_report_is_refused(push, report, code):
    answer = push({**bundle(), "report": report})
    assert (answer.status_code, answer.json()["code"]) == (422, code)


@ONLY_SQLITE
def test_a_fingerprint_that_comes_twice_is_refused(push):
    body = bundle(change())
    body["report"]["changes"] *= 2
    assert push(body).json()["code"] == "report-unreadable"


@ONLY_SQLITE
def test_names_have_a_bound(push):
    body = bundle()
    body["report"]["context"]["branch"] = "b" * 501
    assert push(body).json()["code"] == "report-too-large"


def test_what_a_database_cannot_hold_is_refused(push):
    answer = push(changed(bundle(change()), occurrences=[{"cassette": "a\0b", "exchange": 0, "at": "$"}]))
    assert (answer.status_code, answer.json()["code"]) == (422, "unstorable-json")


def test_half_a_surrogate_pair_in_a_snapshot_is_kept(client, ci_token, database):
    body = bundle(change(), approved="\ud800")
    headers = {**ci_token("chat"), "Content-Type": "application/json"}
    assert client.post(RUNS, content=json.dumps(body), headers=headers).status_code == 201
    with database.read() as session:
        held = store.contents(session, "chat", body["files"])
    assert {digest: text.encode("utf-8", "surrogatepass") for digest, text in body["files"].items()} == held


def test_a_ci_job_pushes_for_its_own_project_only(client, ci_token):
    answer = client.post(RUNS, json=bundle(), headers=ci_token("billing"))
    assert (answer.status_code, answer.json()["code"]) == (403, "another-project")


@pytest.mark.parametrize(("role", "status"), [(Role.VIEWER, 403), (Role.DEVELOPER, 201)])
def test_a_developer_pushes_and_a_viewer_does_not(client, as_role, role, status):
    assert client.post(RUNS, json=bundle(), headers=as_role(role)).status_code == status


def test_a_ci_job_sees_the_status_of_its_own_run_and_of_no_other(push, client, ci_token):
    run = push(bundle(change())).json()["id"]
    own, other = ci_token("chat"), ci_token("billing")
    assert client.get(f"{RUNS}/{run}/status", headers=own).json()["outcome"] == "failed"
    assert client.get(f"{RUNS}/{run}/status", headers=other).status_code == 404
    asked = {"project": "chat", "commit": COMMIT}
    assert client.get("/api/v1/status", params=asked, headers=own).json()["waiting"] == 1
    assert client.get("/api/v1/status", params=asked, headers=other).status_code == 404
    assert client.get("/api/v1/status", params={**asked, "commit": "none"}, headers=own).status_code == 404


def test_a_run_that_is_not_there_is_not_found(client, as_role):
    nowhere = f"{RUNS}/00000000-0000-0000-0000-000000000000"
    for path in (nowhere, f"{nowhere}/status", f"{nowhere}/changes"):
        assert client.get(path, headers=as_role(Role.VIEWER)).status_code == 404


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@ONLY_SQLITE
@pytest.mark.parametrize("levels", [90, 200, 900])
def test_no_depth_of_a_report_is_a_fault_of_the_service(client, as_role, levels):
    one = change("$.x", "value-changed", before=1, after=deep(levels))
    body = json.dumps(bundle(one))
    headers = {**as_role(Role.ADMIN), "Content-Type": "application/json"}
    answer = client.post(RUNS, content=body, headers=headers)
    assert answer.status_code == (201 if levels == 90 else 422)
    if answer.status_code == 201:
        found = client.get(f"{RUNS}/{answer.json()['id']}/changes", headers=headers).json()
        assert found[0]["after"] == deep(levels)


@ONLY_SQLITE
def test_a_report_has_so_many_changes_and_no_more(push, monkeypatch):
    monkeypatch.setattr("app.runs.arrival.MOST_CHANGES", 1)
    assert push(bundle(change("$.a"))).status_code == 201
    assert push(bundle(change("$.a"), change("$.b"))).json()["code"] == "report-too-large"


def test_projects_are_listed_by_name(push, client, as_role):
    for name in ("chat", "billing"):
        push(bundle(project=name))
    found = client.get("/api/v1/projects", headers=as_role(Role.VIEWER)).json()
    assert [(each["name"], each["require_approval"], each["repository"]) for each in found] == [
        ("billing", False, None),
        ("chat", False, None),
    ]


@ONLY_SQLITE
def test_a_project_that_is_not_there_cannot_be_changed(client, as_role):
    asked = {"params": {"project": "none"}, "json": {"require_approval": True}, "headers": as_role(Role.ADMIN)}
    assert client.patch("/api/v1/projects", **asked).status_code == 404
