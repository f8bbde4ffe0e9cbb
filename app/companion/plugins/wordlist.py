"""Words that a companion does not say: the model is asked to avoid them, and what slips through is masked."""

from __future__ import annotations

import re
from collections.abc import Iterable

from app.companion.plugins.hooks import hook
from app.companion.prompt import Prompt

__all__ = ["Wordlist"]


class Wordlist:
    """Whole words only, in any case."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words = tuple(sorted({word.strip() for word in words} - {""}))
        self._pattern = re.compile(rf"(?<!\w)({'|'.join(map(re.escape, self._words))})(?!\w)", re.IGNORECASE)

    @hook
    def before_prompt(self, prompt: Prompt) -> Prompt | None:
        return prompt.told(f"Never use these words: {', '.join(self._words)}.") if self._words else None

    @hook
    def after_reply(self, text: str) -> str | None:
        return self._pattern.sub(lambda found: "*" * len(found[0]), text) if self._words else None
