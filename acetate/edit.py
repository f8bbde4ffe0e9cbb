"""Edit: what is written instead of a stretch of a text, and how edits of one text become edits of another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

__all__ = ["Edit", "Span", "applied", "merged", "outside", "shifted", "through"]

Edit = tuple[int, int, str]
"""From, to, and what is written there instead."""

Span = tuple[int, int]
"""From, to."""


def outside(spans: Iterable[Span], length: int) -> Iterator[Span]:
    """The stretches between spans that stand in order."""
    position = 0
    for start, end in spans:
        if position < start:
            yield position, start
        position = end
    if position < length:
        yield position, length


def shifted(edits: Iterable[Edit], by: int) -> list[Edit]:
    return [(start + by, end + by, replacement) for start, end, replacement in edits]


def through(edits: Iterable[Edit], spans: Sequence[Span], written: Callable[[str], str]) -> list[Edit]:
    """Edits of an inner text as edits of the text that holds it, where its characters stand at `spans`. Where these
    are not in one piece, the replacement goes into the first piece and the others become empty."""
    found = []
    for start, end, replacement in edits:
        text = written(replacement)
        begin, stop = spans[start]
        for following in spans[start + 1 : end]:
            if following[0] != stop:
                found.append((begin, stop, text))
                begin, text = following[0], ""
            stop = following[1]
        found.append((begin, stop, text))
    return found


def merged(text: str, edits: Iterable[Edit]) -> list[Edit]:
    """In order, overlapping ones as one, without those that change nothing."""
    found: list[Edit] = []
    for start, end, replacement in sorted(edits):
        if found and start < found[-1][1]:
            first = found.pop()
            start, end, replacement = first[0], max(first[1], end), max(first[2], replacement, key=len)
        found.append((start, end, replacement))
    return [(start, end, replacement) for start, end, replacement in found if text[start:end] != replacement]


def applied(text: str, edits: Sequence[Edit]) -> str:
    pieces, position = [], 0
    for start, end, replacement in edits:
        pieces += [text[position:start], replacement]
        position = end
    return "".join([*pieces, text[position:]])
