from __future__ import annotations

from dataclasses import replace

from acetate.change import Change
from acetate.provider import Operation
from acetate.snapshot import Entry
from app.web.exchange_diff import document_parts, entry_parts, focus_of

PLAIN = Entry(
    "chat", "k", Operation("together", "chat"), 200, False, {"content-type": "application/json"}, {"id": "<id>"}
)
EVENTS = {"events": [{"usage": None}, "n ≥ 1"], "reply": {"usage": "<int>"}, "terminator": "[DONE]"}
STREAM = replace(PLAIN, stream=True, body=EVENTS)


def change(kind: str, path: str, before, after) -> Change:
    return Change("f", kind, "error", "consume", "together", "chat", 200, False, path, before, after)


def titles(parts) -> list[tuple[str, bool]]:
    return [(part.title, part.opened) for part in parts]


def test_an_exchange_is_compared_part_by_part():
    parts = entry_parts(PLAIN, replace(PLAIN, status=201, body={"id": None}))
    assert titles(parts) == [("Status", True), ("Body", True), ("Headers", False)]


def test_of_a_stream_there_are_the_reply_the_events_and_the_end():
    parts = entry_parts(STREAM, replace(STREAM, body={**EVENTS, "terminator": None}))
    assert titles(parts) == [
        ("Status", False),
        ("Reply, assembled from the stream", False),
        ("Events", False),
        ("Last event", True),
        ("Headers", False),
    ]


def test_a_stream_whose_dialect_adds_up_to_nothing_has_no_reply():
    assert "Reply" not in str(titles(entry_parts(replace(STREAM, body={}), None)))
    assert titles(entry_parts(replace(STREAM, body="odd"), None))[1] == ("Events", True)


def test_where_an_exchange_became_a_stream_all_parts_of_both_are_there():
    assert [title for title, _ in titles(entry_parts(PLAIN, STREAM))] == [
        "Status",
        "Body",
        "Headers",
        "Reply, assembled from the stream",
        "Events",
        "Last event",
    ]


def test_the_part_with_the_change_comes_first():
    parts = entry_parts(STREAM, replace(STREAM, status=500, body={**EVENTS, "reply": {}}), ["$reply.usage"])
    assert parts[0].title == "Reply, assembled from the stream"


def test_a_new_exchange_has_only_one_side():
    (status, *_) = entry_parts(None, PLAIN)
    assert [block.old for block in status.diff.blocks] == [()]


def test_a_document_is_one_part():
    assert titles(document_parts({"paths": {}}, {"paths": {"/x": {}}})) == [("Document", True)]
    assert titles(document_parts(None, None)) == [("Document", False)]


def test_a_renamed_field_is_looked_for_at_both_of_its_names():
    assert focus_of(change("field-renamed", "$.a", "$.a", "$.b")) == ("$.a", "$.a", "$.b")
    assert focus_of(change("type-changed", "$.a", "string", "integer")) == ("$.a",)
