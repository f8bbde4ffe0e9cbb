"""A small project in a temporary folder, whose recordings are written as a recorder would write them."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from acetate.change import Change
from acetate.decision import Decided
from acetate.examine import examine
from acetate.project import Project
from acetate.review import accept, reject
from acetate.verdict import Context, Verdict

REPLY: dict[str, Any] = {
    "id": "oNv-1",
    "object": "chat.completion",
    "created": 1786077872,
    "model": "meta-llama/Llama-3.3-70B-Instruct-Turbo",
    "prompt": [],
    "choices": [
        {
            "finish_reason": "stop",
            "seed": 10063845344384584000,
            "index": 0,
            "logprobs": None,
            "message": {"role": "assistant", "content": "The sky is blue.", "tool_calls": []},
        }
    ],
    "usage": {"prompt_tokens": 46, "completion_tokens": 45, "total_tokens": 91},
}


class Sandbox:
    """A project. Nothing is kept between two calls, as between two commands."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def reply(self, **changes: Any) -> dict[str, Any]:
        """A chat completion, with these top-level fields instead."""
        return {**copy.deepcopy(REPLY), **changes}

    def record(self, name: str, *bodies: Any, status: int = 200, headers: dict[str, str] | None = None) -> Path:
        """Write a cassette with one chat completion a body; dicts are sent as JSON, text as it is."""
        sent = {"content-type": "application/json"} if headers is None else headers
        interactions = [
            {
                "request": {
                    "method": "POST",
                    "uri": "https://api.together.xyz/v1/chat/completions",
                    "headers": {"content-type": ["application/json"]},
                    "body": json.dumps({"model": "m", "messages": [{"role": "user", "content": f"question {number}"}]}),
                },
                "response": {
                    "status": {"code": status, "message": "OK"},
                    "headers": {key: [value] for key, value in sent.items()},
                    "body": {"string": body if isinstance(body, str) else json.dumps(body)},
                },
            }
            for number, body in enumerate(bodies)
        ]
        path = self.root / "cassettes" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        # JSON is YAML: what vcrpy's other serializer would write.
        path.write_text(json.dumps({"interactions": interactions, "version": 1}))
        return path

    def stream(self, name: str, *events: Any, done: bool = True) -> Path:
        """Write a cassette with one streamed answer."""
        text = "".join(f"data: {json.dumps(each)}\n\n" for each in events) + ("data: [DONE]\n\n" if done else "")
        return self.record(name, text, headers={"content-type": "text/event-stream;charset=utf-8"})

    def project(self) -> Project:
        return Project.open(self.root, os.environ)

    def check(self, *paths: str) -> Verdict:
        project = self.project()
        return examine(project, project.cassettes(paths), Context("sandbox", "test"), complete=not paths)

    def kinds(self) -> list[tuple[str, str]]:
        """Kind and path of every change that is seen."""
        return [(each.kind, each.path) for each in self.check().changes]

    def accept(self, pick: Callable[[Change], bool] = lambda change: True, why: str = "") -> list[Decided]:
        changes: Sequence[Change] = [each for each in self.check().changes if pick(each)]
        return accept(self.project(), changes, by="Ada <ada@example.org>", why=why)

    def reject(self, why: str = "") -> list[Decided]:
        return reject(self.project(), self.check().changes, by="Ada <ada@example.org>", why=why)

    def approved(self) -> dict[str, bytes]:
        """Every approved file but the decisions, by its path."""
        found = {}
        for folder in ("contracts", "snapshots"):
            for path in (self.root / folder).rglob("*"):
                if path.is_file() and ".reviews" not in path.parts:
                    found[path.relative_to(self.root).as_posix()] = path.read_bytes()
        return found


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    (tmp_path / "acetate.toml").write_text('project = "sandbox"\n')
    return Sandbox(tmp_path)
