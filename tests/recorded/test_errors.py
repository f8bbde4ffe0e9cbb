"""What a client meets when it is refused: by each status as JSON, as plain text and as a page of Cloudflare's, and by
what it asked."""

from __future__ import annotations

from typing import Any

import pytest
import together as together_sdk

from tests.recorded.models import BERT, LLAMA, NOT_SERVED, said

pytestmark = pytest.mark.vcr

ERRORS = {
    400: "BadRequestError",
    401: "AuthenticationError",
    402: "APIStatusError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
    500: "InternalServerError",
    503: "InternalServerError",
}
HELLO: dict[str, Any] = {"model": LLAMA, "messages": said("Say hello.")}


@pytest.mark.parametrize("status", ERRORS)
def test_status(together, script, status):
    bodies = []
    for form in ("json", "text", "html"):
        script(error=status, error_as=form)
        with pytest.raises(together_sdk.APIStatusError) as raised:
            together.chat.completions.create(**HELLO)
        assert (raised.value.status_code, type(raised.value).__name__) == (status, ERRORS[status])
        bodies.append(type(raised.value.body))
    assert bodies == [dict, str, str]


@pytest.mark.parametrize("status", [429, 503])
def test_status_of_a_stream(together, script, status):
    script(error=status)
    with pytest.raises(together_sdk.APIStatusError, match=str(status)):
        together.chat.completions.create(**HELLO, stream=True)


@pytest.mark.parametrize("status", [520, 524, 529])
def test_cloudflare(together, script, status):
    script(error=status)
    with pytest.raises(together_sdk.InternalServerError):
        together.chat.completions.create(**HELLO)


def test_inside_a_stream(together, script):
    script(malformed=["error"])
    with pytest.raises(together_sdk.APIError, match="Internal server error"):
        list(together.chat.completions.create(**HELLO, stream=True))


def test_another_try(together, script):
    script(error=503, times=1, headers={"retry-after-ms": "1"})
    reply = together.with_options(max_retries=1).chat.completions.create(**HELLO)
    assert reply.choices[0].message.content


WRONG: dict[str, dict[str, Any]] = {
    "no-messages": {"messages": []},
    "unknown-model": {"model": NOT_SERVED["unknown"]},
    "dedicated-model": {"model": NOT_SERVED["dedicated"]},
    "too-many-logprobs": {"logprobs": 21},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_request(together, wrong):
    with pytest.raises((together_sdk.BadRequestError, together_sdk.NotFoundError)):
        together.chat.completions.create(**HELLO | wrong)


def test_embeddings(sdk):
    """Together takes neither of what OpenAI takes."""
    with pytest.raises(Exception, match="Unrecognized request arguments supplied: user, dimensions"):
        sdk.embeddings.create(model=BERT, input="one", user="somebody", dimensions=8)


def test_no_key(together):
    nobody = together.with_options(default_headers={"Authorization": together_sdk.Omit()})
    with pytest.raises(together_sdk.AuthenticationError, match="Invalid API key"):
        nobody.chat.completions.create(**HELLO)
