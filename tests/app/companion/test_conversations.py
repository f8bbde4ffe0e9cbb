"""`/api/v1/conversations/`: pages in a stable order, search in titles and messages, each user's own."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.app.engines import ONLY_SQLITE

TALKS = "/api/v1/conversations/"


@pytest.fixture
def ada(user):
    made = user.post("/api/v1/companions/", json={"name": "Ada", "remembers": False})
    return made.json()["id"]


def begun(user, ada, *titles):
    return [user.post(TALKS, json={"companion_id": ada, "title": title}).json() for title in titles]


def titles(user, **query):
    answer = user.get(TALKS, params=query)
    assert answer.status_code == 200, answer.text
    return [talk["title"] for talk in answer.json()["items"]]


def test_without_any_the_list_is_empty(user):
    assert user.get(TALKS).json() == {"items": [], "total": 0}


def test_a_conversation_begins_empty(user, ada):
    made = user.post(TALKS, json={"companion_id": ada, "title": " Fractions "})
    assert made.status_code == 201
    body = made.json()
    assert (body["title"], body["message_count"], body["companion_id"]) == ("Fractions", 0, ada)
    assert user.get(TALKS + body["id"]).json() == body
    assert user.get(f"{TALKS}{body['id']}/messages").json() == {"items": [], "total": 0}


def test_without_a_title_it_is_named_after_the_first_message(user, ada):
    talk = user.post(TALKS, json={"companion_id": ada}).json()
    for message in ("What is " + "very " * 40 + "long?", "And then?"):
        user.post("/api/chat", json={"message": message, "conversation_id": talk["id"]})
    named = user.get(TALKS + talk["id"]).json()["title"]
    assert named.startswith("What is very very")
    assert named.endswith("…")
    assert len(named) <= 60


@ONLY_SQLITE
@pytest.mark.parametrize(
    ("body", "at"),
    [
        ({}, "body.companion_id"),
        ({"companion_id": "x"}, "body.companion_id"),
        ({"companion_id": None}, "body.companion_id"),
        ({"companion_id": str(uuid4()), "title": ""}, "body.title"),
        ({"companion_id": str(uuid4()), "title": "x" * 201}, "body.title"),
        ({"companion_id": str(uuid4()), "color": "red"}, "body.color"),
    ],
)
def test_missing_and_wrong_fields_are_a_422_that_says_where(user, body, at):
    answer = user.post(TALKS, json=body)
    assert answer.status_code == 422
    assert [field["at"] for field in answer.json()["fields"]] == [at]


def test_a_companion_that_is_not_there_or_is_anothers_is_a_422_with_a_code(user, other, ada):
    for companion, headers in ((str(uuid4()), {}), (ada, other)):
        answer = user.post(TALKS, json={"companion_id": companion}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "companion-not-found")


def test_a_title_can_be_changed_and_found(user, ada):
    (talk,) = begun(user, ada, "Old")
    changed = user.patch(TALKS + talk["id"], json={"title": "New"}).json()
    assert changed["title"] == "New"
    assert changed["updated_at"] > talk["updated_at"]
    assert titles(user, q="old") == []
    assert titles(user, q="new") == ["New"]


@ONLY_SQLITE
@pytest.mark.parametrize("change", [{}, {"title": ""}, {"title": None}, {"title": "x", "id": "y"}])
def test_a_change_that_does_not_fit_is_a_422(user, ada, change):
    (talk,) = begun(user, ada, "Kept")
    assert user.patch(TALKS + talk["id"], json=change).status_code == 422
    assert titles(user) == ["Kept"]


def test_what_is_deleted_is_gone_with_its_messages(user, ada):
    (talk,) = begun(user, ada, "Gone")
    user.post("/api/chat", json={"message": "Hello?", "conversation_id": talk["id"]})
    assert user.delete(TALKS + talk["id"]).status_code == 204
    assert user.get(TALKS + talk["id"]).status_code == 404
    assert user.get("/api/chat").json()["total"] == 0


@ONLY_SQLITE
@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/messages")])
def test_what_is_anothers_or_nobodys_is_a_404(user, other, ada, method, path):
    (talk,) = begun(user, ada, "Mine")
    body = {"json": {"title": "Theirs"}} if method == "PATCH" else {}
    for conversation, headers in ((talk["id"], other), (str(uuid4()), {})):
        answer = user.request(method, TALKS + conversation + path, headers=headers, **body)
        assert (answer.status_code, answer.json()["code"]) == (404, "conversation-not-found")
    assert titles(user) == ["Mine"]
    assert user.get(TALKS, headers=other).json()["total"] == 0


@ONLY_SQLITE
@pytest.mark.parametrize("path", ["x", "x/messages", "00000000-0000-0000-0000-00000000000g"])
def test_an_id_that_is_no_uuid_is_a_422(user, path):
    assert user.get(TALKS + path).status_code == 422


# --- pages ------------------------------------------------------------------------------------------------------------


def test_pages_hold_every_conversation_once_also_where_all_are_equal(user, ada):
    begun(user, ada, *["Same"] * 7)
    for sort in ("title", "-title", "updated_at", "-updated_at", "created_at", "-created_at"):
        pages = [user.get(TALKS, params={"limit": 3, "offset": offset, "sort": sort}).json() for offset in (0, 3, 6)]
        ids = [talk["id"] for page in pages for talk in page["items"]]
        assert len(set(ids)) == len(ids) == pages[0]["total"] == 7
        backwards = user.get(TALKS, params={"sort": sort[1:] if sort[0] == "-" else f"-{sort}"}).json()
        assert [talk["id"] for talk in backwards["items"]] == ids[::-1]


def test_both_databases_sort_titles_alike(user, ada):
    begun(user, ada, "b", "Z", "ä", "a", "Ω", "_", "A b", "é", "10", "9")
    assert titles(user, sort="title") == ["10", "9", "_", "a", "A b", "b", "Z", "ä", "é", "Ω"]


def test_the_one_where_something_was_said_last_comes_first(user, ada):
    first, _ = begun(user, ada, "first", "second")
    assert titles(user) == ["second", "first"]
    user.post("/api/chat", json={"message": "Hello?", "conversation_id": first["id"]})
    assert titles(user) == ["first", "second"]
    assert titles(user, sort="created_at") == ["first", "second"]


@ONLY_SQLITE
@pytest.mark.parametrize(
    "query",
    [{"limit": 0}, {"limit": 201}, {"limit": "x"}, {"offset": -1}, {"offset": 10**20}, {"sort": "color"}, {"q": ""}],
    ids=str,
)
def test_a_query_that_does_not_fit_is_a_422(user, query):
    assert user.get(TALKS, params=query).status_code == 422


def test_messages_come_in_pages_from_either_end(user, ada):
    talk = None
    for number in range(3):
        where = {"conversation_id": talk} if talk else {"companion_id": ada}
        talk = user.post("/api/chat", json={"message": f"{number}?", **where}).json()["conversation_id"]
    messages = user.get(f"{TALKS}{talk}/messages").json()["items"]
    assert [message["position"] for message in messages] == [1, 2, 3, 4, 5, 6]
    page = user.get(f"{TALKS}{talk}/messages", params={"order": "newest", "limit": 2, "offset": 1}).json()
    assert [message["position"] for message in page["items"]] == [5, 4]
    assert page["total"] == 6


# --- search -----------------------------------------------------------------------------------------------------------


def test_words_are_found_in_titles_and_in_messages_of_both_sides(user, ada, together):
    begun(user, ada, "Über Brüche", "Other")
    together.script(say="Edinburgh is rainy.")
    user.post("/api/chat", json={"message": "The WEATHER in Łódź?", "companion_id": ada})
    assert titles(user, q="ÜBER br") == ["Über Brüche"]
    assert titles(user, q="łódź") == ["The WEATHER in Łódź?"]
    assert titles(user, q="weather") == ["The WEATHER in Łódź?"]
    assert titles(user, q="EDINBURGH") == ["The WEATHER in Łódź?"]
    assert titles(user, q="e") == ["The WEATHER in Łódź?", "Other", "Über Brüche"]
    assert titles(user, q="snow") == []


def test_wildcards_are_letters_like_others(user, ada):
    begun(user, ada, "100%", "100x", "a_b", "aXb", "c\\d")
    assert titles(user, q="0%") == ["100%"]
    assert titles(user, q="a_b") == ["a_b"]
    assert titles(user, q="c\\d") == ["c\\d"]
    assert titles(user, q="%") == ["100%"]


@pytest.mark.parametrize("words", ["%00", "'; DROP TABLE conversations; --", '"', "%F0%9F%98%80"])
def test_a_search_for_anything_is_never_a_500(user, ada, words):
    begun(user, ada, "Still here")
    assert user.get(f"{TALKS}?q={words}").status_code in (200, 422)
    assert titles(user) == ["Still here"]


def test_nobody_finds_what_another_said(user, other, ada):
    user.post("/api/chat", json={"message": "My secret is safe.", "companion_id": ada})
    assert user.get(TALKS, params={"q": "secret"}, headers=other).json()["total"] == 0
