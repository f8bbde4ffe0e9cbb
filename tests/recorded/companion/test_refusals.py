"""What a client of the companion is told when Together refuses, fails or breaks off: a problem, never a 500."""

from __future__ import annotations

import pytest

from tests.app.companion.streams import events
from tests.recorded.models import NOT_SERVED

pytestmark = pytest.mark.vcr

CHAT = "/api/chat"
TOLD = {
    400: (502, "provider-refused"),
    401: (502, "provider-account"),
    402: (502, "provider-account"),
    403: (502, "provider-refused"),
    404: (502, "provider-model-unavailable"),
    422: (502, "provider-refused"),
    429: (429, "provider-rate-limited"),
    500: (502, "provider-unavailable"),
    503: (502, "provider-unavailable"),
    504: (504, "provider-timeout"),
    520: (502, "provider-unavailable"),
    522: (502, "provider-unavailable"),
    524: (504, "provider-timeout"),
    529: (502, "provider-unavailable"),
}
ITS_OWN = [status for status in TOLD if status < 520]
"""Others come from Cloudflare, always with a page."""


@pytest.mark.parametrize("status", ITS_OWN)
@pytest.mark.parametrize("form", ["json", "text", "html"])
def test_status(user, companion, script, status, form):
    script(error=status, error_as=form, headers={"retry-after": "0"})
    answer = user.post(CHAT, json={"message": "Say hello.", "companion_id": companion()})
    assert (answer.status_code, answer.json()["code"]) == TOLD[status]
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("status", [status for status in TOLD if status not in ITS_OWN])
def test_cloudflare(user, companion, script, status):
    script(error=status, headers={"retry-after": "0"})
    answer = user.post(CHAT, json={"message": "Say hello.", "companion_id": companion()})
    assert (answer.status_code, answer.json()["code"]) == TOLD[status]


@pytest.mark.parametrize("model", NOT_SERVED.values(), ids=NOT_SERVED)
def test_model(user, companion, model):
    answer = user.post(CHAT, json={"message": "Say hello.", "companion_id": companion(model=model)})
    assert (answer.status_code, answer.json()["code"]) == TOLD[404]


@pytest.mark.parametrize("status", [429, 500])
def test_stream(user, companion, script, status):
    script(error=status, headers={"retry-after": "0"})
    answer = user.post(CHAT, json={"message": "Say hello.", "stream": True, "companion_id": companion()})
    assert (answer.status_code, answer.json()["code"]) == TOLD[status]


def test_error_inside_a_stream(user, companion, script):
    script(malformed=["error"], say="One two three four five six.")
    answer = user.post(CHAT, json={"message": "Say hello.", "stream": True, "companion_id": companion()})
    name, told = events(answer.text)[-1]
    assert name == "error"
    assert told["code"].startswith("provider-")
    kept = user.get(CHAT).json()["items"]
    assert [(each["role"], each["status"]) for each in kept] == [("user", "unanswered"), ("assistant", "partial")]


def test_no_choices(user, companion, script):
    script(remove=["$.choices"])
    answer = user.post(CHAT, json={"message": "Say hello.", "companion_id": companion()})
    assert (answer.status_code, answer.json()["code"]) == (502, "provider-malformed")


def test_embeddings_that_fail(user, companion, script):
    script(remove=["$.data"])
    answer = user.post(CHAT, json={"message": "Say hello.", "companion_id": companion(remembers=True)})
    assert answer.status_code == 200
    assert answer.json()["recalled"] == []
