"""The one door to vcrpy: a test's cassette as vcrpy's patches and a project's own settings of vcrpy see it.

httpx and httpx2 are tapped by Acetate itself (`tap`); every other client goes through vcrpy's patches, to a `Cassette`
that plays from a recorder. What a project has set for itself (`match_on`, `before_record_request`, filters, a
serializer, a persister) is followed; vcrpy's defaults are not.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pytest_recording._vcr import use_cassette
from pytest_recording.plugin import RECORD_MODES
from pytest_recording.utils import merge_kwargs
from vcr import VCR
from vcr.cassette import Cassette
from vcr.errors import CannotOverwriteExistingCassetteException
from vcr.matchers import requests_match
from vcr.patch import CassettePatcherBuilder
from vcr.persisters.filesystem import CassetteNotFoundError, FilesystemPersister
from vcr.request import Request as VcrRequest
from vcr.serialize import serialize
from vcr.util import read_body

from acetate.errors import UsageError
from acetate.exchange import Exchange, Request, Response
from acetate.files import write_atomic
from acetate.missed import Missed
from acetate.recorder import Call, Recorder
from acetate.session import Hooks, Session
from acetate.tap import CLIENTS, listening

__all__ = ["BridgedCassette", "NoRecording", "Settings", "attach", "opened"]

_REPLACED = {"boto3": "botocore.awsrequest", "httplib2": "httplib2", "aiohttp": "aiohttp.client", "urllib3": "urllib3"}
_NOT_SETTINGS = frozenset({"record_mode", "path_transformer", "cassette_library_dir", "allowed_hosts", "acetate"})
_DEFAULTS = {name: each.default for name, each in inspect.signature(VCR.__init__).parameters.items() if name != "self"}
_KNOWN = frozenset(
    {*_DEFAULTS, "allow_playback_repeats", "additional_matchers", "persister", "path", "with_current_defaults"}
    | {"allowed_hosts"}
)
_ASKED = (
    *("before_record_request", "before_record", "filter_headers", "filter_query_parameters", "ignore_hosts"),
    *("filter_post_data_parameters", "ignore_localhost"),
)
_ANSWERED = ("before_record_response", "decode_compressed_response")
_MATCHED = ("match_on", "additional_matchers")


class NoRecording(CannotOverwriteExistingCassetteException):  # type: ignore[misc]
    """What a client gets for a request that has no recording. Its own class, so that vcrpy does not compare with every
    recording once more; vcrpy's name for it, so that whoever expects that finds it."""

    def __init__(self, found: Missed) -> None:
        self.cassette = None
        self.failed_request = None
        self.similar_requests: list[Any] = []
        self.reason = "no_match"
        self.missed = found
        Exception.__init__(self, f"{found.call} has no recording in {found.cassette}: see MISSED at the end of the run")


class BridgedCassette(Cassette):  # type: ignore[misc]
    """What vcrpy's patches and tests hold: everything is asked of the recorder, and nothing is saved here."""

    def __init__(self, recorder: Recorder, **settings: Any) -> None:
        super().__init__(**settings)
        self.recorder = recorder

    # what vcrpy's patches ask

    def can_play_response_for(self, request: Any) -> bool:
        """True if `play_response` has an answer, which counts as played from now on. Raises NoRecording where nothing
        may go live. Asked again for the same call, it says the same."""
        __tracebackhide__ = True
        said = vars(request)
        if "acetate" not in said:
            heard = self.recorder.heard(_from_vcr(request))
            said["acetate"] = heard and (self.recorder.play(heard) or self.recorder.call(heard))
        return said["acetate"] is not None and not isinstance(said["acetate"], Call)

    def play_response(self, request: Any) -> dict[str, Any]:
        if not self.can_play_response_for(request):
            raise KeyError(f"{request} is not recorded")
        return _response_dict(vars(request)["acetate"].exchange.response)

    def append(self, request: Any, response: dict[str, Any]) -> None:
        """Keep what a client of vcrpy's heard. Its streams were read to their end before anybody got them."""
        said = vars(request)
        if "acetate" not in said:  # a redirect that the client followed
            heard = self.recorder.heard(_from_vcr(request))
            said["acetate"] = heard and self.recorder.call(heard)
        call = said["acetate"]
        if isinstance(call, Call):
            answer = _response(response)
            self.recorder.keep(call, answer.status, answer.reason, answer.headers, answer.body)

    def filter_request(self, request: Any) -> Any:
        return request if self.recorder.heard(_from_vcr(request)) else None

    def find_requests_with_most_matches(self, request: Any) -> list[tuple[Any, list[Any], list[Any]]]:
        """Asked for where a redirect leads to: there."""
        return [(request, [], [])]

    @property
    def write_protected(self) -> bool:
        return False  # `can_play_response_for` has raised where it is

    def _load(self) -> None:
        """The recorder has."""

    def _save(self, force: bool = False) -> None:
        """The session does, when the test's outcome is known."""

    # what tests ask

    @property
    def data(self) -> list[tuple[Any, dict[str, Any]]]:
        every: Iterable[Exchange] = [*(each.exchange for each in self.recorder.deck), *self.recorder.new]
        return [(_to_vcr(each.request), _response_dict(each.response)) for each in every]

    @data.setter
    def data(self, value: object) -> None:
        """Set by vcrpy when it is made."""

    @property
    def play_count(self) -> int:
        return len(self.recorder.played)

    @property
    def all_played(self) -> bool:
        return self.recorder.deck.unplayed == 0

    @property
    def dirty(self) -> bool:
        return bool(self.recorder.new)

    @dirty.setter
    def dirty(self, value: bool) -> None:
        """Set by vcrpy when it is made."""

    def __len__(self) -> int:
        return len(self.recorder.deck) + len(self.recorder.new)

    def __contains__(self, request: Any) -> bool:
        heard = self.recorder.heard(_from_vcr(request))
        return heard is not None and self.recorder.deck.knows(heard)


