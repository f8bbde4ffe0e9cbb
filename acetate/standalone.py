"""A cassette for a block of code that is no test of its own: a script, a session fixture, a notebook."""

from __future__ import annotations

import functools
import inspect
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Any, TypeVar

from acetate.config import load
from acetate.errors import AcetateError
from acetate.missed import Missed
from acetate.session import Session
from acetate.vcr_bridge import BridgedCassette, attach, opened

__all__ = ["use_cassette"]

F = TypeVar("F", bound=Callable[..., Any])


class use_cassette:  # noqa: N801  (it is called like vcrpy's function)
    """Plays a cassette in a `with` block, or in the function that it decorates, sync or async. Of several that are open
    the innermost has the calls.

    `path` is from the project's root, with or without `.yaml`. `record_mode` is one of pytest-recording's; with `none`,
    the default, and wherever `CI` is set, nothing goes live. `settings` are those of vcrpy's `use_cassette`.

    Raises AcetateError at the end for a request that had no recording, also where the client kept silent about it.
    What is recorded in a block that fails, or in place of what is approved, is staged, and a warning says so.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        record_mode: str = "none",
        root: str | os.PathLike[str] | None = None,
        **settings: Any,
    ) -> None:
        self._path = Path(path)
        self._record_mode = record_mode
        self._root = None if root is None else Path(root)
        self._settings = settings
        self._open: list[tuple[Session, AbstractContextManager[BridgedCassette], BridgedCassette]] = []

    def __enter__(self) -> BridgedCassette:
        # What our own API answers is a matter of its tests, which the plugin watches.
        session = Session(replace(load(Path.cwd(), self._root), app=None), os.environ)
        path = session.config.root / self._path
        name = f"use_cassette {self._path.as_posix()}"
        mode = getattr(self._record_mode, "value", self._record_mode)
        session.start()
        session.begin(name, with_dummies=session.replay_only or mode == "none")
        context = opened(session, name, path.name, str(path.parent), mode, (), self._settings, _WITHOUT_PYTEST)
        try:
            cassette = context.__enter__()
        except BaseException:
            session.end(passed=False)
            session.stop()
            raise
        self._open.append((session, context, cassette))
        return cassette

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session, context, cassette = self._open.pop()
        context.__exit__(None, None, None)
        silent = [_said(each) for each in cassette.recorder.missed]
        why = [*silent, *(each for each in session.failing() if not any(text.startswith(each) for text in silent))]
        session.end(passed=error is None and not why)
        session.stop()
        for text in _news(session):
            warnings.warn(text, stacklevel=2)
        if error is not None:
            for each in why:
                error.add_note(f"acetate: {each}")
        elif why:
            advice = f"record it: use_cassette({self._path.as_posix()!r}, record_mode='once'), without CI set"
            raise AcetateError("; ".join(why), where=cassette.recorder.name, next=advice)

    def __call__(self, function: F) -> F:
        """The function, played from the cassette anew at each call."""
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def played(*words: Any, **named: Any) -> Any:
                with self._anew():
                    return await function(*words, **named)
        else:

            @functools.wraps(function)
            def played(*words: Any, **named: Any) -> Any:
                with self._anew():
                    return function(*words, **named)

        return played  # type: ignore[return-value]

    def _anew(self) -> use_cassette:
        return use_cassette(self._path, record_mode=self._record_mode, root=self._root, **self._settings)


def _configured(*, vcr: Any, **_others: object) -> None:
    """What Acetate's plugin does when pytest-recording calls its hook."""
    attach(vcr)


_WITHOUT_PYTEST = SimpleNamespace(hook=SimpleNamespace(pytest_recording_configure=_configured))


def _said(missed: Missed) -> str:
    """The miss with what comes nearest, in one line."""
    text = f"{missed.call} has no recording in {missed.cassette}"
    if missed.nearest:
        text += f"; nearest: {missed.nearest}"
    if missed.mismatches:
        differing = (f"{each.path} ({each.recorded} -> {each.sent})" for each in missed.mismatches[:3])
        text += f", which differs at {', '.join(differing)}"
    return text


def _news(session: Session) -> Iterator[str]:
    """What a run of tests would say at its end."""
    for filed in session.tally.filed:
        if filed.staged:
            yield f"acetate: the recording is staged at {filed.path}, because {filed.staged}"
    for problem in session.tally.problems:
        yield f"acetate: {problem.where}: {problem.problem}; next: {problem.next}"
