"""Session: one run of a test suite, as far as cassettes and the project's own API are concerned, from the first test
to the verdict."""

from __future__ import annotations

import json
import os
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from acetate.cassette import name_of
from acetate.change import Change, Occurrence
from acetate.config import Config
from acetate.context import context_of, in_ci
from acetate.deck import Deck, Same
from acetate.drift import Drift, drifts, found
from acetate.errors import AcetateError
from acetate.evidence import Evidence, keep
from acetate.examine import examine, grouped
from acetate.exchange import Exchange, Request, Response
from acetate.files import WORKSPACE, write_atomic
from acetate.guard import Guard, Place, said
from acetate.kind import severity
from acetate.leftovers import Leftover, find_leftovers
from acetate.missed import Missed
from acetate.mocks import Mocks, compared
from acetate.pattern import means
from acetate.project import CassetteFile, Project
from acetate.recorder import Mode, Recorder
from acetate.shelf import Shelf, Tape
from acetate.staging import Filed, StagedProject, file, file_recovered, recorded_in, staged, staged_file
from acetate.succession import staying
from acetate.tally import Tally, unrecorded
from acetate.verdict import Context, Counts, Problem, Verdict, as_json, judged, merged, ordered

if TYPE_CHECKING:
    from acetate.own_api import OwnApi

__all__ = ["DUMMY_KEY", "Hooks", "Session", "examined"]

