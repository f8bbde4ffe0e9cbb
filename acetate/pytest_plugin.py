"""The one door to pytest: options, hooks and fixtures. What they do is said in the rooms that they call.

pytest-recording's marks, options, fixtures and cassette places stay as they are; its fixture `vcr` is Acetate's here.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from acetate.errors import AcetateError

if TYPE_CHECKING:
    from acetate.leftovers import Leftover
    from acetate.session import Session
    from acetate.vcr_bridge import BridgedCassette
    from acetate.verdict import Verdict

_SESSION: pytest.StashKey[Session] = pytest.StashKey()
_VERDICT: pytest.StashKey[Verdict] = pytest.StashKey()
_FAILED: pytest.StashKey[bool] = pytest.StashKey()
_RAN: pytest.StashKey[bool] = pytest.StashKey()
_NARROWING = {"lf": "--lf", "stepwise": "--stepwise", "ignore": "--ignore", "ignore_glob": "--ignore-glob"}
"""Options after which a run says nothing of the tests that it has left out, and what they are called."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("acetate")
    group.addoption(
        "--acetate-replay-only",
        action="store_true",
        help="Nothing goes live, whatever is configured: a request without a recording fails its test, and sockets to "
        "other machines are refused. Always so where CI is set.",
    )
    group.addoption(
        "--acetate-staged", action="store_true", help="Play the recordings that wait under .acetate/staged/."
    )
    group.addoption(
        "--acetate-mocks",
        action="store_true",
        help="Hold what hand-written mocks answer in a provider's place against the approved contracts.",
    )
    group.addoption("--acetate-report", metavar="PATH", help="Write the report (JSON) of this run to a file.")


def pytest_configure(config: pytest.Config) -> None:
    if not config.pluginmanager.has_plugin("recording"):
        return
    # Not at the top: pytest loads this file in every project that has Acetate installed, before it reads its options.
    from acetate.config import load
    from acetate.session import Session

    try:
        settings = load(config.rootpath)
    except AcetateError as error:
        raise pytest.UsageError(f"acetate: {error}") from None
    session = Session(
        settings,
        os.environ,
        replay_only=config.getoption("--acetate-replay-only"),
        staged=config.getoption("--acetate-staged"),
        mocks=config.getoption("--acetate-mocks"),
        run=_worker_input(config).get("acetate_run"),
    )
    config.stash[_SESSION] = session
    # Registered after pytest-recording, in whatever order both were installed: the later fixture of a name is taken.
    config.pluginmanager.register(_Fixtures(session), "acetate-fixtures")
    config.pluginmanager.register(_Run(session), "acetate-run")
    if config.pluginmanager.has_plugin("xdist"):
        config.pluginmanager.register(_Workers(session), "acetate-workers")
    session.start()


def pytest_unconfigure(config: pytest.Config) -> None:
    session = config.stash.get(_SESSION, None)
    if session is not None:
        session.stop()
        del config.stash[_SESSION]


def pytest_report_header(config: pytest.Config) -> str | None:
    session = config.stash.get(_SESSION, None)
    if session is None or not (session.replay_only or session.staged):
        return None
    words = []
    if session.replay_only:
        mode = config.getoption("--record-mode")
        ignored = f"; --record-mode={mode} is not followed" if mode not in (None, "none") else ""
        words.append(f"replay-only{' (CI is set)' if session.ci else ''}{ignored}")
    if session.staged:
        words.append("plays what is staged")
    return f"acetate: {', '.join(words)}"


