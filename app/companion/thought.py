"""What a model thinks before it speaks: DeepSeek-R1 and its like write it into the text, between two tags. It is not
said to anybody, not remembered, and not shown to the model again, as its makers advise."""

from __future__ import annotations

from typing import Literal

__all__ = ["Outspoken", "outspoken"]

OPEN, CLOSE = "<think>", "</think>"


class Outspoken:
    """Takes the text of a reply as it comes, cut anywhere, and gives what is said of it."""

    def __init__(self) -> None:
        self._where: Literal["before", "thinking", "behind", "saying"] = "before"
        self._held = ""

    def feed(self, piece: str) -> str:
        if self._where == "saying":
            return piece
        self._held += piece
        if self._where == "before":
            began = self._held.lstrip()
            if OPEN.startswith(began[: len(OPEN)]):
                if len(began) < len(OPEN):
                    return ""
                self._where, self._held = "thinking", began[len(OPEN) :]
            else:
                return self.end()
        if self._where == "thinking":
            _, closed, rest = self._held.partition(CLOSE)
            if not closed:
                self._held = self._held[-len(CLOSE) + 1 :]
                return ""
            self._where, self._held = "behind", rest
        self._held = self._held.lstrip()
        return self.end() if self._held else ""

    def end(self) -> str:
        """What was held back because it might have been a tag. What comes after it is said."""
        held = "" if self._where == "thinking" else self._held
        self._where, self._held = "saying", ""
        return held


def outspoken(text: str) -> str:
    """What is said of a whole reply."""
    mouth = Outspoken()
    return mouth.feed(text) + mouth.end()
