"""What other people recorded: whose each call is, what it is called, and what its rules show (`-s` prints both)."""

from __future__ import annotations

import gzip
import json
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from acetate.body import Json
from acetate.mask import mask
from acetate.profile import profiles
from acetate.provider import Operation, Providers, operation, rules

RECORDINGS = Path(__file__).parents[3] / "shared" / "real-cassettes"
PROVIDERS = Providers(profiles(), {})

pytestmark = pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason="the recordings of others are not beside the repository"
)


class Call(NamedTuple):
    folder: str
    method: str
    uri: str
    status: int
    bodies: tuple[Json, ...]

    @property
    def operation(self) -> Operation:
        provider, path, _ = PROVIDERS.identify(self.uri)
        return operation(provider, self.method, path)


@cache
def calls() -> tuple[Call, ...]:
    return tuple(call for file in sorted(RECORDINGS.rglob("*.*")) for call in _calls(file))


def _calls(file: Path) -> Iterator[Call]:
    folder = file.relative_to(RECORDINGS).parts[0]
    if file.suffix == ".yaml":
        for each in yaml.load(file.read_bytes(), Loader=yaml.CSafeLoader)["interactions"]:
            request, response = each["request"], each["response"]
            status = response.get("status", response.get("status_code"))
            code = status["code"] if isinstance(status, dict) else status
            yield Call(folder, request["method"], request["uri"], code, tuple(_bodies(response)))
    elif file.suffix == ".har":
        for entry in json.loads(file.read_bytes())["log"]["entries"]:
            request = entry["request"]
            yield Call(folder, request["method"], request["url"], entry["response"]["status"], ())


def _bodies(response: dict[str, Any]) -> Iterator[Json]:
    """The JSON body, or the data of each event."""
    body = response.get("body")
    text: Any = response.get("parsed_body", body.get("string") if isinstance(body, dict) else response.get("content"))
    if isinstance(text, dict | list):
        yield text  # type: ignore[misc]
        return
    if isinstance(text, bytes):
        text = (gzip.decompress(text) if text[:2] == b"\x1f\x8b" else text).decode("utf-8", "replace")
    for line in (text or "").splitlines() if (text or "").startswith("data:") else [text or ""]:
        try:
            yield json.loads(line.removeprefix("data:"))
        except ValueError:
            continue


def test_every_recorded_call_belongs_to_a_provider_and_an_operation() -> None:
    table = Counter((call.folder, str(call.operation), call.method, call.uri.partition("?")[0]) for call in calls())
    for (folder, name, method, uri), count in sorted(table.items()):
        sys.stdout.write(f"{count:4}  {folder:13} {name:75} {method} {uri[:100]}\n")
    sys.stdout.write(f"{table.total()} calls, {len({name for _, name, _, _ in table})} operations\n")
    for folder, name, _, uri in table:
        host = uri.split("/")[2].partition(":")[0]
        provider = name.partition(":")[0]
        assert provider in ("together", "openai") or provider.startswith(host.lower()), (folder, name, uri)


@pytest.mark.parametrize(
    ("host", "name"),
    [("api.together.", "together"), ("router.huggingface.co/together/", "together"), ("api.openai.com", "openai")],
)
def test_recorded_calls_to_a_known_host_have_a_route(host: str, name: str) -> None:
    found = {call.operation for call in calls() if host in call.uri}
    assert found
    assert {each.provider for each in found} == {name}
    assert not [each.name for each in found if "/" in each.name]


def test_every_recorded_chat_completion_is_one_whoever_answers() -> None:
    chats = [call for call in calls() if "/chat/completions" in call.uri and call.method == "POST"]
    assert len(chats) > 150
    assert {call.operation.name for call in chats} == {"chat.completions"}


def test_no_two_hosts_share_a_name_but_the_aliases_of_one_provider() -> None:
    hosts: dict[str, set[str]] = {}
    for call in calls():
        hosts.setdefault(call.operation.provider, set()).add(call.uri.split("/")[2])
    assert {name for name, group in hosts.items() if len(group) > 1} == {"together"}


def test_operations_of_the_recordings_have_file_names_of_their_own() -> None:
    names = {call.operation for call in calls()}
    assert len({(each.provider, each.slug) for each in names}) == len(names)


def test_what_the_rules_show_of_together_is_a_handful_of_words() -> None:
    shown: dict[str, Counter[str]] = {}
    bodies = 0
    for call in calls():
        if call.operation.provider == "together":
            provider = PROVIDERS.identify(call.uri).provider
            for body in call.bodies:
                bodies += 1
                for path, text in _shown(mask(body, rules(provider, call.operation.name)), "$"):
                    shown.setdefault(path, Counter())[text] += 1
    sys.stdout.write(f"{bodies} bodies and events of Together show:\n")
    for path, texts in sorted(shown.items()):
        sys.stdout.write(f"  {path:55} {len(texts):3} of {texts.total():5}  {', '.join(sorted(texts))[:110]}\n")
    assert bodies > 1000
    assert shown["$.choices[].finish_reason"].keys() <= {"stop", "eos", "length", "tool_calls"}
    assert shown["$.choices[].message.role"].keys() == {"assistant"}
    for path, texts in shown.items():
        assert len(texts) <= 12, path
        assert max(map(len, texts)) <= 60, path


def _shown(masked: Json, path: str) -> Iterator[tuple[str, str]]:
    """The strings of a masked value that are neither a token nor the note of an array."""
    if isinstance(masked, dict):
        for key, value in masked.items():
            yield from _shown(value, f"{path}.{key}")
    elif isinstance(masked, list):
        for value in masked:
            yield from _shown(value, f"{path}[]")
    elif isinstance(masked, str) and not (masked.startswith("<") or masked == "n ≥ 1"):
        yield path, masked
