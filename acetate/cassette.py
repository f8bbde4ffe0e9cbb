"""Cassette: a file of exchanges in order, in vcrpy's own format."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from shlex import quote
from typing import Any, Literal

from acetate.document import Malformed, careful, fast
from acetate.errors import CassetteError
from acetate.exchange import Exchange, RedactedExchange
from acetate.files import locked, write_atomic
from acetate.interaction import Reader, Unreadable, is_cassetters, written

__all__ = ["Cassette", "Playback", "name_of", "read_exchanges", "read_text", "rendered"]

_MIB = 1024 * 1024
_LARGEST = 64 * _MIB
_END = "version: 1\n"


class Cassette:
    """A file of exchanges in order. `exchanges` is what was loaded: it may hold secrets that another recorder left,
    so its type does not promise otherwise. What is appended is redacted, and nothing is written before `save`.
    """

    def __init__(self, path: Path, root: Path) -> None:
        """An empty one, whether there is a file or not: see `load`."""
        self.path = path
        self.root = root
        self.name = name_of(path, root)
        self.exchanges: list[Exchange] = []
        self._new: list[RedactedExchange] = []

    @classmethod
    def load(cls, path: Path, root: Path) -> Cassette:
        """The cassette with its exchanges. Raises CassetteError, which names the file, the place and the cure."""
        cassette = cls(path, root)
        where = _where(path, root)
        cassette.exchanges = read_exchanges(read_text(path, where), where)
        return cassette

    def append(self, exchange: RedactedExchange) -> None:
        """Puts it at the end; `save` or `replace` writes it."""
        self.exchanges.append(exchange)
        self._new.append(exchange)

    def save(self) -> None:
        """Writes what was appended behind what the file holds by now: of two runs that append, neither loses anything.

        Not a line of what was there changes. Raises CassetteError, and leaves the file alone, where it is damaged or
        laid out as neither vcrpy nor Acetate does.
        """
        with locked(self.root, self.name):
            if self._new:
                write_atomic(self.path, self._extended().encode())
        self._new.clear()

    def replace(self) -> None:
        """Writes what was appended instead of what the file holds: a new recording."""
        with locked(self.root, self.name):
            write_atomic(self.path, self._alone().encode())
        self._new.clear()

    def _alone(self) -> str:
        """The text of what was appended. Raises CassetteError for what could not be read again (a line break in a
        header)."""
        text = rendered(self._new)
        read_exchanges(text, _where(self.path, self.root))
        return text

    def _extended(self) -> str:
        where, alone = _where(self.path, self.root), self._alone()
        if not self.path.exists():
            return alone
        text = read_text(self.path, where)
        known = read_exchanges(text, where)
        if not known:
            return alone
        items = alone.removeprefix("interactions:\n")
        whole = text.removesuffix(_END) + (items if text.endswith(_END) else items.removesuffix(_END))
        try:
            if read_exchanges(whole, where) == known + read_exchanges(alone, where):
                return whole
        except CassetteError:
            pass  # said below, of the file as it is
        raise CassetteError(
            "it is laid out in a way that nothing can be appended to",
            where=where,
            next="record the whole cassette again",
        )


class Playback:
    """Exchanges in order of play. `key` gives the match key of a recorded exchange; looking one up costs the same in a
    cassette of ten and of ten thousand. Safe under threads."""

    def __init__(
        self,
        exchanges: Sequence[Exchange],
        key: Callable[[Exchange], str],
        *,
        repeats: Literal["error", "last"] = "error",
    ) -> None:
        self._repeats = repeats
        self._waiting: dict[str, deque[int]] = {}
        self._last: dict[str, int] = {}
        for position, exchange in enumerate(exchanges):
            match_key = key(exchange)
            self._waiting.setdefault(match_key, deque()).append(position)
            self._last[match_key] = position

    def find(self, match_key: str) -> int | None:
        """The position of the next answer to this request: each once, in order. What follows the last one is None, or
        the last one again with `repeats="last"`."""
        try:
            return self._waiting[match_key].popleft()
        except KeyError:
            return None
        except IndexError:
            return self._last[match_key] if self._repeats == "last" else None

    def knows(self, match_key: str) -> bool:
        """True if the request was recorded, whether or not its answers have all been played."""
        return match_key in self._last

    def unplayed(self) -> list[int]:
        """The positions that nobody has asked for yet."""
        return sorted(position for waiting in self._waiting.values() for position in waiting)


def name_of(path: Path, root: Path) -> str:
    """The path from the project's root without its suffix, with slashes. Raises CassetteError outside of the root."""
    inside = os.path.relpath(path.resolve(), root.resolve())
    if inside.startswith("..") or Path(inside).is_absolute():
        raise CassetteError(
            "it lies outside the project", where=str(path), next="name a file below the project's root, or set --root"
        )
    return Path(inside).with_suffix("").as_posix()