class Settings:
    """A project's own settings of vcrpy: what a test's marks, `vcr_config` and the hook `pytest_recording_configure`
    say, in that order."""

    def __init__(self, vcr: VCR, said: Mapping[str, Any], extra: Sequence[Path]) -> None:
        own = {name: getattr(vcr, name, default) for name, default in _DEFAULTS.items() if name != "before_record"}
        changed = {name for name, value in own.items() if value != _DEFAULTS[name]}
        if type(vcr.persister).__module__ != "pytest_recording._vcr":
            changed.add("persister")
        self.names = sorted({*changed, *said} - _NOT_SETTINGS)
        self.extra = extra
        self._vcr = vcr
        self._merged: dict[str, Any] = vcr.get_merged_config(**{k: v for k, v in said.items() if k in _KNOWN})

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def path(self, default: str) -> Path:
        return Path(self._merged["path_transformer"](default))

    def hooks(self, session: Session) -> Hooks:
        """What they change of playing and recording."""
        stored = bool({"serializer", "persister"}.intersection(self.names))
        return Hooks(
            asked=self._asked if any(name in self for name in _ASKED) else None,
            answered=self._answered if any(name in self for name in _ANSWERED) else None,
            same=functools.partial(self._same, session) if any(name in self for name in _MATCHED) else None,
            repeats=self._merged["allow_playback_repeats"],
            read=self._read if stored else None,
            write=self._write if stored else None,
        )

    def cassette(self, recorder: Recorder) -> BridgedCassette:
        """Everything that is not installed, or that is tapped, is not patched."""
        skipped = set(self._merged["skip_patchers"])
        missing = {name for name, module in _REPLACED.items() if module not in sys.modules}
        if not any(name in sys.modules for name in ("tornado.simple_httpclient", "tornado.curl_httpclient")):
            missing.add("tornado")
        if "urllib3" not in skipped:
            missing.add("requests")  # urllib3's patches are the same, and come on top
        return BridgedCassette(
            recorder,
            path=str(recorder.path),
            record_mode=self._merged["record_mode"],
            custom_patches=self._merged["custom_patches"],
            inject=self._merged["inject"],
            skip_patchers=sorted({*skipped, *missing, *CLIENTS}),
        )

    def clients(self) -> list[str]:
        return [name for name in CLIENTS if name not in self._merged["skip_patchers"]]

    def _asked(self, request: Request) -> Request | None:
        found = self._merged["before_record_request"](_to_vcr(request))
        return None if found is None else _from_vcr(found)

    def _answered(self, response: Response) -> Response | None:
        found = self._merged["before_record_response"](_response_dict(response))
        return None if found is None else _response(found)

    def _same(self, session: Session, sent: Request, recorded: Request) -> bool:
        identify = session.project.providers.identify
        sides = [_kept_vcr(replace(each, uri=identify(each.uri).uri)) for each in (sent, recorded)]
        return bool(requests_match(*sides, self._merged["match_on"]))

    def _read(self, path: Path) -> list[Exchange]:
        persister = self._merged["persister"]
        if type(persister).__module__ == "pytest_recording._vcr":
            persister = FilesystemPersister
        try:
            requests, responses, *_ = persister.load_cassette(str(path), self._merged["serializer"])
        except CassetteNotFoundError:
            return []
        return [
            Exchange(_from_vcr(request), _response(response))
            for request, response in zip(requests, responses, strict=True)
        ]

    def _write(self, path: Path, exchanges: Sequence[Exchange]) -> None:
        persister, serializer = self._merged["persister"], self._merged["serializer"]
        content = {
            "requests": [_to_vcr(each.request) for each in exchanges],
            "responses": [_response_dict(each.response) for each in exchanges],
        }
        if type(persister).__module__ == "pytest_recording._vcr":
            write_atomic(path, serialize(content, serializer).encode())
        else:
            persister.save_cassette(str(path), content, serializer=serializer)


