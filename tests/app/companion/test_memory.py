"""Memory: what was said is embedded, the nearest is recalled within a budget, and forgotten on request."""

from __future__ import annotations

import pytest
from psycopg.errors import DeadlockDetected
from sqlalchemy.exc import OperationalError

from app.companion.memory import service
from app.models import Memory
from tests.app.engines import ONLY_SQLITE

CHAT, MEMORIES = "/api/chat", "/api/v1/memories/"


@pytest.fixture
def ada(user):
    return user.post("/api/v1/companions/", json={"name": "Ada", "system_prompt": "You are Ada."}).json()["id"]


@pytest.fixture
def user(client_told):
    """The threshold is such that nothing is near by chance and the same words are."""
    return client_told(companion_recall_threshold=0.99)


def ask(user, message, **more):
    answer = user.post(CHAT, json={"message": message, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def prompts(together):
    return [arrival.json["messages"] for arrival in together.requests if arrival.call == "POST /chat/completions"]


def embedded(together):
    return [arrival.json["input"] for arrival in together.requests if arrival.call == "POST /embeddings"]


def test_what_was_said_elsewhere_comes_back_where_it_is_near(user, together, ada):
    ask(user, "My sister is Edda.", companion_id=ada)
    answer = ask(user, "My sister is Edda.", companion_id=ada)
    assert [each["content"] for each in answer["recalled"]] == ["My sister is Edda."]
    assert answer["recalled"][0]["similarity"] == pytest.approx(1)
    system = prompts(together)[-1][0]["content"]
    assert system.startswith("You are Ada.\n\nWhat you remember")
    assert system.endswith("- user: My sister is Edda.")


@ONLY_SQLITE
def test_what_is_not_near_does_not_come_back(user, together, ada):
    ask(user, "My sister is Edda.", companion_id=ada)
    assert ask(user, "What is the capital of Peru?", companion_id=ada)["recalled"] == []
    assert prompts(together)[-1][0]["content"] == "You are Ada."


@ONLY_SQLITE
def test_what_is_in_the_history_is_not_recalled_too(user, ada):
    first = ask(user, "My sister is Edda.", companion_id=ada)
    again = ask(user, "My sister is Edda.", conversation_id=first["conversation_id"])
    assert again["recalled"] == []


def test_a_reply_is_remembered_with_the_next_question(user, together, ada):
    together.script(say="Peru is in South America.")
    first = ask(user, "One?", companion_id=ada)
    assert user.get(MEMORIES).json()["total"] == 1
    ask(user, "Two?", conversation_id=first["conversation_id"])
    assert embedded(together) == [["One?"], ["Peru is in South America.", "Two?"]]
    kept = user.get(MEMORIES).json()["items"]
    assert {(memory["role"], memory["content"]) for memory in kept} == {
        ("user", "One?"),
        ("user", "Two?"),
        ("assistant", "Peru is in South America."),
    }


@ONLY_SQLITE
def test_each_companion_and_each_user_has_memories_of_its_own(user, other, ada):
    eve = user.post("/api/v1/companions/", json={"name": "Eve"}).json()["id"]
    ask(user, "My sister is Edda.", companion_id=ada)
    assert ask(user, "My sister is Edda.", companion_id=eve)["recalled"] == []
    answer = user.post(CHAT, json={"message": "My sister is Edda."}, headers=other)
    assert answer.json()["recalled"] == []
    assert user.get(MEMORIES, params={"companion_id": ada}).json()["total"] == 1
    assert user.get(MEMORIES).json()["total"] == 2


@ONLY_SQLITE
def test_a_companion_that_does_not_remember_asks_for_no_embeddings(user, together):
    eve = user.post("/api/v1/companions/", json={"name": "Eve", "remembers": False}).json()["id"]
    for _ in range(2):
        assert ask(user, "My sister is Edda.", companion_id=eve)["recalled"] == []
    assert embedded(together) == []
    assert user.get(MEMORIES).json()["total"] == 0


@ONLY_SQLITE
def test_what_could_not_be_embedded_is_remembered_with_the_next_question(user, together, ada):
    together.script(times=1, error=500)
    first = ask(user, "One?", companion_id=ada)
    ask(user, "Two?", conversation_id=first["conversation_id"])
    assert embedded(together)[1][0] == "One?"
    assert user.get(MEMORIES).json()["total"] == 3


@ONLY_SQLITE
def test_a_text_that_cannot_be_embedded_is_in_the_way_of_no_later_one(user, together, ada):
    together.script(times=1, error=400)
    first = ask(user, "One?", companion_id=ada)
    ask(user, "Two?", conversation_id=first["conversation_id"])
    assert embedded(together)[1] == [first["reply"]["content"], "Two?"]
    assert user.get(MEMORIES).json()["total"] == 2


@ONLY_SQLITE
def test_no_more_is_recalled_than_the_budget_holds(user, together, ada):
    for _ in range(2):
        ask(user, "x" * 1800, companion_id=ada)
    answer = ask(user, "x" * 1800, companion_id=ada)
    assert len(answer["recalled"]) == 1


@ONLY_SQLITE
def test_memories_of_another_embedding_model_are_left_alone(user, database, ada):
    ask(user, "My sister is Edda.", companion_id=ada)
    with database.write() as session:
        session.query(Memory).update({"model": "another"})
    assert ask(user, "My sister is Edda.", companion_id=ada)["recalled"] == []


@pytest.mark.parametrize("path", [MEMORIES, "one"])
def test_forgetting_that_a_deadlock_broke_is_done_once_more(user, ada, path, monkeypatch):
    ask(user, "My sister is Edda.", companion_id=ada)
    (kept,) = user.get(MEMORIES).json()["items"]
    broken = []

    def breaking(*_):
        if not broken:
            broken.append(True)
            raise OperationalError("", {}, DeadlockDetected())

    monkeypatch.setattr(service, "announce", breaking)
    assert user.delete(MEMORIES if path == MEMORIES else MEMORIES + kept["id"]).is_success
    assert broken
    assert user.get(MEMORIES).json()["total"] == 0


# --- forgetting -------------------------------------------------------------------------------------------------------


def test_what_is_forgotten_is_gone_for_good_and_the_message_stays(user, ada):
    first = ask(user, "My sister is Edda.", companion_id=ada)
    (memory,) = user.get(MEMORIES).json()["items"]
    assert user.delete(MEMORIES + memory["id"]).status_code == 204
    assert ask(user, "Something else.", conversation_id=first["conversation_id"])["recalled"] == []
    assert "My sister is Edda." not in [item["content"] for item in user.get(MEMORIES).json()["items"]]
    assert ask(user, "My sister is Edda.", companion_id=ada)["recalled"] == []
    assert user.get(CHAT).json()["items"][0]["content"] == "My sister is Edda."


def test_all_of_one_companion_or_all_can_be_forgotten_also_what_was_to_be_remembered(user, together, ada):
    eve = user.post("/api/v1/companions/", json={"name": "Eve"}).json()["id"]
    first = ask(user, "One?", companion_id=ada)
    ask(user, "Two?", companion_id=eve)
    assert user.delete(MEMORIES, params={"companion_id": ada}).json() == {"count": 1}
    assert [item["content"] for item in user.get(MEMORIES).json()["items"]] == ["Two?"]
    ask(user, "Three?", conversation_id=first["conversation_id"])
    assert embedded(together)[-1] == ["Three?"]
    assert user.delete(MEMORIES).json() == {"count": 2}
    assert user.get(MEMORIES).json() == {"items": [], "total": 0}


@ONLY_SQLITE
def test_nobody_forgets_for_another(user, other, ada):
    ask(user, "My sister is Edda.", companion_id=ada)
    (memory,) = user.get(MEMORIES).json()["items"]
    assert user.delete(MEMORIES + memory["id"], headers=other).status_code == 404
    assert user.delete(MEMORIES, headers=other).json() == {"count": 0}
    assert user.get(MEMORIES).json()["total"] == 1


@ONLY_SQLITE
def test_a_memory_goes_with_its_conversation(user, ada):
    talk = ask(user, "My sister is Edda.", companion_id=ada)["conversation_id"]
    user.delete(f"/api/v1/conversations/{talk}")
    assert user.get(MEMORIES).json()["total"] == 0
