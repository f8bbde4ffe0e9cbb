"""The provide edge, end to end: a real app, called by its tests' clients, examined, accepted, changed, undone."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import httpx
import httpx2
import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse
from fastapi.testclient import TestClient
from pydantic import BaseModel, create_model

from acetate.amendment import examine_amendment
from acetate.change import ABSENT, Change
from acetate.cli.main import main
from acetate.decision import Decided
from acetate.errors import AcetateError, ConfigError
from acetate.own_api import OwnApi
from acetate.pending import snapshot_name
from acetate.project import Project
from acetate.provide import examine_provided, leave, pending
from acetate.review import accept, confirm, rebuild, reject, undo
from acetate.verdict import Context, Verdict

TEST = "tests/test_items.py::test_list"
SNAPSHOT = "snapshots/shop/tests/test_items.py/test_list.json"
DOCUMENT = "contracts/shop/openapi.json"


class Item(BaseModel):
    id: uuid.UUID
    title: str
    state: Literal["new", "sold"] = "new"
    made: datetime
    price: int
    tags: list[str]
    note: str | None = None


def item(**changes: Any) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()),
        "title": f"A chair {uuid.uuid4()}",
        "state": "new",
        "made": datetime.now(UTC).isoformat(),
        "price": 7,
        "tags": ["wood"],
        **changes,
    }


def model(without: str = "", **fields: Any) -> type[BaseModel]:
    """The item with other fields."""
    kept = {name: (each.annotation, each) for name, each in Item.model_fields.items() if name != without}
    return create_model("Item", **{**kept, **fields})


class Shop:
    """A project whose app is made anew for each run. Nothing is kept between two calls, as between two commands."""

    def __init__(self, root: Path, modules: Callable[[str, Any], None]) -> None:
        self.root = root
        self.modules = modules

    def project(self) -> Project:
        return Project.open(self.root, os.environ)

    def app(self, response_model: Any = Item, answer: Any = None, **route: Any) -> FastAPI:
        app = FastAPI(title="Shop")
        answered = item() if answer is None else answer

        @app.get("/items/{item_id}", response_model=response_model, **route)
        def read(item_id: int) -> Any:
            return answered

        return app

    def run(self, app: FastAPI, *paths: str, test: str = TEST) -> Verdict:
        """A run of one test that gets these paths."""
        own = OwnApi("shop_app:app")
        self.modules("shop_app", SimpleNamespace(app=app))
        with own.watching(), TestClient(app) as client:
            for path in paths or ("/items/7",):
                client.get(path)
        leave(self.project(), test, own.document(), own.take())
        return self.check()

    def check(self) -> Verdict:
        return examine_provided(self.project(), Context("shop", "test")).verdict

    def kinds(self) -> list[tuple[str, str]]:
        return [(each.kind, each.path) for each in self.check().changes]

    def accept(self, pick: Callable[[Change], bool] = lambda change: True) -> list[Decided]:
        return accept(self.project(), [each for each in self.check().changes if pick(each)], by="Ada", why="meant")

    def reject(self) -> list[Decided]:
        return reject(self.project(), self.check().changes, by="Ada", why="no")

    def undo(self, decided: list[Decided]) -> None:
        undo(self.project(), decided, by="Ada", why="")

    def approved(self) -> dict[str, bytes]:
        found = {}
        for folder in ("contracts", "snapshots"):
            for path in (self.root / folder).rglob("*"):
                if path.is_file() and ".reviews" not in path.parts:
                    found[path.relative_to(self.root).as_posix()] = path.read_bytes()
        return found


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    (tmp_path / "acetate.toml").write_text('project = "shop"\napp = "shop_app:app"\n')
    return Shop(tmp_path, lambda name, module: monkeypatch.setitem(sys.modules, name, module))


def test_a_first_response_waits_for_approval_once_per_operation(shop: Shop) -> None:
    verdict = shop.run(shop.app(), "/items/7", "/items/8")
    (change,) = verdict.changes
    assert (change.kind, change.severity, change.edge) == ("exchange-unapproved", "warn", "provide")
    assert (change.provider, change.operation, change.status) == ("shop", "GET /items/{item_id}", 200)
    assert [(each.cassette, each.exchange, each.test) for each in change.occurrences] == [
        ("shop/tests/test_items.py/test_list", index, TEST) for index in (0, 1)
    ]
    assert (verdict.outcome, verdict.counts.examined) == ("needs-review", 2)


def test_accepting_writes_the_snapshot_and_the_document(shop: Shop) -> None:
    shop.run(shop.app())
    (decided,) = shop.accept()
    assert sorted(shop.approved()) == [DOCUMENT, SNAPSHOT]
    assert {each.path for each in decided.files} == {DOCUMENT, SNAPSHOT}
    (entry,) = json.loads(shop.approved()[SNAPSHOT])["exchanges"]
    assert entry["operation"] == "shop:GET /items/{item_id}"
    assert entry["body"] == {
        "id": "<id>",
        "title": "<text>",
        "state": "new",
        "made": "<time>",
        "price": "<int>",
        "tags": ["<text>", "n ≥ 1"],
        "note": None,
    }
    document = json.loads(shop.approved()[DOCUMENT])
    assert document["paths"]["/items/{item_id}"]
    assert shop.approved()[DOCUMENT].decode() == json.dumps(document, indent=2, sort_keys=True) + "\n"


def test_another_run_of_the_same_app_shows_nothing(shop: Shop) -> None:
    shop.run(shop.app())
    shop.accept()
    before = shop.approved()
    verdict = shop.run(shop.app())
    assert (verdict.outcome, verdict.changes) == ("passed", ())
    assert shop.approved() == before


def test_a_renamed_field_is_one_change_of_document_and_response(shop: Shop) -> None:
    shop.run(shop.app())
    baseline = shop.accept()
    before = shop.approved()
    verdict = shop.run(shop.app(model(without="title", name=(str, ...)), item(name="A chair")))
    (change,) = verdict.changes
    assert (change.kind, change.severity) == ("field-renamed", "error")
    assert (change.path, change.before, change.after) == ("$.title", "$.title", "$.name")
    assert (change.evidence.now, [each.test for each in change.occurrences]) == ("1 of 1", [TEST])
    assert verdict.outcome == "failed"

    decided = shop.accept()
    assert shop.kinds() == []
    assert "name" in json.loads(shop.approved()[SNAPSHOT])["exchanges"][0]["body"]
    assert {each.path for each in decided[0].files} == {DOCUMENT, SNAPSHOT}

    shop.undo(decided)
    assert shop.approved() == before
    assert shop.kinds() == [("field-renamed", "$.title")]
    shop.undo(baseline)
    assert shop.approved() == {}


def test_a_field_that_becomes_nullable_is_one_change_though_both_sides_word_it_differently(shop: Shop) -> None:
    shop.run(shop.app())
    shop.accept()
    (change,) = shop.run(shop.app(model(price=(int | None, ...)), item(price=None))).changes
    assert (change.kind, change.path) == ("became-nullable", "$.price")
    assert (change.before, change.after, change.occurrences[0].test) == ("integer", "integer or null", TEST)
    shop.accept()
    assert shop.kinds() == []


def test_what_only_the_document_shows_is_reported_at_the_document(shop: Shop) -> None:
    shop.run(shop.app())
    shop.accept()
    before = shop.approved()
    (change,) = shop.run(shop.app(model(state=(Literal["new", "sold", "lost"], "new")))).changes
    assert (change.kind, change.severity, change.path, change.after) == ("enum-value-added", "error", "$.state", "lost")
    assert [(each.cassette, each.test) for each in change.occurrences] == [(DOCUMENT, None)]
    assert change.evidence.now is None
    decided = shop.accept()
    assert [each.path for each in decided[0].files] == [DOCUMENT]
    assert shop.kinds() == []
    shop.undo(decided)
    assert shop.approved() == before


def test_a_documented_value_in_place_of_another_is_no_news(shop: Shop) -> None:
    shop.run(shop.app())
    shop.accept()
    assert shop.run(shop.app(answer=item(state="sold"))).changes == ()


def test_a_value_that_was_added_to_the_document_and_is_answered_is_one_change(shop: Shop) -> None:
    shop.run(shop.app())
    shop.accept()
    wider = model(state=(Literal["new", "sold", "lost"], "new"))
    (change,) = shop.run(shop.app(wider, item(state="lost"))).changes
    assert (change.kind, change.after, change.occurrences[0].test) == ("enum-value-added", "lost", TEST)
    shop.accept()
    assert shop.kinds() == []
    assert json.loads(shop.approved()[SNAPSHOT])["exchanges"][0]["body"]["state"] == "lost"


def test_each_of_several_changes_is_decided_alone_and_undone_alone(shop: Shop) -> None:
    shop.run(shop.app())
    shop.accept()
    before = shop.approved()
    changed = model(without="price", tags=(list[int], ...), owner=(str, ...))
    answer = {key: value for key, value in item(tags=[1], owner="Ada").items() if key != "price"}
    shop.run(shop.app(changed, answer))
    # One integer is gone and one text is new: no rename.
    assert shop.kinds() == [("field-removed", "$.price"), ("type-changed", "$.tags[]"), ("field-added", "$.owner")]
    (first,) = shop.accept(lambda each: each.path == "$.tags[]")
    assert shop.kinds() == [("field-removed", "$.price"), ("field-added", "$.owner")]
    document = json.loads(shop.approved()[DOCUMENT])
    schema = document["paths"]["/items/{item_id}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert schema["properties"]["tags"]["items"]["type"] == "integer"
    assert "price" in schema["required"]
    assert "owner" not in schema["properties"]
    (second,) = shop.accept(lambda each: each.path == "$.owner")
    (third,) = shop.accept()
    assert shop.kinds() == []
    assert json.loads(shop.approved()[DOCUMENT])["components"]["schemas"]["Item"]["properties"]["owner"]
    shop.undo([third])
    shop.undo([second])
    shop.undo([first])
    assert shop.approved() == before


def test_a_field_that_the_document_does_not_name_is_an_error_and_can_be_approved_as_known(shop: Shop) -> None:
    shop.run(shop.app())
    shop.accept()
    before = shop.approved()
    leaking = shop.app(answer=JSONResponse(item(note=None, password_hash="x")))
    (change,) = shop.run(leaking).changes
    assert (change.kind, change.severity, change.path) == ("undocumented-field", "error", "$.password_hash")
    assert (change.before, change.after) == (ABSENT, "string")
    decided = shop.accept()
    assert shop.kinds() == []
    response = json.loads(shop.approved()[DOCUMENT])["paths"]["/items/{item_id}"]["get"]["responses"]["200"]
    assert response["x-acetate"] == {"known": ["undocumented-field $.password_hash"]}
    assert json.loads(shop.approved()[SNAPSHOT])["exchanges"][0]["body"]["password_hash"] == "<text>"
    assert shop.run(leaking).changes == ()
    shop.undo(decided)
    assert shop.approved() == before
    assert shop.kinds() == [("undocumented-field", "$.password_hash")]


def test_what_is_known_stays_known_when_the_document_moves_on(shop: Shop) -> None:
    leaking = JSONResponse(item(note=None, password_hash="x", owner="Ada"))
    shop.run(shop.app(answer=leaking))
    shop.accept()
    shop.run(shop.app(model(owner=(str, ...)), leaking))
    assert shop.kinds() == [("field-added", "$.owner")]
    shop.accept()
    assert shop.kinds() == []


def test_a_response_that_lost_what_the_document_requires_is_an_error(shop: Shop) -> None:
    shop.run(shop.app())
    shop.accept()
    answer = {key: value for key, value in item(note=None).items() if key != "title"}
    (change,) = shop.run(shop.app(answer=JSONResponse(answer))).changes
    assert (change.kind, change.severity, change.path) == ("field-removed", "error", "$.title")


def test_another_status_of_the_same_call_is_an_error(shop: Shop) -> None:
    shop.run(shop.app())
    shop.accept()
    verdict = shop.run(shop.app(status_code=201))
    assert [(each.kind, each.status) for each in verdict.changes] == [("status-removed", 200), ("status-added", 201)]
    assert verdict.outcome == "failed"
    shop.accept()
    assert shop.kinds() == []
    assert json.loads(shop.approved()[SNAPSHOT])["exchanges"][0]["status"] == 201


def test_a_rejected_change_fails_as_long_as_it_is_there(shop: Shop) -> None:
    shop.run(shop.app())
    shop.accept()
    before = shop.approved()
    wider = model(owner=(str, ...))
    assert shop.run(shop.app(wider, item(owner="Ada"))).outcome == "needs-review"
    shop.reject()
    assert shop.check().outcome == "failed"
    assert shop.approved() == before
    assert shop.run(shop.app()).outcome == "passed"


def test_an_operation_that_is_gone_and_one_that_is_new_are_reported(shop: Shop) -> None:
    app = shop.app()
    app.get("/health")(lambda: {"ok": True})
    shop.run(app)
    shop.accept()
    moved = shop.app()
    moved.get("/healthz")(lambda: {"ok": True})
    moved.get("/version")(lambda: {"version": "1"})
    verdict = shop.run(moved, "/items/7", "/version", "/nothing")
    assert [(each.kind, each.operation, each.path) for each in verdict.changes] == [
        ("endpoint-removed", "GET /health", "$operation"),
        ("exchange-unapproved", "GET /version", "$"),
        ("endpoint-added", "GET /healthz", "$operation"),
    ]
    shop.accept(lambda each: each.kind == "exchange-unapproved")
    assert "/version" in json.loads(shop.approved()[DOCUMENT])["paths"]
    assert [kind for kind, _ in shop.kinds()] == ["endpoint-removed", "endpoint-added"]
    shop.accept()
    assert shop.kinds() == []
    assert "/health" not in json.loads(shop.approved()[DOCUMENT])["paths"]


def test_calls_of_routes_outside_of_the_document_are_told_and_not_examined(shop: Shop) -> None:
    app = shop.app()
    app.get("/page", include_in_schema=False)(lambda: "hello")
    own = OwnApi("shop_app:app")
    shop.modules("shop_app", SimpleNamespace(app=app))
    with own.watching(), TestClient(app) as client:
        client.get("/items/1")
        client.get("/page?x=1")
    left = leave(shop.project(), TEST, own.document(), own.take())
    assert (left.examined, left.undocumented) == (1, ("GET /page",))


def test_a_parameter_with_another_name_is_no_other_operation(shop: Shop) -> None:
    shop.run(shop.app())
    shop.accept()
    app = FastAPI()

    @app.get("/items/{number}", response_model=Item)
    def read(number: int) -> Any:
        return item()

    assert shop.run(app).changes == ()


def test_repeated_calls_are_paired_in_order(shop: Shop) -> None:
    app = FastAPI()
    answers: list[list[str]] = [[], ["a"], ["a", "b"]]

    @app.get("/names")
    def names() -> list[str]:
        return answers.pop(0)

    shop.run(app, "/names", "/names", "/names")
    shop.accept()
    bodies = [each["body"] for each in json.loads(shop.approved()[SNAPSHOT])["exchanges"]]
    assert bodies == [[], ["<text>", "n ≥ 1"], ["<text>", "n ≥ 1"]]
    answers += [[], ["a"], []]
    (change,) = shop.run(app, "/names", "/names", "/names").changes
    assert (change.kind, change.severity, [each.exchange for each in change.occurrences]) == (
        "length-changed",
        "info",
        [2],
    )
    shop.accept()
    assert shop.kinds() == []


def test_values_are_compared_only_where_asked(shop: Shop) -> None:
    (shop.root / "acetate.toml").write_text(
        'project = "shop"\napp = "shop_app:app"\nprovide.values = ["GET /items/{item_id} $.title"]\n'
    )
    shop.run(shop.app(answer=item(title="A chair")))
    shop.accept()
    assert shop.run(shop.app(answer=item(title="A chair", price=9))).changes == ()
    (change,) = shop.run(shop.app(answer=item(title="A table"))).changes
    assert (change.kind, change.severity, change.before, change.after) == (
        "value-changed",
        "info",
        "A chair",
        "A table",
    )
    shop.accept()
    assert shop.kinds() == []


def test_an_untyped_response_is_compared_by_its_keys(shop: Shop) -> None:
    shop.run(shop.app(dict, {"ok": True, "version": "1"}))
    shop.accept()
    (change,) = shop.run(shop.app(dict, {"ok": False})).changes
    assert (change.kind, change.path) == ("field-removed", "$.version")


def test_a_map_has_keys_that_are_data(shop: Shop) -> None:
    shop.run(shop.app(dict[str, int], {"a": 1}))
    shop.accept()
    assert shop.run(shop.app(dict[str, int], {"b": 1, "c": 2})).changes == ()
    (change,) = shop.run(shop.app(dict[str, str], {"b": "x"})).changes
    assert (change.kind, change.path) == ("type-changed", "${*}")


def test_a_stream_is_examined_by_its_events(shop: Shop) -> None:
    def streaming(*events: str) -> FastAPI:
        app = FastAPI()

        @app.get("/chat", response_class=StreamingResponse)
        def chat() -> StreamingResponse:
            return StreamingResponse((f"data: {each}\n\n" for each in events), media_type="text/event-stream")

        return app

    shop.run(streaming('{"text": "a"}', '{"text": "b", "done": true}'), "/chat")
    shop.accept()
    assert shop.run(streaming('{"text": "c"}', '{"text": "d", "done": true}'), "/chat").changes == ()
    (change,) = shop.run(streaming('{"text": "c"}', '{"text": 7, "done": true}'), "/chat").changes
    assert (change.kind, change.path, change.stream) == ("type-widened", "$.text", True)
    shop.accept()
    assert shop.kinds() == []


def test_a_time_without_an_offset_is_none_by_the_document(shop: Shop) -> None:
    verdict = shop.run(shop.app(answer=item(made=datetime(2026, 1, 1))))
    assert [(each.kind, each.path) for each in verdict.changes] == [
        ("format-lost", "$.made"),
        ("exchange-unapproved", "$"),
    ]
    shop.accept()
    assert shop.run(shop.app(answer=item(made=datetime(2026, 1, 2)))).changes == ()


def test_a_media_type_that_is_not_documented_is_reported_instead_of_its_body(shop: Shop) -> None:
    shop.run(shop.app())
    shop.accept()
    (change,) = shop.run(shop.app(answer=HTMLResponse("<p>"))).changes
    assert (change.kind, change.path) == ("content-type-changed", "$headers.content-type")
    assert (change.before, change.after) == ("application/json", "text/html")


def test_a_header_that_is_promised_must_be_there(shop: Shop) -> None:
    promised = {200: {"headers": {"X-Total": {"required": True, "schema": {"type": "integer"}}}}}
    with_header = JSONResponse(item(note=None), headers={"X-Total": "1"})
    shop.run(shop.app(answer=with_header, responses=promised))
    assert shop.kinds() == [("exchange-unapproved", "$")]
    shop.accept()
    without = shop.app(answer=JSONResponse(item(note=None)), responses=promised)
    (change,) = shop.run(without).changes
    assert (change.kind, change.severity, change.path) == ("header-removed", "error", "$headers.x-total")
    shop.accept()
    assert shop.run(without).changes == ()
    (shop.root / SNAPSHOT).unlink()
    assert shop.kinds() == [("exchange-unapproved", "$")]


def test_a_header_that_is_promised_and_may_be_absent_is_missed_where_it_was(shop: Shop) -> None:
    promised = {200: {"headers": {"X-Total": {"schema": {"type": "integer"}}}}}
    shop.run(shop.app(answer=JSONResponse(item(note=None), headers={"X-Total": "1"}), responses=promised))
    shop.accept()
    (change,) = shop.run(shop.app(answer=JSONResponse(item(note=None)), responses=promised)).changes
    assert (change.kind, change.path) == ("header-removed", "$headers.x-total")


def test_a_status_that_no_document_names_is_held_to_its_snapshot(shop: Shop) -> None:
    def refusing(detail: Any) -> FastAPI:
        return shop.app(answer=JSONResponse(detail, status_code=404))

    shop.run(refusing({"detail": "not here", "code": "gone"}))
    shop.accept()
    assert shop.run(refusing({"detail": "nor there", "code": "away"})).changes == ()
    (change,) = shop.run(refusing({"detail": "not here"})).changes
    assert (change.kind, change.status, change.path) == ("field-removed", 404, "$.code")
    (change,) = shop.run(shop.app()).changes
    assert (change.kind, change.severity, change.before, change.after) == ("error-status-removed", "warn", 404, 200)


def test_a_test_that_calls_nothing_any_more_leaves_nothing(shop: Shop) -> None:
    shop.run(shop.app())
    assert shop.check().counts.examined == 1
    assert shop.run(shop.app(), "/nothing").counts.examined == 0


def test_a_secret_in_what_is_shown_is_never_approved(shop: Shop) -> None:
    (shop.root / "acetate.toml").write_text('project = "shop"\napp = "shop_app:app"\nprovide.values = ["$..title"]\n')
    shop.run(shop.app(answer=item(title="sk-proj-A1b2C3d4E5f6G7h8I9j0K1l2M3n4")))
    with pytest.raises(AcetateError):
        shop.accept()
    assert shop.approved() == {}


def test_results_of_a_run_are_kept_masked(shop: Shop) -> None:
    shop.run(shop.app(answer=item(title="Grandmother's chair")))
    files = [path for path in (shop.root / ".acetate").rglob("*") if path.is_file()]
    assert files
    assert not any(b"Grandmother" in path.read_bytes() for path in files)


def test_a_run_of_everything_forgets_what_was_left_before(shop: Shop) -> None:
    shop.run(shop.app())
    assert shop.check().counts.examined == 1
    pending(shop.project()).keep_only({TEST})
    assert shop.check().counts.examined == 1
    pending(shop.project()).keep_only(set())
    assert shop.check().outcome == "unknown"


def test_one_run_can_be_looked_at_alone(shop: Shop) -> None:
    shop.run(shop.app())
    shop.run(shop.app(), test="tests/test_items.py::test_other")
    shop.accept(lambda change: True)
    found = examine_provided(shop.project(), Context("shop", "test"), tests={TEST})
    assert found.verdict.counts.examined == 1
    assert found.compared == {"shop/tests/test_items.py/test_list": frozenset({0})}


@pytest.mark.parametrize("damage", [b"{", b"[]", b'{"version": 99}', b'{"version": 1, "test": "x"}'])
def test_what_a_run_left_and_nobody_can_read_is_as_good_as_none(shop: Shop, damage: bytes) -> None:
    shop.run(shop.app())
    for path in (shop.root / ".acetate" / "pending").rglob("*.json"):
        path.write_bytes(damage)
    verdict = shop.check()
    assert (verdict.outcome, verdict.problems) == ("unknown", ())


@pytest.mark.parametrize(
    ("file", "damage", "problem"),
    [
        (DOCUMENT, b"<<<<<<< HEAD\n{}", "merge conflict"),
        (DOCUMENT, b"{", "not JSON"),
        (DOCUMENT, b"[]", "of another kind than what was written"),
        (DOCUMENT, b"{}", "not a document of OpenAPI"),
        (DOCUMENT, b'{"x-acetate": {"version": 9}}', "newer Acetate"),
        (SNAPSHOT, b"<<<<<<< HEAD\n{}", "merge conflict"),
    ],
)
def test_an_approved_file_that_cannot_be_read_is_a_problem(shop: Shop, file: str, damage: bytes, problem: str) -> None:
    shop.run(shop.app())
    shop.accept()
    (shop.root / file).write_bytes(damage)
    verdict = shop.check()
    assert verdict.outcome == "unknown"
    assert [(each.where, problem in each.problem, bool(each.next)) for each in verdict.problems] == [(file, True, True)]


# --- other clients, the command line, a pull request ---


@pytest.mark.parametrize("library", [httpx, httpx2], ids=lambda each: each.__name__)
def test_an_async_client_shows_the_same_as_the_test_client(shop: Shop, library: Any) -> None:
    shop.run(shop.app())
    shop.accept()
    app = shop.app(model(owner=(str, ...)), item(owner="Ada"))
    own = OwnApi("shop_app:app")
    shop.modules("shop_app", SimpleNamespace(app=app))

    async def ask() -> None:
        transport = library.ASGITransport(app=app)
        async with library.AsyncClient(transport=transport, base_url="http://shop") as client:
            await client.get("/items/7")

    with own.watching():
        asyncio.run(ask())
    leave(shop.project(), TEST, own.document(), own.take())
    assert shop.kinds() == [("field-added", "$.owner")]


def test_the_command_line_decides_on_it_as_on_recordings(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    def acetate(*words: str) -> tuple[int, str]:
        code = main(["--root", str(shop.root), *words])
        return code, capsys.readouterr().out

    shop.run(shop.app())
    assert acetate("check")[0] == 1
    assert acetate("accept", "--all", "--reason", "baseline")[0] == 0
    assert acetate("check")[0] == 0
    before = shop.approved()
    shop.run(shop.app(model(without="title", name=(str, ...)), item(name="A chair")))
    (fingerprint,) = [each.fingerprint for each in shop.check().changes]
    code, text = acetate("check")
    assert code == 1
    assert "shop:GET /items/{item_id} 200" in text
    assert fingerprint[:8] in text
    code, text = acetate("show", fingerprint[:8])
    assert (code, f"({TEST})" in text) == (0, True)
    assert "seen in 1 of 1 responses, in 1 test" in text
    assert '-  "title": "<text>"' in text
    assert '+  "name": "<text>"' in text
    assert acetate("accept", fingerprint[:8], "--reason", "clients were told")[0] == 0
    assert acetate("check")[0] == 0
    assert "clients were told" in acetate("log")[1]
    assert acetate("undo", fingerprint[:8])[0] == 0
    assert shop.approved() == before
    assert acetate("reject", fingerprint[:8], "--reason", "not yet")[0] == 0
    assert acetate("check")[0] == 1
    assert "orphan" not in acetate("status")[1]


def git(root: Path, *words: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "-C", str(root), *identity, *words], check=True, capture_output=True)


def test_what_was_left_on_another_branch_is_not_looked_at(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    git(shop.root, "init", "--quiet", "--initial-branch=main")
    git(shop.root, "commit", "--quiet", "--allow-empty", "-m", "x")
    shop.run(shop.app())
    check = ["--root", str(shop.root), "check"]
    git(shop.root, "switch", "--quiet", "-c", "begun-here")
    assert main(check) == 1, "the same commit has the same code"
    git(shop.root, "commit", "--quiet", "--allow-empty", "-m", "y")
    git(shop.root, "switch", "--quiet", "main")
    assert main(check) == 1, "it was left on this branch"
    git(shop.root, "switch", "--quiet", "begun-here")
    capsys.readouterr()
    assert main(check) == 2, "nothing is left to examine"
    text = capsys.readouterr().out
    assert "note: what the tests of shop were answered is not looked at: it was left on branch main" in text
    assert "run the tests" in text
    git(shop.root, "switch", "--quiet", "--detach", "main")
    assert main(check) == 1, "the same commit, on no branch"


def test_deriving_contracts_again_leaves_the_project_s_own_api_alone(shop: Shop) -> None:
    shop.run(shop.app())
    shop.accept()
    before = shop.approved()
    assert rebuild(shop.project()) == []
    assert shop.approved() == before


def test_a_pull_request_shows_what_it_approves(shop: Shop) -> None:
    def git(*words: str) -> None:
        command = ["git", "-C", str(shop.root), "-c", "user.name=a", "-c", "user.email=a@example.org", *words]
        subprocess.run(command, check=True, capture_output=True)

    git("init", "--quiet")
    shop.run(shop.app())
    shop.run(shop.app(), test="tests/test_items.py::test_old")
    shop.accept()
    git("add", ".")
    git("commit", "--quiet", "--message", "first")
    renamed = shop.app(model(without="title", name=(str, ...)), item(name="A chair"))
    shop.run(renamed)
    shop.run(renamed, test="tests/test_items.py::test_old")
    shop.accept(lambda each: each.kind == "field-renamed")
    (shop.root / "snapshots/shop/tests/test_items.py/test_old.json").unlink()
    project = shop.project()
    verdict = examine_amendment(project, "HEAD", Context("shop", "test"))
    assert [(each.edge, each.kind, each.path, each.decision) for each in verdict.changes] == [
        ("provide", "field-renamed", "$.title", "approved"),
        ("provide", "observation-lost", "$", None),
    ]
    confirm(project, verdict.changes[1:], by="Ada", why="meant")
    verdict = examine_amendment(shop.project(), "HEAD", Context("shop", "test"))
    assert {each.decision for each in verdict.changes} == {"approved"}
    assert verdict.outcome == "passed"
    git("add", ".")
    git("commit", "--quiet", "--message", "second")
    assert examine_amendment(shop.project(), "HEAD", Context("shop", "test")).changes == ()


# --- names ---


@pytest.mark.parametrize(
    ("test", "name"),
    [
        ("tests/test_a.py::test_b", "chat/tests/test_a.py/test_b"),
        ("test_a.py::TestB::test_c[d/e::f]", "chat/test_a.py/TestB/test_c[d%2fe%3a%3af]"),
        ("../test_a.py::test_b[.]", "chat/%2e%2e/test_a.py/test_b[.]"),
        ("test_a.py", "chat/test_a.py"),
        ('test_a.py::test_b["x?"]', "chat/test_a.py/test_b[%22x%3f%22]"),
    ],
)
def test_a_snapshot_is_named_after_its_test(test: str, name: str) -> None:
    assert snapshot_name("chat", test) == name


def test_long_ids_of_tests_are_cut_and_never_meet() -> None:
    one, other = (snapshot_name("chat", f"test_a.py::test[{'ü' * 300}{end}]") for end in "ab")
    assert one != other
    assert len(one.rpartition("/")[2].encode()) <= 150


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('app = "main:app"\nproject = "a b"', "cannot name the service"),
        ('app = "main:app"\nservice = "tests"', "is a folder of cassettes"),
        ('app = "main"', "the place of an app"),
        ('provide.values = ["name"]', "path that cannot be read"),
    ],
)
def test_what_cannot_be_the_service_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "acetate.toml").write_text(text)
    with pytest.raises(ConfigError, match=problem):
        Project.open(tmp_path, {})
