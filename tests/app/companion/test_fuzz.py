"""Whatever is sent, the answer is never a 500 and never says what the server is made of.

FUZZ_EXAMPLES says how many bodies; 5,000 take a minute or two.
"""

from __future__ import annotations

import json
import os
import re

import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.app.engines import ONLY_SQLITE

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "150"))
INSIDES = re.compile(r"Traceback|sqlalchemy|psycopg|sqlite|SELECT |INSERT |\.py\b|/app/", re.IGNORECASE)
FEW = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)

ANY_TEXT = st.text(st.characters(codec=None, categories=None), max_size=40)
SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT | st.uuids().map(str)
JSON = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=10,
)
NEARLY = st.fixed_dictionaries(
    {"message": ANY_TEXT | JSON},
    optional={
        "conversation_id": SCALAR | JSON,
        "companion_id": SCALAR | JSON,
        "stream": st.booleans() | JSON,
        "extra": JSON,
    },
)
BODY = (NEARLY | JSON).map(lambda value: json.dumps(value).encode()) | st.binary(max_size=200)
"""Bodies that nearly fit, other JSON, and bytes."""


@ONLY_SQLITE
@FEW
@given(body=BODY, key=st.none() | st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=20))
def test_no_body_of_a_chat_is_a_500(user, body, key):
    headers = {"content-type": "application/json"} | ({"idempotency-key": key} if key else {})
    answer = user.post("/api/chat", content=body, headers=headers)
    assert answer.status_code < 500, (body, answer.text)
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert not INSIDES.search(answer.text)


@ONLY_SQLITE
@settings(parent=FEW, max_examples=max(EXAMPLES // 5, 20))
@given(reply=JSON, whole=st.booleans(), stream=st.booleans())
def test_no_reply_of_the_provider_is_a_500(user, together, reply, whole, stream):
    """Anything in the place of the body or of the text, plain and in every event."""

    def edited(body):
        if whole or not isinstance(body, dict) or not body.get("choices"):
            return storable(reply)
        for choice in body["choices"]:
            choice["message" if "message" in choice else "delta"] = storable(reply)
        return body

    together.script(edit=edited)
    answer = user.post("/api/chat", json={"message": "Hello?", "stream": stream})
    assert answer.status_code in (200, 502)


def storable(value):
    """As UTF-8 can carry it: the stand-in is a server too."""
    return json.loads(json.dumps(value).encode("utf-8", "replace").replace(b"\\ud", b"\\u0"))


# --- the whole API, by its own description ----------------------------------------------------------------------------


OURS = re.compile("/api/(chat|v1/(conversations|companions|memories|tools))")


@ONLY_SQLITE
def test_every_answer_is_as_the_openapi_document_says(app, user, me):
    """Some valid requests are refused for what no schema says: a companion that is not there, text of spaces."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    operations = [each.ok() for each in schema.get_all_operations() if OURS.match(each.ok().path)]
    assert len(operations) == 17
    for operation in operations:

        @settings(parent=FEW, max_examples=max(EXAMPLES // 30, 5))
        @given(case=operation.as_strategy())
        def answered(case):
            case.call_and_validate(headers=me, excluded_checks=[positive_data_acceptance])

        answered()