_UNMATCHED = "redaction-unmatched"
DUMMY_KEY = "acetate-replays-without-a-key"
"""What stands in for a provider's key while nothing goes live: SDKs do not start without one."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """What a project's own settings of vcrpy do: see Recorder and Deck. `read` and `write` are its own persister and
    serializer."""

    asked: Callable[[Request], Request | None] | None = None
    answered: Callable[[Response], Response | None] | None = None
    same: Same | None = None
    repeats: bool = False
    read: Callable[[Path], list[Exchange]] | None = None
    write: Callable[[Path, Sequence[Exchange]], None] | None = None


class Session:
    """What one process knows while tests run. `run` names the run in all of its processes."""

    def __init__(
        self,
        config: Config,
        environ: Mapping[str, str],
        *,
        replay_only: bool = False,
        staged: bool = False,
        mocks: bool = False,
        run: str | None = None,
    ) -> None:
        self.config = config
        self.ci = in_ci(environ)
        self.replay_only = replay_only or self.ci
        self.staged = staged
        self.run = run or secrets.token_hex(8)
        self.tally = Tally()
        self.test: str | None = None
        self._setting: tuple[str | None, ...] | None = None
        self._shelf: Shelf | None = None
        self._lock = threading.Lock()
        self._guard: Guard | None = None
        self._dummies: list[str] = []
        self._failing: list[str] = []
        self._recorders: list[Recorder] = []
        self._stranded: list[Recorder] = []
        self._folders: dict[str, str] = {}
        self._own: OwnApi | None = None
        self._has_begun = False
        self._mocks = Mocks(lambda: self.project) if mocks else None
        self._watching = ExitStack()
        self._compared: Mapping[str, frozenset[int]] = {}

    @property
    def project(self) -> Project:
        """The project as the environment is now: a test may say where a provider is to be found."""
        return self.shelf.project

    @property
    def shelf(self) -> Shelf:
        setting = tuple([os.environ.get(name) for name in self._variables])
        if self._shelf is None or setting != self._setting:
            environ = {name: value for name, value in os.environ.items() if value != DUMMY_KEY}
            self._shelf, self._setting = Shelf(Project(self.config, environ)), setting
        return self._shelf

    @cached_property
    def _key_vars(self) -> list[str]:
        return list(dict.fromkeys(name for each in self.config.providers.values() for name in each.key_vars))

    @cached_property
    def _variables(self) -> list[str]:
        """All that the project depends on, of the environment."""
        return [*(name for each in self.config.providers.values() for name in each.base_url_vars), *self._key_vars]

    # the network

    def start(self) -> None:
        """In replay-only, close the network."""
        if self.config.app is not None:
            from acetate.own_api import OwnApi  # asyncio comes with it

            self._own = OwnApi(self.config.app)
        if self._mocks is not None:
            self._mocks.start()
        if self.replay_only:
            self._guard = Guard(self._refused, self._provider_places)
            self._guard.start()

    def stop(self) -> None:
        """The tests are over: everything is as it was before them."""
        for recorder in self._stranded:
            recorder.leave()
        self._stranded.clear()
        if self._own is not None and self._has_begun and not (self._own.was_seen or self._own.is_there()):
            self.tally.unfound = [self._own.place]
        if self._mocks is not None:
            self._mocks.stop()
        if self._guard is not None:
            self._guard.stop()
            self.tally.passed += Counter({said(place): count for place, count in self._guard.passed.items()})
            self._guard = None

    def _refused(self, place: Place) -> None:
        with self._lock:
            self.tally.refused.append((self.test or "", said(place)))
            self._failing.append(f"{said(place)} was not reached: this run is replay-only")

    def _provider_places(self) -> frozenset[Place]:
        return frozenset(_places(self.config, os.environ))

    # one test

    def begin(self, test: str, *, with_dummies: bool) -> None:
        """A test starts. `with_dummies` gives providers' keys that are not set a value: where nothing goes live."""
        self.test = test
        self._has_begun = True
        self.failing()  # what happened between the tests is not this one's fault
        if self._own is not None:
            self._watching.enter_context(self._own.watching())
        if with_dummies:
            for name in self._key_vars:
                if name not in os.environ:
                    os.environ[name] = DUMMY_KEY
                    self._dummies.append(name)

    def end(self, *, passed: bool, ran: bool = False) -> None:
        """It is over, with all its fixtures: what it recorded is put away. A test that was skipped has not `ran`."""
        self._watching.close()
        self._leave()
        self._compare_mocks()
        if self.test is not None and passed and ran:
            self.tally.succeeded.append(self.test)
        for recorder in self._recorders:
            self._close(recorder, passed=passed)
        # One that could not be put away stays here, so that its journal stays this process's until it ends.
        self._stranded += [each for each in self._recorders if each.is_open]
        self._recorders.clear()
        for name in self._dummies:
            if os.environ.get(name) == DUMMY_KEY:
                del os.environ[name]
        self._dummies.clear()
        self.test = None

    def _leave(self) -> None:
        """Keep what the test was answered by the project's own API."""
        exchanges = self._own.take() if self._own else []
        if self._own is None or self.test is None or not exchanges:
            return
        from acetate.provide import leave  # for the few who have an `app`

        try:
            left = leave(self.project, self.test, self._own.document(), exchanges)
        except AcetateError as error:
            self.told(error)
            return
        self.tally.answered.append(self.test)
        self.tally.undocumented += [each for each in left.undocumented if each not in self.tally.undocumented]

    def _compare_mocks(self) -> None:
        """Hold what the test's mocks answered against the contracts."""
        if self._mocks is None:
            return
        try:
            self.tally.mocks += compared(self.project, self.test or "", self._mocks.take())
        except AcetateError as error:
            self.told(error)

    def failing(self) -> list[str]:
        """Why the test that runs must not pass, whatever it says itself; told once."""
        with self._lock:
            found, self._failing = list(dict.fromkeys(self._failing)), []
            return found

    def _fail(self, why: str) -> None:
        with self._lock:
            self._failing.append(why)

    def told(self, error: AcetateError) -> None:
        """A problem that its test has said itself."""
        self.tally.problems.append(Problem(error.where or self.test or "", error.problem, error.next))

    def lost(self, worker: str) -> None:
        """A worker of pytest-xdist ended without a word."""
        problem = "it ended early: what its tests played and missed is not counted"
        self.tally.problems.append(Problem(worker, problem, "look at why it ended, and run the tests again"))

    @property
    def has_news(self) -> bool:
        """True if any test had to do with cassettes or the network."""
        tally = self.tally
        return bool(
            tally.opened
            or tally.answered
            or tally.mocks
            or tally.missed
            or tally.refused
            or tally.filed
            or tally.problems
            or tally.unfound
        )

    # its cassette

    def open(
        self,
        path: Path,
        extra: Iterable[Path],
        *,
        record_mode: str,
        test: str,
        hooks: Hooks,
        refuse: Callable[[Missed], Exception],
    ) -> Recorder:
        """The cassette of a test, in a mode of pytest-recording. Raises CassetteError for one that cannot be read."""
        shelf = self.shelf
        name = self._name(path)
        tapes = [tape for each in (path, *extra) for tape in self._tapes(each, self._name(each), hooks)]
        exists = bool(tapes) if hooks.read else path.is_file()
        repeats = "last" if hooks.repeats else self.config.repeats
        self.tally.opened |= {tape.file.name: len(tape.exchanges) for tape in tapes} or {name: 0}
        recorder = Recorder(
            project=shelf.project,
            path=path,
            name=name,
            test=test,
            mode=self._mode(record_mode, name, exists=exists),
            deck=Deck(tapes, shelf.project, repeats=repeats, same=hooks.same),
            refuse=partial(self._missed, refuse),
            trouble=self._fail,
            record_mode="rewrite" if exists else "once",
            asked=hooks.asked,
            answered=hooks.answered,
            read=hooks.read,
            write=hooks.write,
        )
        self._recorders.append(recorder)
        return recorder

    def _missed(self, refuse: Callable[[Missed], Exception], found: Missed) -> Exception:
        self._fail(f"{found.call} has no recording in {found.cassette}")
        return refuse(found)

    def _mode(self, record_mode: str, name: str, *, exists: bool) -> Mode:
        if self.replay_only or self.staged or record_mode == "none":
            return "play"
        if record_mode in ("all", "rewrite"):
            return "record"
        if record_mode == "once" and exists and not recorded_in(self.config.root, name, self.run):
            return "play"
        return "extend"

    def _name(self, path: Path) -> str:
        """The name of a cassette, from its path as pytest-recording writes it."""
        folder, _, name = os.path.normpath(path).rpartition(os.sep)
        if folder not in self._folders:
            self._folders[folder] = name_of(Path(folder) / "any", self.config.root).rpartition("/")[0]
        if Path(path).is_symlink():
            return name_of(path, self.config.root)
        name = name.removesuffix(path.suffix)
        return f"{self._folders[folder]}/{name}" if self._folders[folder] else name

    def _tapes(self, path: Path, name: str, hooks: Hooks) -> list[Tape]:
        """What a cassette plays: the file, and with `staged` what waits to come behind what stays of it."""
        waiting = staged(self.config.root, name) if self.staged else None
        tapes = self._tape(path, CassetteFile(name, f"{name}{path.suffix}"), hooks)
        if waiting is None:
            return tapes
        # What was staged is Acetate's own, whoever keeps the cassette.
        new = self._tape(self.config.root / waiting.file.path, waiting.file, replace(hooks, read=None))
        if waiting.how == "replace":
            tapes = [_without(tape, [one for each in new for one in each.exchanges]) for tape in tapes]
        return [*tapes, *new]

    def _tape(self, path: Path, file: CassetteFile, hooks: Hooks) -> list[Tape]:
        if hooks.read:
            kept = hooks.read(path)
            return [self._heard(Tape(file, kept, self.shelf.project), hooks)] if kept else []
        if not path.is_file():
            return []
        return [self._heard(self.shelf.tape(file, path), hooks)]

    def _heard(self, tape: Tape, hooks: Hooks) -> Tape:
        """The tape as the project's hooks leave it: they see recordings when these are read, too."""
        if hooks.asked is None and hooks.answered is None:
            return tape
        found, silent = [], set()
        for position, each in enumerate(tape.exchanges):
            request = hooks.asked(each.request) if hooks.asked else each.request
            response = hooks.answered(each.response) if hooks.answered else each.response
            if request is None or response is None:
                silent.add(position)
            found.append(replace(each, request=request or each.request, response=response or each.response))
        return Tape(tape.file, found, tape.project, frozenset(silent))

    def keeps(self, names: Iterable[str]) -> None:
        """What the project has set for itself."""
        with self._lock:
            self.tally.kept = list(dict.fromkeys([*self.tally.kept, *names]))

    def _close(self, recorder: Recorder, *, passed: bool) -> None:
        filed = list(file(recorder, passed=passed, run=self.run))
        tally = self.tally
        with self._lock:
            tally.filed += filed
            tally.replayed += len(recorder.played)
            tally.live += recorder.live
            tally.missed += [self._waiting_for(each) for each in recorder.missed]
            tally.mocked += recorder.mocked
            tally.drifts += self._drifts(recorder)
            tally.problems += recorder.problems
            tally.ruled = list(dict.fromkeys([*tally.ruled, *sorted(recorder.ruled)]))
            for each in recorder.played:
                tests = tally.played.setdefault(each.file.path, {}).setdefault(each.position, [])
                if recorder.test not in tests:
                    tests.append(recorder.test)

    def _waiting_for(self, missed: Missed) -> Missed:
        """The miss, and whether a recording of its cassette waits that this run does not play."""
        waits = not self.staged and missed.cassette is not None and staged(self.config.root, missed.cassette)
        return replace(missed, waits=bool(waits))

    def _drifts(self, recorder: Recorder) -> Iterator[Drift]:
        """How the requests of a test differ from those that were recorded."""
        for played, sent in recorder.drifted:
            yield from drifts(self.project, played.file.name, played.position, played.exchange, sent, recorder.test)

    def recover(self) -> None:
        """Stage what killed runs left in their journals."""
        if (self.config.root / WORKSPACE / "journal").is_dir():
            for found in file_recovered(self.project, self.run):
                if isinstance(found, Filed):
                    self.tally.filed.append(found)
                else:
                    self.tally.problems.append(found)

    def fails(self, verdict: Verdict) -> bool:
        """True if the run fails though its tests did not: with CI set for what nobody has approved; anywhere if
        something could not be recorded, or reached for the network outside of the tests."""
        unasked = any(test == "" for test, _ in self.tally.refused)
        return (
            unasked
            or bool(self.tally.problems)
            or (self.ci and any(fault.severity == "error" for mock in self.tally.mocks for fault in mock.faults))
            or (self.ci and verdict.outcome != "passed" and bool(verdict.changes or verdict.problems))
        )

    def write_report(self, path: Path, verdict: Verdict) -> None:
        """The verdict as a file; a problem of the run where that cannot be."""
        try:
            write_atomic(path, (json.dumps(as_json(verdict), indent=2, ensure_ascii=False) + "\n").encode())
        except AcetateError as error:
            self.tally.problems.append(Problem(str(path), f"the report {error.problem}", "name another path"))

    def verdict(self, *, quick: bool) -> Verdict:
        """The verdict on all that was played, recorded and answered, in all processes whose tallies were added.
        A `quick` one does not ask git where it takes place."""
        project = self.project
        verdict = examined(project, self.tally, context_of(self.config.project, project.root, os.environ, quick=quick))
        if not self.tally.answered:
            return verdict
        from acetate.provide import examine_provided

        provided = examine_provided(project, verdict.context, tests=set(self.tally.answered))
        self._compared = provided.compared
        return merged([verdict, provided.verdict])

    def leftovers(self, suite: Path) -> Sequence[Leftover]:
        """What a complete run of the suite below that folder has not used, of cassettes and of snapshots. Nothing after
        any other run. What the run has seen is kept: `acetate prune` takes it out."""
        evidence = self._evidence(suite)
        if evidence is None:
            return ()
        project, sealed = self.project, keep(self.project, evidence)
        if self.config.app is not None and evidence.suite == ".":
            from acetate.provide import pending  # for the few who have an `app`

            pending(project).keep_only(set(self.tally.answered))
        every = project.cassettes()
        used = {each.name for each in every if self._is_used(each, sealed)}
        return find_leftovers(project, [each for each in every if each.name not in used], [sealed], used).found

    def _evidence(self, suite: Path) -> Evidence | None:
        """What the run asked for; None where it was not complete."""
        tally, project = self.tally, self.project
        recorded = sum(each.exchanges for each in tally.filed)
        gaps = [*tally.gaps, *([f"{recorded} exchanges were recorded"] if recorded else [])]
        played = {name: frozenset[int]() for name in tally.opened}
        for path, exchanges in tally.played.items():
            name = path.rpartition(".")[0]
            played[name] = played.get(name, frozenset()) | frozenset(exchanges)
        inside = suite.resolve().is_relative_to(project.root)
        evidence = Evidence(
            suite=suite.resolve().relative_to(project.root).as_posix() if inside else ".",
            collected=frozenset(tally.collected),
            passed=frozenset(tally.succeeded),
            played=played,
            compared=self._compared,
            gaps=tuple(gaps),
        )
        return None if self.staged or not inside or evidence.missing else evidence

    def _is_used(self, cassette: CassetteFile, evidence: Evidence) -> bool:
        """True if all of a cassette was played, and no more is approved than that, or if it is another suite's: then
        it need not be read again."""
        size = self.tally.opened.get(cassette.name)
        if size is None:
            return not evidence.speaks_for(cassette.path)
        played = len(evidence.played[cassette.name])
        return size == played and len(self.project.library.entries(cassette.name)) <= size


