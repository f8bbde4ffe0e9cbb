"""What goes to the service: both sides of every file, masked, each content once, and no secret."""

from __future__ import annotations

import json
import subprocess
from hashlib import sha256
from typing import Any

import pytest

from acetate.amendment import examine_amendment
from acetate.bundle import bundle_json
from acetate.errors import SecretFound
from acetate.exchange import Exchange, Request, Response
from acetate.openapi import Document
from acetate.packing import Packed, packed, sides_of
from acetate.provide import examine_provided, leave
from acetate.ruling import Sides
from acetate.verdict import Context

CONTRACT = "contracts/together/chat.completions/200.json"


def pack(sandbox: Any, **more: Any) -> Packed:
    return packed(sandbox.project(), sandbox.check(), job="test", **more)


def digest(content: bytes) -> str:
    return sha256(content).hexdigest()


def file(sandbox: Any, path: str) -> bytes:
    return bytes((sandbox.root / path).read_bytes())


def test_of_each_cassette_go_what_is_approved_and_what_is_seen(sandbox):
    sandbox.record("a", sandbox.reply())
    sandbox.accept()
    sandbox.record("a", sandbox.reply(tier=1))
    sandbox.record("new", sandbox.reply())
    bundle, contents = pack(sandbox)
    approved = digest(file(sandbox, "snapshots/cassettes/a.json"))
    sides = bundle.snapshots["cassettes/a"]
    assert sides.approved == approved
    assert b'"tier"' in contents[str(sides.now)]
    assert bundle.snapshots["cassettes/new"].approved is None
    contract = digest(file(sandbox, CONTRACT))
    assert bundle.contracts == {CONTRACT: Sides(contract, contract)}
    assert set(bundle.digests) == set(contents)


def test_what_is_as_approved_is_one_content(sandbox):
    sandbox.record("a", sandbox.reply())
    sandbox.accept()
    sides = pack(sandbox).bundle.snapshots["cassettes/a"]
    assert sides.approved == sides.now


def test_a_cassette_that_is_gone_has_no_second_side(sandbox):
    sandbox.record("a", sandbox.reply()).rename(sandbox.root / "cassettes" / "b.yaml")
    sandbox.accept()
    (sandbox.root / "cassettes" / "b.yaml").unlink()
    assert pack(sandbox).bundle.snapshots["cassettes/b"].now is None


def test_a_cassette_that_cannot_be_read_has_no_second_side_either(sandbox):
    sandbox.record("a", sandbox.reply())
    sandbox.accept()
    (sandbox.root / "cassettes" / "a.yaml").write_text("{")
    assert pack(sandbox).bundle.snapshots["cassettes/a"].now is None


def test_nothing_leaves_that_was_not_masked(sandbox):
    sandbox.record("a", sandbox.reply(extra="recorded word for word"))
    held = b"".join(pack(sandbox).contents.values())
    assert b"chat.completion" in held
    assert b"recorded word for word" not in held


def test_what_looks_like_a_secret_does_not_leave(sandbox):
    key = "sk-proj-" + "Abcd1234" * 6
    sandbox.record("a", sandbox.reply(**{key: 1}))
    with pytest.raises(SecretFound):
        pack(sandbox)


def test_a_bundle_says_where_it_comes_from_and_reads_as_json(sandbox):
    sandbox.record("a", sandbox.reply())
    written = bundle_json(pack(sandbox).bundle)
    assert (written["schema"], written["project"], written["job"]) == ("acetate.run/1", "sandbox", "test")
    assert written["report"]["schema"] == "acetate.report/1"
    assert written["against"] is None
    assert json.loads(json.dumps(written)) == written


def test_owners_go_along_for_what_changes(sandbox):
    (sandbox.root / "CODEOWNERS").write_text("snapshots/ @ada\ncassettes/b.yaml @noor\nsnapshots/cassettes/b.json\n")
    sandbox.record("a", sandbox.reply())
    sandbox.record("b", sandbox.reply())
    assert pack(sandbox).bundle.owners == {"cassettes/a": ("@ada",), "cassettes/b": ("@noor",)}


def test_the_sides_of_a_check_are_those_of_what_changes(sandbox):
    sandbox.record("a", sandbox.reply())
    sandbox.record("b", sandbox.reply())
    sandbox.accept()
    sandbox.record("a", sandbox.reply(tier=1))
    found = sides_of(sandbox.project(), sandbox.check())
    assert found == {"cassettes/a": pack(sandbox).bundle.snapshots["cassettes/a"]}


@pytest.fixture
def committed(sandbox: Any) -> Any:
    """An approved recording is committed on main; another answer is approved on top of it."""

    def git(*words: str) -> None:
        who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", "-C", str(sandbox.root), *who, *words], check=True, capture_output=True)

    sandbox.record("a", sandbox.reply())
    sandbox.accept()
    (sandbox.root / ".gitignore").write_text(".acetate/\n")
    git("init", "--quiet", "--initial-branch=main")
    git("add", ".")
    git("commit", "--quiet", "-m", "approved")
    sandbox.before = file(sandbox, "snapshots/cassettes/a.json")
    sandbox.record("a", sandbox.reply(tier=1))
    sandbox.accept()
    return sandbox


def test_a_run_against_a_commit_has_its_files_and_those_of_the_working_tree(committed):
    project = committed.project()
    verdict = examine_amendment(project, "main", Context("sandbox", "test"))
    bundle, contents = packed(project, verdict, job="test", against="main")
    after = file(committed, "snapshots/cassettes/a.json")
    assert bundle.snapshots == {"cassettes/a": Sides(digest(committed.before), digest(after))}
    assert bundle.contracts[CONTRACT].approved != bundle.contracts[CONTRACT].now
    assert bundle.against is not None
    assert len(bundle.against) == 40
    assert sides_of(project, verdict, against="main")["cassettes/a"] == bundle.snapshots["cassettes/a"]
    assert contents[digest(after)] == after


DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "t", "version": "1"},
    "paths": {
        "/items": {
            "get": {
                "responses": {
                    "200": {"description": "", "content": {"application/json": {"schema": {"type": "object"}}}}
                }
            }
        }
    },
}


def test_of_the_projects_own_api_go_the_responses_and_the_document(sandbox):
    (sandbox.root / "acetate.toml").write_text('project = "sandbox"\napp = "shop.main:app"\nservice = "shop"\n')
    project = sandbox.project()
    got = Response(200, "OK", (("content-type", "application/json"),), b'{"id": 1}')
    exchange = Exchange(Request("GET", "http://testserver/items", (), b""), got)
    leave(project, "tests/test_a.py::test_b", Document(DOCUMENT), [exchange])
    verdict = examine_provided(project, Context("sandbox", "test")).verdict
    bundle, contents = packed(project, verdict, job="test")
    sides = bundle.snapshots["shop/tests/test_a.py/test_b"]
    assert sides.approved is None
    assert b"GET /items" in contents[str(sides.now)]
    document = bundle.contracts["contracts/shop/openapi.json"]
    assert document.approved is None
    assert json.loads(contents[str(document.now)])["paths"] == DOCUMENT["paths"]
