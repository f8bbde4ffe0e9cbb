"""Learning the shape of 100,000 replies: `acetate.shape.learn`, with counts, beside GenSON, without any.

Each learns the same values in turn, three times over; the best of each counts.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable

from genson import SchemaBuilder  # it has no types

from acetate.body import Json
from acetate.shape import learn

REPLIES = 100_000
ROUNDS = 3
AT_LEAST = 2.0


def reply(chance: random.Random) -> Json:
    """A chat completion as several engines write it: optional fields, nulls, tool calls, seeds beyond 64 bits."""
    calls: list[Json] = [_tool_call(chance, index) for index in range(chance.choice((0, 0, 0, 1, 2, 3)))]
    message: dict[str, Json] = {"role": "assistant", "content": None if calls else "word " * chance.randint(1, 40)}
    if chance.random() < 0.8:
        message["tool_calls"] = calls
    if chance.random() < 0.3:
        message["reasoning"] = None
    choice: dict[str, Json] = {
        "index": 0,
        "finish_reason": "tool_calls" if calls else "stop",
        "logprobs": None,
        "seed": chance.choice((None, chance.getrandbits(65))),
        "message": message,
    }
    usage: dict[str, Json] = {name: chance.randint(1, 4000) for name in _USAGE if chance.random() < 0.9}
    value: dict[str, Json] = {
        "id": f"{chance.getrandbits(64):x}",
        "object": "chat.completion",
        "created": chance.randint(1_700_000_000, 1_800_000_000),
        "model": "meta-llama/Llama-3.3-70B-Instruct-Turbo",
        "prompt": [],
        "choices": [choice],
        "usage": usage,
    }
    if chance.random() < 0.2:
        value["metadata"] = {"weight_version": "default"}
    return value


_USAGE = ("prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens")


def _tool_call(chance: random.Random, index: int) -> Json:
    function: Json = {"name": "weather", "arguments": '{"city": "Bern"}'}
    return {"id": f"call_{chance.getrandbits(96):x}", "index": index, "type": "function", "function": function}


def genson(values: list[Json]) -> None:
    builder = SchemaBuilder()
    for value in values:
        builder.add_object(value)


def seconds(work: Callable[[list[Json]], object], values: list[Json]) -> float:
    started = time.process_time()
    work(values)
    return time.process_time() - started


def main() -> int:
    chance = random.Random(20261122)
    values = [reply(chance) for _ in range(REPLIES)]
    learned = learn(values)
    assert learned.count == REPLIES
    rounds = [(seconds(learn, values), seconds(genson, values)) for _ in range(ROUNDS)]
    for ours, theirs in rounds:
        print(f"acetate {REPLIES / ours:9,.0f}/s   GenSON {REPLIES / theirs:9,.0f}/s   {theirs / ours:.1f}x")
    ratio = min(theirs for _, theirs in rounds) / min(ours for ours, _ in rounds)
    print(f"shape: {ratio:.1f}x GenSON (must be >= {AT_LEAST:g})")
    return 0 if ratio >= AT_LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