def examined(project: Project, tally: Tally, context: Context) -> Verdict:
    """Examine what was played and what was recorded; nothing else of the cassettes."""
    view = StagedProject(project.config, project.environ)
    files: dict[str, CassetteFile] = {}
    for path in [*tally.played, *(each.path for each in tally.filed)]:
        if not (project.root / path).is_file():
            continue  # a persister of the project's own keeps it elsewhere
        name = path.removeprefix(f"{WORKSPACE}/staged/").rpartition(".")[0]
        files[path] = CassetteFile(name, path)
    # What comes behind something of a cassette is looked at together with it.
    looked = [each for each in files.values() if not (view.covers(each) and staged_file(each.name) in files)]
    whole = examine(view, looked, context)
    fresh = {each.cassette for each in tally.filed}
    tests = {
        (files[path].name, index): who
        for path, each in tally.played.items()
        if path in files
        for position, who in each.items()
        if (index := view.place(files[path], position, looked)) is not None
    }
    here = [change for each in whole.changes if (change := _seen(each, tests, fresh)) is not None]
    drifted = grouped(found(tally.drifts), Counter(), view, view.decisions, edge="consume")
    changes = ordered([*here, *drifted])
    settings = [*_unmatched(project, tally), *map(_unfound, tally.unfound)]
    problems = tuple(dict.fromkeys([*whole.problems, *tally.problems, *map(unrecorded, tally.missed), *settings]))
    counts = Counts(
        cassettes=len(looked),
        exchanges=whole.counts.exchanges,
        examined=whole.counts.examined,
        replayed=tally.replayed,
        live=tally.live,
        missed=len(tally.missed) + len(set(tally.refused)),
    )
    outcome = judged(changes, problems, counts.examined)
    return Verdict(outcome, context, counts, changes, problems, tuple(_unchecked(project, tally)), tuple(tally.mocks))


