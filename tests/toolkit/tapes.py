"""Cassettes of chat completions, laid out as Acetate writes them, and the evidence of runs that played them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from acetate.cassette import Cassette
from acetate.evidence import Evidence, keep
from acetate.exchange import Exchange, Recording, Request, Response
from acetate.project import Project
from acetate.redaction import redact

JSON = (("content-type", "application/json"),)


def asked(question: str, answer: str, *, test: str | None = None, status: int = 200) -> Exchange:
    """One chat completion."""
    ask = {"model": "m", "messages": [{"role": "user", "content": question}]}
    message = {"role": "assistant", "content": answer}
    said = {"object": "chat.completion", "model": "m", "choices": [{"index": 0, "message": message}]}
    uri = "https://api.together.xyz/v1/chat/completions"
    return Exchange(
        Request("POST", uri, JSON, json.dumps(ask).encode()),
        Response(status, "OK", JSON, json.dumps(said).encode()),
        Recording(test=test),
    )


def tape(project: Project, name: str, *exchanges: Exchange) -> Path:
    """A cassette with these exchanges."""
    cassette = Cassette(project.root / f"{name}.yaml", project.root)
    for each in exchanges:
        cassette.append(redact(each, project.redaction))
    cassette.save()
    return cassette.path


def ran(project: Project, tests: Iterable[str], played: dict[str, Iterable[int]], **more: object) -> Evidence:
    """A complete run of these tests, kept."""
    ids = frozenset(tests)
    positions = {name: frozenset(found) for name, found in played.items()}
    return keep(project, Evidence(collected=ids, passed=ids, played=positions, **more))
