"""What a reviewer has on the screen: both sides of an exchange, of a contract, of the document of an own API."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest

from acetate.provider import Operation
from acetate.snapshot import Entry, snapshot_bytes
from app.errors import NotFound
from app.reviews import service
from tests.app.bundles import bundle, change
from tests.app.engines import ONLY_SQLITE

pytestmark = ONLY_SQLITE


def entry(key: str, text: str) -> Entry:
    return Entry("x", key, Operation("together", "chat.completions"), 200, False, {}, {"note": text})


def with_file(body: dict[str, Any], where: str, name: str, approved: bytes | None, now: bytes | None) -> dict[str, Any]:
    """The bundle with these two sides of a file."""
    sides = {}
    for side, content in (("approved", approved), ("now", now)):
        sides[side] = None if content is None else sha256(content).hexdigest()
        if content is not None:
            body["files"][sides[side]] = content.decode()
    body[where][name] = sides
    return body


@pytest.fixture
def shown(push: Any, database: Any) -> Any:
    """Both sides of the exchange at an index, as texts, of a snapshot with these entries."""

    def shown(approved: list[Entry] | None, now: list[Entry] | None, index: int) -> tuple[str | None, str | None]:
        sides = [None if each is None else snapshot_bytes(each) for each in (approved, now)]
        run = push(with_file(bundle(change()), "snapshots", "cassettes/chat", *sides))
        with database.read() as session:
            found = service.exchange(session, UUID(run), "cassettes/chat", index)
        return tuple(None if each is None else each.body["note"] for each in (found.approved, found.now))

    return shown


def test_an_exchange_is_shown_beside_the_approved_one_that_it_answers_to(shown):
    approved = [entry("k1", "one"), entry("k2", "two")]
    now = [entry("k2", "two, changed"), entry("k3", "new"), entry("k1", "one, changed")]
    assert shown(approved, now, 0) == ("two", "two, changed")


def test_a_new_exchange_has_one_side(shown):
    assert shown(None, [entry("k", "new")], 0) == (None, "new")


def test_an_exchange_that_is_seen_no_more_has_the_other(shown):
    assert shown([entry("k1", "gone"), entry("k2", "gone, too")], None, 1) == ("gone, too", None)


def test_an_exchange_that_is_nowhere_is_not_found(shown):
    with pytest.raises(NotFound):
        shown([entry("k", "a")], [entry("k", "a")], 1)


def test_of_a_contract_both_documents_are_shown(push, database):
    path = "contracts/shop/openapi.json"
    run = push(
        with_file(bundle(change()), "contracts", path, b'{"paths": {}}', json.dumps({"paths": {"/x": {}}}).encode())
    )
    with database.read() as session:
        assert service.document(session, UUID(run), path) == ({"paths": {}}, {"paths": {"/x": {}}})
        with pytest.raises(NotFound):
            service.document(session, UUID(run), "contracts/none.json")


def test_a_contract_that_is_new_has_one_side(push, database):
    run = push(with_file(bundle(change()), "contracts", "contracts/a.json", None, b"{}"))
    with database.read() as session:
        assert service.document(session, UUID(run), "contracts/a.json") == (None, {})


@pytest.mark.parametrize("content", [b"<html>", b"[" * 50_000, b'{"version": 9}', b'{"version": 1, "exchanges": [1]}'])
def test_what_is_no_snapshot_is_not_found(shown, push, database, content):
    run = push(with_file(bundle(change()), "snapshots", "cassettes/chat", content, content))
    with database.read() as session, pytest.raises(NotFound):
        service.exchange(session, UUID(run), "cassettes/chat", 0)


@pytest.mark.parametrize("content", [b"<html>", b"[" * 50_000])
def test_what_is_no_contract_is_not_found(push, database, content):
    run = push(with_file(bundle(change()), "contracts", "contracts/a.json", content, None))
    with database.read() as session, pytest.raises(NotFound):
        service.document(session, UUID(run), "contracts/a.json")


def test_an_exchange_that_was_lost_is_counted_among_the_approved_ones(push, database):
    approved, now = (
        snapshot_bytes([entry(f"k{n}", text) for n, text in each]) for each in ([(1, "a"), (2, "b")], [(1, "a")])
    )
    run = push(with_file(bundle(change()), "snapshots", "cassettes/chat", approved, now))
    with database.read() as session:
        found = service.exchange(session, UUID(run), "cassettes/chat", 1, kind="observation-lost")
        assert (found.approved and found.approved.body, found.now) == ({"note": "b"}, None)
        with pytest.raises(NotFound):
            service.exchange(session, UUID(run), "cassettes/chat", -1)


def test_the_names_of_what_was_decided_are_known(push, mara, database):
    run = push(bundle(change("$.a"), change("$.b")))
    mara.decide(run, "approved", "$.a")
    made = mara.get("history")["items"][0]
    with database.read() as session:
        known = service.changes_named(session, "chat", {made["fingerprint"]})
    assert [(each.kind, each.path) for each in known.values()] == [("field-removed", "$.a")]