def _without(tape: Tape, new: Sequence[Exchange]) -> Tape:
    """The tape silent where a new recording takes its place."""
    replaced = set(range(len(tape.exchanges))).difference(staying(tape.exchanges, new, tape.project))
    return Tape(tape.file, tape.exchanges, tape.project, tape.silent | replaced)


def _unmatched(project: Project, tally: Tally) -> Iterator[Problem]:
    """The project's own redaction rules that found nothing in what this run recorded."""
    if not (tally.live and tally.filed) or severity(_UNMATCHED, "consume", project.config.severity) == "none":
        return
    for name in project.rulebook.names:
        if name not in tally.ruled:
            problem = "it matched nothing that was recorded; what it should hide may be called otherwise"
            yield Problem(name, problem, f"correct the rule or remove it   (acetate explain {_UNMATCHED})")


def _unchecked(project: Project, tally: Tally) -> Iterator[str]:
    """A note on the cassettes of this run that `acetate check` does not look at, with what makes it."""
    names = {*tally.opened, *(each.cassette for each in tally.filed if each.staged is None)}
    paths = sorted(path for name in names if (project.root / (path := project.target(name))).is_file())
    patterns = project.config.cassettes
    outside = [path for path in paths if not any(means(pattern, path) for pattern in patterns)]
    if outside:
        more = f" and {len(outside) - 1} more" if len(outside) > 1 else ""
        wanted = json.dumps([*patterns, *dict.fromkeys(map(_glob, outside))], ensure_ascii=False)
        yield f"`acetate check` does not look at {outside[0]}{more}; so it does: cassettes = {wanted}"


