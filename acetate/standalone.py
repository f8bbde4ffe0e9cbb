"""A cassette for a block of code that is no test of its own: a script, a session fixture, a notebook."""

from __future__ import annotations

import functools
import inspect
import os
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Any, TypeVar

from acetate.config import load
from acetate.errors import AcetateError
from acetate.session import Session
from acetate.vcr_bridge import BridgedCassette, NoRecording, attach, opened

__all__ = ["use_cassette"]

F = TypeVar("F", bound=Callable[..., Any])

# Where pytest-recording asks pytest's configuration for its hook.
_WITHOUT_PYTEST = SimpleNamespace(hook=SimpleNamespace(pytest_recording_configure=lambda *, config, vcr: attach(vcr)))


class use_cassette:  # noqa: N801  (it is called like vcrpy's function)
    """Plays a cassette in a `with` block, or in the function that it decorates, sync or async; of two that are open
    the inner one has the calls.

    `path` is from the project's root, with or without `.yaml`. `record_mode` is one of vcrpy's, or `rewrite`; with
    `none`, the default, and wherever `CI` is set, nothing goes live. `settings` are those of vcrpy's `use_cassette`.
    Raises at its end for a request that had no recording, even if the client kept silent about it. What is recorded in
    a block that fails, or in place of what is approved, is staged, and a warning says so.
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
        self._open: list[tuple[ExitStack, Session, BridgedCassette]] = []

    def __enter__(self) -> BridgedCassette:
        session = Session(load(Path.cwd(), self._root), os.environ)
        path = session.config.root / self._path
        with ExitStack() as stack:
            session.start()
            stack.callback(session.stop)
            session.begin(self._name, with_cassette=session.replay_only or self._record_mode == "none")
            stack.callback(session.end)
            context = opened(
                session,
                self._name,
                path.name,
                str(path.parent),
                self._record_mode,
                (),
                self._settings,
                _WITHOUT_PYTEST,
            )
            cassette = stack.enter_context(context)
            self._open.append((stack.pop_all(), session, cassette))
            return cassette

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stack, session, cassette = self._open.pop()
        stack.__exit__(kind, error, trace)
        recorder = cassette.recorder
        silent = [NoRecording(each) for each in recorder.missed]
        refused = session.failing()
        session.close(recorder, passed=error is None and not silent and not refused)
        for filed in session.tally.filed:
            if filed.staged:
                warnings.warn(f"recorded, and staged at {filed.path}: {filed.staged}", stacklevel=2)
        for problem in session.tally.problems:
            warnings.warn(f"{problem.where}: {problem.problem}; next: {problem.next}", stacklevel=2)
        if error is not None:
            for each in silent:
                if each.missed not in vars(error).values():
                    error.add_note(str(each))
        elif silent:
            raise silent[0]
        elif refused:
            raise AcetateError("replay-only: " + ", ".join(refused), where=recorder.name, next="record_mode='once'")

    def __call__(self, function: F) -> F:
        """The function, played from the cassette at each call."""
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def played(*words: Any, **named: Any) -> Any:
                with self._again():
                    return await function(*words, **named)
        else:

            @functools.wraps(function)
            def played(*words: Any, **named: Any) -> Any:
                with self._again():
                    return function(*words, **named)

        return played  # type: ignore[return-value]

    def _again(self) -> use_cassette:
        return use_cassette(self._path, record_mode=self._record_mode, root=self._root, **self._settings)

    @property
    def _name(self) -> str:
        """What stands where a test's id stands."""
        return f"use_cassette {self._path.as_posix()}"