class _Fixtures:
    def __init__(self, session: Session) -> None:
        self._session = session

    @pytest.fixture(autouse=True)
    def vcr(
        self,
        request: pytest.FixtureRequest,
        vcr_markers: list[pytest.Mark],
        vcr_cassette_dir: str,
        record_mode: str,
        disable_recording: bool,
        pytestconfig: pytest.Config,
    ) -> Iterator[BridgedCassette | None]:
        """The cassette of a test that is marked with `pytest.mark.vcr`; None for any other."""
        if disable_recording or not vcr_markers:
            yield None
            return
        from acetate.vcr_bridge import opened  # it imports every HTTP client there is

        session = self._session
        try:
            opening = opened(
                session,
                request.node.nodeid,
                request.getfixturevalue("default_cassette_name"),
                vcr_cassette_dir,
                record_mode,
                vcr_markers,
                request.getfixturevalue("vcr_config"),
                pytestconfig,
            )
            cassette = opening.__enter__()
        except AcetateError as error:
            session.told(error)
            pytest.fail(f"acetate: {error}", pytrace=False)
        try:
            yield cassette
        finally:
            opening.__exit__(None, None, None)


class _Run:
    """One process's tests, and at the end the verdict."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._unused: Sequence[Leftover] = ()

    @pytest.hookimpl
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        if not hasattr(session.config, "workerinput"):
            self._session.recover()

    @pytest.hookimpl(tryfirst=True, optionalhook=True)
    def pytest_recording_configure(self, vcr: Any) -> None:
        from acetate.vcr_bridge import attach

        attach(vcr)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        session = self._session
        replays = session.replay_only or session.staged or (item.config.getoption("--record-mode") or "none") == "none"
        session.begin(item.nodeid, with_dummies=replays and item.get_closest_marker("vcr") is not None)
        item.stash[_FAILED] = item.stash[_RAN] = False
        try:
            return (yield)
        finally:
            session.end(passed=not item.stash[_FAILED], ran=item.stash[_RAN])

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """A request that was stopped fails its test, also where a client has swallowed the exception."""
        report = yield
        why = self._session.failing()
        if why and not report.failed:
            report.outcome = "failed"
            report.longrepr = "\n".join(f"acetate: {each}" for each in why)
            report.__dict__.pop("wasxfail", None)
        item.stash[_FAILED] |= report.failed
        item.stash[_RAN] |= report.when == "call" and report.passed
        return report

    @pytest.hookimpl
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._session.tally.collected += [item.nodeid for item in session.items]

    @pytest.hookimpl
    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        self._session.tally.gaps.append(f"{len(items)} tests were deselected")

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        config = session.config
        self._session.stop()
        if hasattr(config, "workeroutput"):
            config.workeroutput["acetate"] = self._session.tally.as_text()
            return
        if not self._session.has_news and not config.getoption("--acetate-report"):
            return
        verdict = config.stash[_VERDICT] = self._session.verdict(quick=not config.getoption("--acetate-report"))
        self._session.tally.gaps += _narrowed(config)
        self._unused = self._session.leftovers(config.rootpath)
        if config.getoption("--acetate-report"):
            self._session.write_report(Path(config.getoption("--acetate-report")), verdict)
        if self._session.fails(verdict):
            session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl
    def pytest_terminal_summary(self, terminalreporter: Any, config: pytest.Config) -> None:
        verdict = config.stash.get(_VERDICT, None)
        if verdict is None:
            return
        from acetate.summary import summary

        session = self._session
        lines = summary(
            verdict,
            session.tally,
            self._unused,
            ci=session.ci,
            replay_only=session.replay_only,
            verbose=config.getoption("verbose") > 0,
        )
        terminalreporter.section("acetate")
        for line in lines:
            terminalreporter.write_line(line)


class _Workers:
    """pytest-xdist: what the workers saw comes together in the process that started them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput["acetate_run"] = self._session.run

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        from acetate.tally import Tally

        said = getattr(node, "workeroutput", {}).get("acetate")
        if said is not None:
            self._session.tally.add(Tally.from_text(said))
        else:
            self._session.lost(node.gateway.id)


def _worker_input(config: pytest.Config) -> dict[str, Any]:
    found: dict[str, Any] = getattr(config, "workerinput", {})
    return found


def _narrowed(config: pytest.Config) -> list[str]:
    """What the command line leaves out."""
    found = [name for option, name in _NARROWING.items() if config.getoption(option, None)]
    if config.args_source is pytest.Config.ArgsSource.ARGS:
        found.append("only some files were named")
    return found
