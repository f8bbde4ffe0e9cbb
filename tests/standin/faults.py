"""What Together and the proxies before it say when they refuse."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from tests.standin.mint import Mint
from tests.standin.models import Object

__all__ = ["FAULTS", "RETRY_AFTER", "Fault", "envelope", "page", "phrase"]


@dataclass(frozen=True, slots=True)
class Fault:
    status: int
    message: str
    type: str = "invalid_request_error"
    param: str | None = None
    code: str | None = None


KNOWN = (
    Fault(400, "Invalid request"),
    Fault(
        401,
        "Invalid API key provided. You can find your API key at https://api.together.ai/settings/api-keys.",
        code="invalid_api_key",
    ),
    Fault(
        402, "Credit limit exceeded. Please add credits at https://api.together.ai/settings/billing.", "credit_limit"
    ),
    Fault(403, "The input and `max_tokens` together exceed the context of the model."),
    Fault(
        404,
        "Unable to access model. Please visit https://api.together.xyz to see the list of supported models or contact "
        "the owner to request access.",
        code="model_not_found",
    ),
    Fault(422, "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 131072"),
    Fault(429, "You have been rate limited. Your rate limit is 60 queries per minute.", "credit_limit"),
    Fault(500, "Internal server error", "server_error"),
    Fault(503, "The server is overloaded or not ready yet.", "server_error"),
    Fault(504, "The request timed out.", "server_error"),
    Fault(520, "Web server is returning an unknown error", "server_error"),
    Fault(522, "Connection timed out", "server_error"),
    Fault(524, "A timeout occurred", "server_error"),
    Fault(529, "The server is overloaded.", "server_error"),
)
FAULTS = {fault.status: fault for fault in KNOWN}

RETRY_AFTER = {429: "2", 500: "1", 503: "1"}


def envelope(fault: Fault, mint: Mint) -> Object:
    """The JSON of an error, with the `id` that no document mentions."""
    error = {"message": fault.message, "type": fault.type, "param": fault.param, "code": fault.code}
    return {"id": mint.id, "error": error}


def page(fault: Fault, mint: Mint) -> str:
    """The HTML that Cloudflare puts in the place of an answer it did not get."""
    return f"""<!DOCTYPE html>
<html lang="en-US">
<head><title>api.together.ai | {fault.status}: {fault.message}</title></head>
<body>
<h1>{fault.message} <span>Error code {fault.status}</span></h1>
<p>Cloudflare Ray ID: <strong>{mint.ray}</strong></p>
</body>
</html>
"""


def phrase(status: int) -> str:
    """The reason in the status line; Cloudflare's own statuses have none."""
    return HTTPStatus(status).phrase if status in {known.value for known in HTTPStatus} else ""
