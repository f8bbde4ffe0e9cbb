"""What the toolkit asks of the service, and what it says of answers that are not what it asked for."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator

import pytest

from acetate.bundle import Bundle
from acetate.errors import UsageError
from acetate.ruling import Ruling, Sides
from acetate.service import TOKEN, URL, Service, ServiceError
from acetate.verdict import Context, Verdict
from tests.toolkit.loopback import Loopback, answer, listening

BUNDLE = Bundle(
    "chat", "test", "2026-11-22T18:00:00Z", Verdict("passed", Context("chat", "1")), snapshots={"a": Sides("1", "2")}
)


@pytest.fixture
def there() -> Iterator[Loopback]:
    with listening() as loopback:
        yield loopback


@pytest.fixture
def service(there: Loopback) -> Service:
    return Service(there.url, "act_secret")


def replies(there: Loopback, *bodies: object, status: str = "200 OK") -> None:
    """Answer one request after the other."""
    left = [answer(json.dumps(body).encode(), status) for body in bodies]
    there.says = lambda connection, request: connection.sendall(left.pop(0))


def sent(request: bytes) -> dict[str, object]:
    """The JSON of a request."""
    body: dict[str, object] = json.loads(gzip.decompress(request.partition(b"\r\n\r\n")[2]))
    return body


def test_the_words_of_a_command_win_over_the_environment_and_that_over_the_configuration():
    environ = {URL: "https://two.example.org/", TOKEN: " act_x "}
    assert Service.of("https://one.example.org", "https://three.example.org", environ).url == "https://one.example.org"
    assert Service.of(None, "https://three.example.org", environ).url == "https://two.example.org"
    assert Service.of(None, "https://three.example.org", {}).url == "https://three.example.org"
    assert Service.of(None, None, environ).token == "act_x"


def test_without_any_the_three_ways_to_name_it_are_said():
    with pytest.raises(UsageError, match="which service") as caught:
        Service.of(None, None, {URL: " "})
    assert all(word in caught.value.next for word in ("--service URL", URL, "service_url"))


@pytest.mark.parametrize("url", ["cassettes/chat", "ftp://example.org", "http://[::1"])
def test_what_is_no_address_is_refused(url):
    with pytest.raises(UsageError, match="not the address of a service"):
        Service.of(url, None, {})


def test_a_token_does_not_show():
    assert "act_secret" not in repr(Service("https://one.example.org", "act_secret"))


@pytest.mark.parametrize("token", ["", "act_ä", "act\n"])
def test_without_a_usable_token_nothing_is_sent_and_the_way_to_one_is_said(there, token):
    with pytest.raises(ServiceError, match=TOKEN) as caught:
        Service(there.url, token).rulings("chat", ["f"])
    assert (there.asked, caught.value.next.startswith(f"{there.url}/tokens")) == ([], True)


def test_only_missing_files_are_sent(there, service):
    replies(there, {"missing": ["2", "unknown"]}, {"id": "7", "url": "u", "outcome": "failed", "waiting": 2})
    pushed = service.push(BUNDLE, {"1": b"one", "2": b"two"})
    assert (pushed.id, pushed.url, pushed.outcome, pushed.waiting, pushed.sent) == ("7", "u", "failed", 2, 1)
    assert sent(there.asked[0]) == {"project": "chat", "digests": ["1", "2"]}
    assert sent(there.asked[1])["files"] == {"2": "two"}
    assert b"Authorization: Bearer act_secret" in there.asked[1]


def test_rulings_are_asked_for_a_hundred_at_a_time(there, service):
    told = {"fingerprint": "f", "decision": "approved", "by": "mara", "at": "t", "why": "w", "sides": {}}
    held = {"a": {"approved": "1", "now": None}}
    replies(
        there,
        {"require_approval": False, "decisions": [{**told, "sides": held}]},
        {"require_approval": True, "decisions": [{**told, "decision": "undone"}]},
    )
    found = service.rulings("a project/&", [f"{number:016}" for number in range(101)])
    assert found.rulings == (Ruling("f", "approved", "mara", "t", "w", {"a": Sides("1", None)}),)
    assert found.second_person is True
    assert there.asked[0].startswith(b"GET /api/v1/decisions?project=a%20project%2F%26&of=0000000000000000,")
    assert [request.split(b" ")[1].count(b",") for request in there.asked] == [99, 0]


@pytest.mark.parametrize(
    "said",
    [b"", b"[]", b"not json", b"[" * 100_000, b'{"decisions": [1]}', b'{"decisions": [{"decision": "approved"}]}'],
)
def test_an_answer_that_is_none_is_said(there, service, said):
    there.says = answer(said)
    with pytest.raises(ServiceError, match="does not answer as an Acetate service does"):
        service.rulings("chat", ["f"])


def test_a_run_that_is_not_told_is_said(there, service):
    replies(there, {"missing": []}, {"id": "7"})
    with pytest.raises(ServiceError, match="does not answer as an Acetate service does"):
        service.push(BUNDLE, {})


@pytest.mark.parametrize(
    ("status", "said", "problem", "advice"),
    [
        ("401 Unauthorized", {"detail": "The token is not valid."}, "says: The token is not valid.", TOKEN),
        ("403 Forbidden", {"detail": "Another project."}, "says: Another project.", TOKEN),
        ("404 Not Found", {}, "answered with status 404", "--service URL"),
        ("302 Found", {}, "answered with status 302", "redirects"),
        ("413 Too Large", {}, "answered with status 413", "ACETATE_MAX_PUSH_BYTES"),
        ("503 Away", {}, "answered with status 503", "ask who runs it"),
        (
            "422 Unprocessable",
            {"detail": "See `fields`.", "fields": [{"at": "body.at", "problem": "no time"}]},
            "See `fields`. `body.at`: no time",
            "upgrade",
        ),
    ],
)
def test_a_refusal_says_why_and_what_to_do(there, service, status, said, problem, advice):
    there.says = answer(json.dumps(said).encode(), status)
    with pytest.raises(ServiceError) as caught:
        service.rulings("chat", ["f"])
    assert problem in caught.value.problem
    assert advice in caught.value.next
