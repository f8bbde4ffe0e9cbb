"""Chat and plain completions: the whole replies, and the streams in the three dialects of Together's engines.

- `native` (all plain completions too): `text` repeats the delta, every delta has its role and the id of its token,
  and the last chunk carries finish reason, seed and usage together;
- `openai`: as OpenAI writes tool calls: the role only at first, calls in pieces, and no usage at all;
- `sglang`: no seed, `reasoning` in every delta, calls in pieces whose id and name are null, and the usage in one more
  chunk that has no choices.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, zip_longest

from tests.standin.mint import Mint
from tests.standin.models import Dialect, Object, always_auto, dialect_of, drops_reasoning
from tests.standin.speech import Speech, ToolCall, completion, count, speech, tokens, told

__all__ = ["Conversation"]

VOCABULARY = 128_000
END_OF_TEXT = 128_009
"""The token that ends a reply."""
TEMPLATE = 9
"""The tokens that the chat template adds to every request."""


class Conversation:
    """One request of either kind and all that is said to it."""

    def __init__(self, request: Object, mint: Mint, *, dialect: Dialect | None = None, say: str | None = None) -> None:
        self.request = request
        self.mint = mint
        self.chat = "messages" in request
        self.model: str = request["model"]
        engine = dialect or dialect_of(self.model, tools=bool(request.get("tools")))
        self.dialect: Dialect = engine if self.chat else "native"
        words = speech if self.chat else completion
        self.speeches = [words(request, choice, say) for choice in range(request.get("n") or 1)]

    # --- what whole replies and streams share -------------------------------------------------------------------------

    def head(self, object: str) -> Object:
        return {"id": self.mint.id, "object": object, "created": self.mint.created, "model": self.model}

    def seed(self, choice: int) -> int:
        asked = self.request.get("seed")
        return self.mint.seed(choice) if asked is None else int(asked)

    def usage(self) -> Object:
        asked = told(self.request) if self.chat else str(self.request["prompt"])
        prompt, said = TEMPLATE + count(asked), sum(speech.tokens for speech in self.speeches)
        numbers: Object = {"prompt_tokens": prompt, "completion_tokens": said, "total_tokens": prompt + said}
        return numbers if self.dialect == "sglang" else numbers | {"cached_tokens": 0}

    def warned(self) -> Object:
        forced = self.request.get("tool_choice") not in (None, "auto", "none")
        if forced and always_auto(self.model):
            return {"warnings": [{"message": "Model supports only tool_choice auto"}]}
        return {}

    def says_reasoning(self) -> bool:
        """Whether the key is there at all, with or without a thought."""
        return self.dialect == "sglang" and not (self.request.get("tools") and drops_reasoning(self.model))

    def token_id(self, token: str) -> int:
        return Mint(token.encode()).number("token", VOCABULARY)

    def logprob(self, token: str) -> float:
        return -Mint(token.encode()).number("logprob", 1000) / 1000

    # --- whole replies ------------------------------------------------------------------------------------------------

    def whole(self) -> Object:
        choices = [self.choice(index, said) for index, said in enumerate(self.speeches)]
        head = self.head("chat.completion" if self.chat else "text.completion")
        prompt: list[Object] = []
        if self.request.get("echo"):
            prompt = [{"text": told(self.request) if self.chat else self.request["prompt"]}]
        if self.dialect == "sglang":  # another engine, another order
            metadata = {"weight_version": "default"}
            return (
                head
                | {"choices": choices, "usage": self.usage(), "metadata": metadata, "prompt": prompt}
                | self.warned()
            )
        return head | {"prompt": prompt, "choices": choices, "usage": self.usage()} | self.warned()

    def choice(self, index: int, said: Speech) -> Object:
        logprobs = self.logprobs(said)
        if not self.chat:
            ended = {"finish_reason": said.finish, "seed": self.seed(index), "logprobs": logprobs}
            return {"text": said.content, **ended, "index": index}
        message: Object = {"role": "assistant", "content": said.content, "tool_calls": self.calls(index, said)}
        if self.says_reasoning():
            message["reasoning"] = said.reasoning
        if self.dialect == "sglang":
            ended = {"logprobs": logprobs, "finish_reason": said.finish, "seed": None}
            return {"index": index, "message": message, **ended}
        ended = {"finish_reason": said.finish, "seed": self.seed(index), "logprobs": logprobs}
        return {**ended, "index": index, "message": message}

    def calls(self, choice: int, said: Speech) -> list[Object]:
        return [self.call(choice, index, call) for index, call in enumerate(said.calls)]

    def call(self, choice: int, index: int, call: ToolCall) -> Object:
        function = {"name": call.name, "arguments": call.arguments}
        return {"index": index, "id": self.mint.call_id(choice, index), "type": "function", "function": function}

    def logprobs(self, said: Speech) -> Object | None:
        """Together's own form, which is not OpenAI's; OpenAI's clients ask with `true`."""
        if not self.request.get("logprobs"):
            return None
        said_tokens = tokens(said.content or "")
        return {
            "tokens": said_tokens,
            "token_ids": [self.token_id(token) for token in said_tokens],
            "token_logprobs": [self.logprob(token) for token in said_tokens],
            "top_logprobs": {token: self.logprob(token) for token in said_tokens[: int(self.request["logprobs"])]},
        }

    # --- streams ------------------------------------------------------------------------------------------------------

    def stream(self) -> list[Object]:
        """The chunks. Those of several choices come in turn."""
        in_turn = zip_longest(*(self.deltas(index, said) for index, said in enumerate(self.speeches)))
        chunks = [self.chunk([choice]) for choice in chain.from_iterable(in_turn) if choice is not None]
        if self.dialect == "native":
            chunks[-1]["usage"] = self.usage()
        if self.dialect == "sglang":
            usage = self.usage()
            ordered = {name: usage[name] for name in ("prompt_tokens", "total_tokens", "completion_tokens")}
            chunks.append(self.chunk([]) | {"usage": ordered | {"prompt_tokens_details": None, "reasoning_tokens": 0}})
        return chunks

    def chunk(self, choices: list[Object]) -> Object:
        usage = {} if self.dialect == "openai" else {"usage": None}
        kind = "chat.completion.chunk" if self.chat else "completion.chunk"
        return self.head(kind) | {"choices": choices} | usage | self.warned()

    def deltas(self, index: int, said: Speech) -> Iterator[Object]:
        """The choices of one answer's chunks, in the words of its engine."""
        return {"native": self.native, "openai": self.openai, "sglang": self.sglang}[self.dialect](index, said)

    def native(self, index: int, said: Speech) -> Iterator[Object]:
        def choice(text: str, token: int | None, finish: str | None = None, **more: object) -> Object:
            delta = {"token_id": token, "role": "assistant", "content": text, **more}
            seed = self.seed(index) if finish else None
            logprob = self.logprob(text) if self.request.get("logprobs") else None
            ended = {"logprobs": logprob, "finish_reason": finish, "seed": seed}
            return {"index": index, "text": text, **ended, "delta": delta}

        pieces = tokens(said.content or "")
        last = pieces.pop() if said.finish == "length" and pieces else ""
        for piece in pieces:
            yield choice(piece, self.token_id(piece))
        for call in self.calls(index, said):
            yield choice("", None, tool_calls=[call])
        yield choice(last, self.token_id(last) if last else END_OF_TEXT, said.finish)

    def openai(self, index: int, said: Speech) -> Iterator[Object]:
        def choice(delta: Object, finish: str | None = None) -> Object:
            return {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}

        yield choice({"role": "assistant", "content": None if said.calls else ""})
        for piece in tokens(said.content or ""):
            yield choice({"content": piece})
        for call in self.calls(index, said):
            yield choice({"tool_calls": [call | {"function": call["function"] | {"arguments": ""}}]})
            for piece in halves(call["function"]["arguments"]):
                yield choice({"tool_calls": [{"index": call["index"], "function": {"arguments": piece}}]})
        yield choice({}, said.finish)

    def sglang(self, index: int, said: Speech) -> Iterator[Object]:
        silent = {"reasoning": None} if self.says_reasoning() else {}

        def choice(content: str | None, finish: str | None = None, **more: object) -> Object:
            delta = {"role": "assistant", "content": content, "token_id": None, **silent, **more}
            return {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}

        for thought in tokens(said.reasoning or ""):
            yield choice("", reasoning=thought)
        for piece in tokens(said.content or ""):
            yield choice(piece)
        for call in self.calls(index, said):
            yield choice(None, tool_calls=[call | {"function": call["function"] | {"arguments": ""}}])
            for piece in halves(call["function"]["arguments"]):
                nameless = {"index": call["index"], "id": None, "type": "function"}
                yield choice(None, tool_calls=[nameless | {"function": {"name": None, "arguments": piece}}])
        ended = {"role": "assistant"} if self.request.get("tools") and drops_reasoning(self.model) else {}
        yield choice("", said.finish) | {"matched_stop": None if said.calls else END_OF_TEXT, **ended}


def halves(arguments: str) -> list[str]:
    middle = len(arguments) // 2
    return [arguments[:middle], arguments[middle:]]
