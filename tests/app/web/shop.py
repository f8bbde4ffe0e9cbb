"""A project of a made-up shop assistant: what its provider answered when it was approved, and what it answers now."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from acetate.cassette import Cassette
from acetate.exchange import Exchange, Recording, Request, Response
from acetate.project import Project
from acetate.redaction import redact

LLAMA = "meta-llama/Llama-3.3-70B-Instruct-Turbo"
MAVERICK = "meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8"
JSON = (("content-type", "application/json"),)
EVENTS = (("content-type", "text/event-stream"),)
URI = "https://api.together.ai/v1/chat/completions"
TALKS = {
    "greeting": ("Hello, who are you?", LLAMA),
    "opening-hours": ("When do you open on Sunday?", LLAMA),
    "refund": ("I want my money back.", LLAMA),
    "size-chart": ("Does the blue one run small?", MAVERICK),
    "delivery": ("Where is my parcel?", MAVERICK),
}
CONFIG = '[tool.acetate]\nproject = "shop"\n'
OWNERS = "snapshots/cassettes/chat/  @mara\n"

Body = dict[str, Any]
Edit = Callable[[Body], None]


def approved(_: Body) -> None:
    """As it was."""


def today(body: Body) -> None:
    """The provider has moved: what stops is called by another name, what a chunk says of its role is gone, something
    new is counted, and the system's fingerprint may be null."""
    for choice in body.get("choices", ()):
        if choice.get("finish_reason") == "eos":
            choice["finish_reason"] = "stop"
        if "seed" in choice:
            choice["seed"] = str(choice["seed"])
    if body.get("usage"):
        body["usage"]["cached_tokens"] = 0
        body["usage"].pop("queue_ms", None)
    if body["object"] == "chat.completion":
        body["system_fingerprint"] = None


def record(root: Path, edit: Edit) -> None:
    """All cassettes of the shop, as the provider answers."""
    (root / "pyproject.toml").write_text(CONFIG)
    (root / "CODEOWNERS").write_text(OWNERS)
    project = Project.open(root, {})
    for name, (question, model) in TALKS.items():
        _tape(project, f"cassettes/chat/{name}", _plain(question, model, edit, f"tests/test_chat.py::test_{name}"))
    _tape(project, "cassettes/chat/streamed", _streamed(TALKS["refund"][0], LLAMA, edit))


def _tape(project: Project, name: str, exchange: Exchange) -> None:
    path = project.root / f"{name}.yaml"
    path.unlink(missing_ok=True)
    cassette = Cassette(path, project.root)
    cassette.append(redact(exchange, project.redaction))
    cassette.save()


def _asked(question: str, model: str, **more: Any) -> Request:
    said = [{"role": "system", "content": "You help in a shop."}, {"role": "user", "content": question}]
    return Request("POST", URI, JSON, json.dumps({"model": model, "messages": said, **more}).encode())


def _plain(question: str, model: str, edit: Edit, test: str) -> Exchange:
    body: Body = {
        "id": "o1a2b3c-4d5e6f",
        "object": "chat.completion",
        "created": 1760000000,
        "model": model,
        "system_fingerprint": "fp_44709d6fcb",
        "choices": [
            {
                "index": 0,
                "finish_reason": "eos",
                "seed": 4711,
                "logprobs": None,
                "message": {"role": "assistant", "content": f"About “{question}”: let me see.", "tool_calls": []},
            }
        ],
        "usage": {"prompt_tokens": 31, "completion_tokens": 12, "total_tokens": 43, "queue_ms": 3},
    }
    edit(body)
    answer = Response(200, "OK", JSON, json.dumps(body).encode())
    day = "2026-10-11T08:00:00Z" if edit is approved else "2026-11-22T08:00:00Z"
    return Exchange(_asked(question, model), answer, Recording(test=test, recorded_at=day))


def _streamed(question: str, model: str, edit: Edit) -> Exchange:
    events = []
    for index, word in enumerate(["Of", " course", ".", None]):
        delta: Mapping[str, Any] = {"role": "assistant", "content": word} if word else {"content": ""}
        body: Body = {
            "id": "o9z8y7x",
            "object": "chat.completion.chunk",
            "created": 1760000000 + index,
            "model": model,
            "choices": [{"index": 0, "delta": dict(delta), "finish_reason": None if word else "eos"}],
            "usage": None if word else {"prompt_tokens": 31, "completion_tokens": 3, "total_tokens": 34},
        }
        edit(body)
        events.append(f"data: {json.dumps(body)}\n\n")
    answer = Response(200, "OK", EVENTS, "".join([*events, "data: [DONE]\n\n"]).encode())
    return Exchange(_asked(question, model, stream=True), answer, Recording(test="tests/test_chat.py::test_streamed"))