@contextmanager
def opened(
    session: Session,
    test: str,
    default: str,
    folder: str,
    record_mode: str,
    markers: Sequence[Any],
    said: Mapping[str, Any],
    config: Any,
) -> Iterator[BridgedCassette]:
    """The cassette of one test, as pytest-recording's marks and fixtures describe it. Raises UsageError for a setting
    that does not exist, CassetteError for a cassette that cannot be read."""
    merged = merge_kwargs(dict(said), list(markers))
    _check(merged)
    mode = merged.pop("record_mode", record_mode)
    mode = getattr(mode, "value", mode)
    if mode not in RECORD_MODES:
        raise UsageError(f"`{mode}` is no record mode", next=_choice(str(mode), RECORD_MODES))
    names: list[Any] = [SimpleNamespace(args=marker.args, kwargs={}) for marker in markers]
    # With mode `none`: its `rewrite` would remove the old cassette first.
    context = use_cassette(default, folder, "none", names, {**merged, "acetate": None}, config)
    assert isinstance(context, _Opening)
    settings = Settings(context.vcr, merged, [Path(each) for each in context.extra])
    session.keeps(settings.names)
    recorder = session.open(
        settings.path(context.default),
        settings.extra,
        record_mode=mode,
        test=test,
        hooks=settings.hooks(session),
        refuse=NoRecording,
    )
    cassette = settings.cassette(recorder)
    with ExitStack() as patches:
        for patcher in CassettePatcherBuilder(cassette).build():
            patches.enter_context(patcher)
        patches.enter_context(listening(recorder, settings.clients()))
        yield cassette


@dataclass(frozen=True, slots=True)
class _Opening:
    """What pytest-recording has worked out, in place of the cassette that vcrpy would open."""

    vcr: VCR
    extra: Sequence[str]
    default: str


def attach(vcr: VCR) -> None:
    """Let a VCR that pytest-recording has made for `opened` hand over what it knows. Any other is left alone."""
    real, extra = vcr.use_cassette, getattr(vcr.persister, "extra_paths", ())

    def use_cassette(path: Any = None, **said: Any) -> Any:
        return _Opening(vcr, extra, path) if "acetate" in said else real(path, **said)

    vcr.use_cassette = use_cassette


def _check(said: Mapping[str, Any]) -> None:
    for name in said:
        if name not in _KNOWN:
            raise UsageError(f"vcrpy has no setting `{name}` (in `vcr_config` or a mark)", next=_choice(name, _KNOWN))


def _choice(word: str, words: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(words), n=1)
    return f"write `{near[0]}`" if near else f"there are {', '.join(sorted(words))}"


# A request and a response, here and there


def _from_vcr(request: Any) -> Request:
    headers = tuple((_text(name), _text(value)) for name, value in request.headers.items())
    body = request.body
    if isinstance(body, dict | list):
        # What aiohttp is given as `json=`; it adds the header later.
        body = json.dumps(body).encode()
        if not any(name.lower() == "content-type" for name, _ in headers):
            headers = (*headers, ("Content-Type", "application/json"))
    elif body is not None and not isinstance(body, bytes):
        body = read_body(request)
    return Request(request.method, request.uri, headers, body.encode() if isinstance(body, str) else bytes(body or b""))


def _to_vcr(request: Request) -> Any:
    return VcrRequest(request.method, request.uri, request.body or None, dict(request.headers))


_kept_vcr = functools.lru_cache(maxsize=4096)(_to_vcr)


def _response(response: Mapping[str, Any]) -> Response:
    status, body = response["status"], response["body"].get("string") or b""
    headers = [
        (_text(name), _text(value))
        for name, values in response["headers"].items()
        for value in (values if isinstance(values, list) else [values])
    ]
    return Response(
        status["code"],
        _text(status.get("message") or ""),
        tuple(headers),
        body.encode() if isinstance(body, str) else bytes(body),
    )


def _response_dict(response: Response) -> dict[str, Any]:
    """A new one each time: vcrpy's patches take headers out of it."""
    headers: dict[str, list[str]] = {}
    for name, value in response.headers:
        headers.setdefault(name, []).append(value)
    return {
        "status": {"code": response.status, "message": response.reason},
        "headers": headers,
        "body": {"string": response.body},
    }


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
