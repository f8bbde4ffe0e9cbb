"""What the model says: derived from the request alone, and never the same for two different questions."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from tests.standin.mint import Mint
from tests.standin.models import Object, thinks_aloud

__all__ = ["Speech", "ToolCall", "completion", "count", "speech", "tokens", "told"]

TOKEN = re.compile(r"\s*\S+|\s+")
NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-zà-ÿ]+")
"""A capital letter that does not start the sentence: `Oslo` in "the weather in Oslo"."""
THOUGHT = "Someone asks, so I answer."


@dataclass(frozen=True, slots=True)
class ToolCall:
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Speech:
    """One choice. `finish` is `stop`, `length` or `tool_calls`; a reply that calls tools has no content."""

    content: str | None
    finish: str
    reasoning: str | None = None
    calls: tuple[ToolCall, ...] = ()

    @property
    def tokens(self) -> int:
        """At least one: the end is a token too."""
        said = [self.content or "", self.reasoning or "", *(call.arguments for call in self.calls)]
        return 1 + sum(count(text) for text in said)


def tokens(text: str) -> list[str]:
    """The pieces in which a model says it; joined they are the text."""
    return TOKEN.findall(text)


def count(text: str) -> int:
    return len(tokens(text))


def told(request: Object) -> str:
    """All that the messages say, for counting."""
    return " ".join(written(message.get("content")) for message in request["messages"])


def written(content: Any) -> str:
    """The text of a message, which may come in parts."""
    if isinstance(content, list):
        return " ".join(str(part.get("text", part.get("type"))) for part in content)
    return str(content or "")


def speech(request: Object, choice: int, say: str | None) -> Speech:
    """What one choice of a chat says: `say` where the script has words for it."""
    last = request["messages"][-1]
    question = written(last.get("content"))
    if say is None and last.get("role") != "tool" and (calls := tool_calls(request, question)):
        return Speech(None, "tool_calls", calls=calls)
    content = say if say is not None else structured(request, question) or answered(request, question, choice)
    reasoning = THOUGHT if reasons(request) else None
    if thinks_aloud(request["model"]):
        content, reasoning = f"<think>\n{THOUGHT}\n</think>\n\n{content}", None
    return ended(content, request, reasoning)


def completion(request: Object, choice: int, say: str | None) -> Speech:
    """What one choice of a plain completion says."""
    return ended(say or f" and so it goes on, très bien, {word(str(request['prompt']), choice)}.", request, None)


def answered(request: Object, question: str, choice: int) -> str:
    """Letters of more than one byte are always in it, so that a stream can be cut inside one."""
    if request["messages"][-1].get("role") == "tool":
        return f"Voilà, the tool says {question}, très bien."
    return f"Voilà: you asked “{question}”, très bien; my word is {word(told(request), choice)}."


def word(asked: str, choice: int) -> str:
    """Different for every conversation and every choice."""
    return Mint(asked.encode()).letters(f"word {choice}", 6)


def reasons(request: Object) -> bool:
    reasoning = request.get("reasoning")
    return bool(request.get("reasoning_effort") or (isinstance(reasoning, dict) and reasoning.get("enabled")))


def ended(content: str, request: Object, reasoning: str | None) -> Speech:
    """The content up to a stop sequence, or up to `max_tokens`."""
    stop = request.get("stop") or []
    for sequence in [stop] if isinstance(stop, str) else stop:
        content = content.partition(sequence)[0]
    limit = request.get("max_tokens")
    if limit is not None and count(content) > limit:
        return Speech("".join(tokens(content)[:limit]), "length", reasoning)
    return Speech(content, "stop", reasoning)


# --- tools ------------------------------------------------------------------------------------------------------------


def tool_calls(request: Object, question: str) -> tuple[ToolCall, ...]:
    """One call for each tool that the question names (the first tool, where it names none) and each name in it:
    "the weather in Oslo and Paris" makes two."""
    choice = request.get("tool_choice")
    tools = [tool["function"] for tool in request.get("tools") or []]
    if choice == "none" or not tools:
        return ()
    if isinstance(choice, dict):
        wanted = [tool for tool in tools if tool["name"] == choice["function"]["name"]]
    else:
        wanted = [tool for tool in tools if tool["name"].replace("_", " ") in question.lower()] or tools[:1]
    names = NAME.findall(question) or [""]
    return tuple(
        ToolCall(tool["name"], json.dumps(filled(tool.get("parameters") or {}, name), ensure_ascii=False))
        for tool in wanted
        for name in names
    )


# --- structured output ------------------------------------------------------------------------------------------------


def structured(request: Object, question: str) -> str | None:
    """JSON text, where the request wants JSON; the schema also where Together's older SDK puts it."""
    wanted = request.get("response_format") or {}
    if wanted.get("type") not in ("json_object", "json_schema"):
        return None
    schema = (wanted.get("json_schema") or {}).get("schema") or wanted.get("schema")
    value = filled(schema, question) if schema else {"answer": f"Voilà: {question}"}
    return json.dumps(value, ensure_ascii=False)


def filled(schema: Object, text: str) -> Any:
    """The smallest value that such a schema describes, with `text` for its strings."""
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            return {name: filled(inner, text) for name, inner in schema.get("properties", {}).items()}
        case "array":
            return [filled(schema.get("items") or {}, text)]
        case "integer":
            return 1
        case "number":
            return 0.5
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return text or "text"
