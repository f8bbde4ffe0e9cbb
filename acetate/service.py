"""Service: what the toolkit asks of the service where runs are reviewed."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import quote

import acetate
from acetate.body import Json
from acetate.bundle import Bundle, bundle_json
from acetate.errors import AcetateError, UsageError
from acetate.ruling import Ruling, Sides
from acetate.transport import Answer, is_address, send

__all__ = ["TOKEN", "URL", "Pushed", "Rulings", "Service", "ServiceError"]

URL = "ACETATE_SERVICE"
"""The variable that says where the service is."""
TOKEN = "ACETATE_TOKEN"
"""The variable that holds the token for it; a configuration never does."""

_ASKED_AT_ONCE = 100
_PUSH_SECONDS = 120


class ServiceError(AcetateError):
    """The service cannot be asked, or answered something else."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """What became of a bundle: its run, and how that stands now."""

    id: str
    url: str
    outcome: str
    waiting: int
    sent: int


@dataclass(frozen=True, slots=True)
class Rulings:
    """The decisions that stand on some changes. Where `second_person` is set, what its author approved in the files of
    a pull request waits for one of these."""

    second_person: bool
    rulings: tuple[Ruling, ...]


@dataclass(frozen=True, slots=True)
class Service:
    """One service; `token` is a person's or a CI job's."""

    url: str
    token: str = field(repr=False)

    @classmethod
    def of(cls, said: str | None, configured: str | None, environ: Mapping[str, str]) -> Service:
        """The service that a command names, or the environment, or the configuration. Raises UsageError."""
        url = (said or environ.get(URL, "").strip() or configured or "").rstrip("/")
        if not url:
            raise UsageError(
                "which service?",
                next=f'name it: --service URL, or {URL}, or `service_url = "https://…"` in [tool.acetate]',
            )
        if not is_address(url):
            raise UsageError(f"`{url}` is not the address of a service", next="--service https://acetate.example.org")
        return cls(url, environ.get(TOKEN, "").strip())

    def push(self, bundle: Bundle, contents: Mapping[str, bytes]) -> Pushed:
        """Send a run, and of its files those that the service does not have. Sent twice it is the same run."""
        asked: dict[str, Json] = {"project": bundle.project, "digests": list(bundle.digests)}
        missing = _list(self._call("POST", "/api/v1/runs/missing", asked), "missing")
        files: dict[str, Json] = {
            digest: contents[digest].decode("utf-8", "surrogatepass") for digest in missing if digest in contents
        }
        answer = self._call("POST", "/api/v1/runs", {**bundle_json(bundle), "files": files}, seconds=_PUSH_SECONDS)
        try:
            return Pushed(
                id=str(answer["id"]),
                url=str(answer["url"]),
                outcome=str(answer["outcome"]),
                waiting=int(answer["waiting"]),
                sent=len(files),
            )
        except (KeyError, TypeError, ValueError):
            _odd(self.url)

    def rulings(self, project: str, fingerprints: Sequence[str]) -> Rulings:
        """The decisions that stand on these changes; for none nobody is asked."""
        second_person = False
        found: list[Ruling] = []
        for start in range(0, len(fingerprints), _ASKED_AT_ONCE):
            asked = ",".join(fingerprints[start : start + _ASKED_AT_ONCE])
            answer = self._call("GET", f"/api/v1/decisions?project={quote(project, safe='')}&of={asked}")
            second_person = answer.get("require_approval") is True
            found += self._rulings(_list(answer, "decisions"))
        return Rulings(second_person, tuple(found))

    def _rulings(self, listed: Iterable[Any]) -> Iterator[Ruling]:
        try:
            for each in listed:
                if each["decision"] in ("approved", "rejected"):
                    sides = {name: Sides(said["approved"], said["now"]) for name, said in each["sides"].items()}
                    by, at, why = str(each["by"]), str(each["at"]), str(each["why"])
                    yield Ruling(str(each["fingerprint"]), each["decision"], by, at, why, sides)
        except (KeyError, TypeError, AttributeError):
            _odd(self.url)

    def _call(self, method: str, path: str, body: Json = None, *, seconds: float = 15) -> dict[str, Any]:
        if not (self.token and self.token.isascii() and self.token.isprintable()):
            raise ServiceError(
                f"wants a token, and {TOKEN} holds none",
                where=self.url,
                next=f"{self.url}/tokens makes one for this project; set {TOKEN} to it, in CI as a secret",
            )
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Accept": "application/json",
            "User-Agent": f"acetate/{acetate.__version__}",
        }
        content = None
        if body is not None:
            content = gzip.compress(json.dumps(body, separators=(",", ":")).encode(), compresslevel=6)
            headers |= {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        answer = send(method, self.url + path, content, headers, timeout=seconds)
        if answer.status not in (200, 201):
            self._refused(answer)
        return _object(answer) or _odd(self.url)

    def _refused(self, answer: Answer) -> NoReturn:
        """Says what a problem document says, and what to do about the usual ones."""
        said = _object(answer) or {}
        detail = str(said.get("detail") or f"answered with status {answer.status}")[:500]
        fields = said.get("fields")
        if isinstance(fields, list) and fields and isinstance(fields[0], dict):
            detail += f" `{fields[0].get('at')}`: {fields[0].get('problem')}"
        raise ServiceError(f"says: {detail}", where=self.url, next=_ADVICE.get(answer.status, "ask who runs it"))


_ADVICE = {
    301: "name the address that it redirects to",
    302: "name the address that it redirects to",
    307: "name the address that it redirects to",
    308: "name the address that it redirects to",
    401: f"make a token for this project and set {TOKEN} to it",
    403: f"{TOKEN} is of another project or may not do this: make one for this project",
    404: "look whether this is the address of an Acetate service: acetate push --service URL",
    413: "push fewer cassettes at once, or ask who runs it to raise ACETATE_MAX_PUSH_BYTES",
    422: "pip install --upgrade acetate, or ask who runs the service to upgrade it",
}


def _object(answer: Answer) -> dict[str, Any] | None:
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _list(answer: Mapping[str, Any], name: str) -> list[Any]:
    value = answer.get(name)
    return value if isinstance(value, list) else []


def _odd(url: str) -> NoReturn:
    raise ServiceError(
        "does not answer as an Acetate service does",
        where=url,
        next="look at that address in a browser: it should show the page where changes are reviewed",
    )