def _glob(path: str) -> str:
    """The glob of all cassettes beside one."""
    folders = path.split("/")[:-1]
    kept = folders[: folders.index("cassettes") + 1] if "cassettes" in folders else folders
    return "/".join([*kept, "**"])


def _unfound(place: str) -> Problem:
    module = place.partition(":")[0]
    problem = f"`app`: there is no module `{module}`, so nothing of your own API was examined"
    return Problem(place, problem, "correct `app` in the config")


def _seen(change: Change, tests: Mapping[tuple[str, int], list[str]], fresh: set[str]) -> Change | None:
    """The change as far as it was played or recorded here, each occurrence with the test that saw it."""
    here: list[Occurrence] = []
    for each in change.occurrences:
        who = tests.get((each.cassette, each.exchange))
        if who is not None:
            here.append(replace(each, test=who[0]))
        elif each.cassette in fresh:
            here.append(each)
    return replace(change, occurrences=tuple(here)) if here else None


def _places(config: Config, environ: Mapping[str, str]) -> Iterable[Place]:
    """Where providers answer by what the configuration and the environment say, be it on this machine."""
    for provider in config.providers.values():
        for url in (*provider.base_urls, *(environ.get(name, "") for name in provider.base_url_vars)):
            try:
                place = urlsplit(url)
                port = place.port or (80 if place.scheme == "http" else 443)
            except ValueError:
                continue
            if place.hostname:
                yield place.hostname, port