def rendered(exchanges: Sequence[RedactedExchange]) -> str:
    """The text of a whole cassette: vcrpy's version 1. The same exchanges always give the same text."""
    items = "".join(written(exchange) for exchange in exchanges)
    return f"interactions:\n{items}{_END}" if items else f"interactions: []\n{_END}"


def read_text(path: Path, where: str) -> str:
    """The text of a file, with line feeds only. Raises CassetteError for what is no text, or too much of it."""
    try:
        size = path.stat().st_size
        if size > _LARGEST:
            raise CassetteError(
                f"it has {size // _MIB} MiB, and {_LARGEST // _MIB} are the most",
                where=where,
                next="record it as several cassettes",
            )
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except FileNotFoundError:
        raise CassetteError("there is no such file", where=where, next="check the path, or record it") from None
    except UnicodeDecodeError as error:
        raise CassetteError(f"byte {error.start} is not UTF-8", where=where, next=_again(where)) from None
    except OSError as error:
        raise CassetteError(
            f"it cannot be read: {error.strerror}", where=where, next="check who may read it"
        ) from error


def read_exchanges(text: str, where: str) -> list[Exchange]:
    """The exchanges of a cassette's text. Raises CassetteError with `where` and the interaction or line."""
    if any(f"\n{mark} " in f"\n{text}" for mark in ("<<<<<<<", ">>>>>>>")):
        raise CassetteError(
            "a merge left conflict markers in it",
            where=where,
            next=f"keep one side with `git checkout --theirs {quote(where)}` (or --ours), or record it again",
        )
    document = fast(text)
    if document is not None:
        try:
            return _exchanges(document, text, where, Reader(exact=True))
        except CassetteError:
            pass  # the careful reader may see it otherwise, and knows better why if not
    try:
        document = careful(text, core=is_cassetters(text))
    except Malformed as error:
        place = f"{where}, line {error.line}" if error.line else where
        raise CassetteError(str(error), where=place, next=_again(where)) from None
    return _exchanges(document, text, where, Reader())


def _exchanges(document: Any, text: str, where: str, reader: Reader) -> list[Exchange]:
    interactions = _interactions(document, where)
    exchanges: list[Exchange] = []
    most = min(_LARGEST, max(_LARGEST // 2, 16 * len(text)))  # a small file that becomes a large one means no good
    size = 0
    for number, interaction in enumerate(interactions):
        try:
            exchange = reader.exchange(interaction)
            size += len(exchange.request.body) + len(exchange.response.body)
            if size > most:
                raise Unreadable(f"the bodies up to here take more than {most // _MIB} MiB")
        except Unreadable as error:
            place = f"{where}, interaction {number}{_line(text, number, len(interactions))}"
            raise CassetteError(str(error), where=place, next=error.next or _again(where)) from None
        exchanges.append(exchange)
    return exchanges


def _interactions(document: Any, where: str) -> list[Any]:
    """The list of interactions, of whatever kind of document. Raises CassetteError where there is none."""
    problem = "it is not a cassette: it has no list of `interactions`"
    if isinstance(document, dict):
        if document.get("version", 1) != 1:
            problem = f"it has version {document['version']!s:.20} of the format; version 1 is known"
        else:
            interactions = document.get("interactions", document.get("http_interactions", document))
            if interactions is None:
                return []
            if isinstance(interactions, list):
                return interactions
    elif document is None:
        problem = "it is empty"
    elif isinstance(document, list):
        problem = "it is a bare list, as vcrpy wrote before its version 1"
    raise CassetteError(problem, where=where, next=_again(where))


def _again(where: str) -> str:
    return f"record it again, or take back the last version of it with `git checkout -- {quote(where)}`"


def _line(text: str, number: int, total: int) -> str:
    """`, line 12` of the n-th interaction, where the layout of the file tells."""
    starts = [found.start() for found in re.finditer(r"^- ", text, re.MULTILINE)]
    return f", line {text.count(chr(10), 0, starts[number]) + 1}" if len(starts) == total else ""


def _where(path: Path, root: Path) -> str:
    return os.path.relpath(path.resolve(), root.resolve()).replace(os.sep, "/")
