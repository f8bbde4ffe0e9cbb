"""The answer to a request: which operation, whether it is refused, and what it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.standin import operations
from tests.standin.arrival import Arrival
from tests.standin.chat import Conversation
from tests.standin.faults import FAULTS, Fault, envelope, page
from tests.standin.mint import Mint
from tests.standin.models import DEDICATED, MODELS, Object
from tests.standin.script import Script

__all__ = ["EVENTS", "JSON", "Answer", "answer"]

JSON = "application/json; charset=utf-8"
EVENTS = "text/event-stream;charset=utf-8"
MOST_LOGPROBS = 20


@dataclass(frozen=True, slots=True)
class Answer:
    """`content` is a JSON value, a list of them for a stream, or bytes, as the media type says."""

    status: int
    media_type: str
    content: Any


def answer(arrival: Arrival, script: Script, mint: Mint) -> Answer:
    """Before the script's edits."""
    if script.error is not None:
        return refused(FAULTS.get(script.error, Fault(script.error, "Error")), script, mint)
    if not arrival.key:
        return refused(FAULTS[401], script, mint)
    operation = OPERATIONS.get(arrival.call)
    if operation is None:
        return refused(Fault(404, f"Not found: {arrival.call}", code="not_found"), script, mint)
    request = asked(arrival)
    fault = None if arrival.call == LIST_MODELS else wrong(arrival.call, request)
    return refused(fault, script, mint) if fault else operation(request, script, mint)


def refused(fault: Fault, script: Script, mint: Mint) -> Answer:
    cloudflare = 520 <= fault.status < 529
    match script.error_as or ("html" if cloudflare else "json"):
        case "html":
            return Answer(fault.status, "text/html; charset=UTF-8", page(fault, mint).encode())
        case "text":
            return Answer(fault.status, "text/plain; charset=utf-8", fault.message.encode())
        case _:
            return Answer(fault.status, JSON, envelope(fault, mint))


def asked(arrival: Arrival) -> Object:
    """The values of the request's JSON or form; empty where there are none."""
    if arrival.form:
        return {"model": "openai/whisper-large-v3"} | arrival.form | text_model(arrival.form)
    try:
        request = arrival.json
    except ValueError:
        return {}
    return request if isinstance(request, dict) else {}


def text_model(form: dict[str, bytes]) -> Object:
    return {"model": form["model"].decode()} if "model" in form else {}


def wrong(call: str, request: Object) -> Fault | None:
    """What Together says to a request that it does not take."""
    missing = [name for name in ("model", *REQUIRED[call]) if not request.get(name)]
    if missing:
        return Fault(400, "Invalid request", param=missing[0])
    model = request["model"]
    if model not in MODELS:
        text = FAULTS[404].message.replace("access model", f"access model {model}")
        return Fault(404, text, code="model_not_found")
    if model in DEDICATED:
        text = f"Unable to access non-serverless model {model}. Please visit https://api.together.ai/models/{model}"
        return Fault(
            400, f"{text} to create and start a new dedicated endpoint for the model.", code="model_not_available"
        )
    if (logprobs := int(request.get("logprobs") or 0)) > MOST_LOGPROBS:
        return Fault(400, f"{logprobs} is greater than the maximum of {MOST_LOGPROBS} - 'logprobs'", param="logprobs")
    strange = [name for name in ("user", "dimensions") if name in request]
    if call == EMBED and strange:
        return Fault(400, f"Unrecognized request arguments supplied: {', '.join(strange)}")
    return None


# --- the operations ---------------------------------------------------------------------------------------------------


def talk(request: Object, script: Script, mint: Mint) -> Answer:
    conversation = Conversation(request, mint, dialect=script.dialect, say=script.say)
    if request.get("stream"):
        return Answer(200, EVENTS, conversation.stream())
    return Answer(200, JSON, conversation.whole())


def embed(request: Object, script: Script, mint: Mint) -> Answer:
    return Answer(200, JSON, operations.embeddings(request))


def rank(request: Object, script: Script, mint: Mint) -> Answer:
    return Answer(200, JSON, operations.rerank(request, mint))


def list_models(request: Object, script: Script, mint: Mint) -> Answer:
    return Answer(200, JSON, operations.models())


def draw(request: Object, script: Script, mint: Mint) -> Answer:
    return Answer(200, JSON, operations.images(request, mint))


def speak(request: Object, script: Script, mint: Mint) -> Answer:
    if request.get("stream"):
        return Answer(200, EVENTS, operations.speech_chunks(request))
    return Answer(200, *operations.speech_audio(request))


def transcribe(request: Object, script: Script, mint: Mint) -> Answer:
    return Answer(200, JSON, operations.transcription(request, "transcribe"))


def translate(request: Object, script: Script, mint: Mint) -> Answer:
    return Answer(200, JSON, operations.transcription(request, "translate"))


LIST_MODELS = "GET /models"
EMBED = "POST /embeddings"
OPERATIONS: dict[str, Callable[[Object, Script, Mint], Answer]] = {
    "POST /chat/completions": talk,
    "POST /completions": talk,
    EMBED: embed,
    "POST /rerank": rank,
    LIST_MODELS: list_models,
    "POST /images/generations": draw,
    "POST /audio/speech": speak,
    "POST /audio/transcriptions": transcribe,
    "POST /audio/translations": translate,
}
REQUIRED: dict[str, tuple[str, ...]] = {
    "POST /chat/completions": ("messages",),
    "POST /completions": ("prompt",),
    EMBED: ("input",),
    "POST /rerank": ("query", "documents"),
    "POST /images/generations": ("prompt",),
    "POST /audio/speech": ("input", "voice"),
    "POST /audio/transcriptions": ("file",),
    "POST /audio/translations": ("file",),
}
