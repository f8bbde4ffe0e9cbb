"""News on their way: signed, tried again, given up at last, and sent once however many processes look."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select, text, update

from app.models import Delivery, Role, now
from app.runs import webhooks
from app.runs.courier import Courier, Pace
from tests.app.bundles import COMMIT, bundle, change
from tests.app.engines import ONLY_SQLITE

AT_ONCE = Pace(look=0.01, timeout=2, delays=(0.0, 0.0))


@dataclass
class Receiver:
    """What arrived at an address, and what it answers."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    seen: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    arrived: Callable[[], None] = lambda: None

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(body) for _, _, body in self.seen]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.seen.append((self.path, dict(self.headers), body))
            receiver.arrived()
            self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    yield receiver
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def app(app: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The application whose own courier rests: the tests send when they want to."""

    class Resting(Courier):
        def start(self) -> None:
            self._stopping.set()
            super().start()

    monkeypatch.setattr("app.runs.courier.Courier", Resting)
    return app


@pytest.fixture
def courier(database: Any, settings: Any) -> Courier:
    return Courier(database, settings, AT_ONCE)


@pytest.fixture
def admin(as_role: Any) -> dict[str, str]:
    headers: dict[str, str] = as_role(Role.ADMIN)
    return headers


@pytest.fixture
def push(client: Any, admin: Any) -> Callable[[dict[str, Any]], str]:
    return lambda body: str(client.post("/api/v1/runs", json=body, headers=admin).json()["id"])


@pytest.fixture
def hook(client: Any, admin: Any, push: Any, receiver: Receiver) -> Callable[..., dict[str, Any]]:
    """A webhook of the project `chat` that leads to the receiver."""

    def hook(**said: Any) -> dict[str, Any]:
        push(bundle(commit="0" * 40, branch="before"))
        body = {"project": "chat", "url": receiver.url, **said}
        answer = client.post("/api/v1/webhooks", json=body, headers=admin)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    return hook


def decide(client: Any, headers: Any, run: str, decision: str, why: str = "because") -> None:
    found = client.get(f"/api/v1/runs/{run}/changes", headers=headers).json()
    chosen = [{"fingerprint": each["fingerprint"], "state": each["state"]} for each in found]
    body = {"decision": decision, "why": why, "changes": chosen}
    assert client.post(f"/api/v1/runs/{run}/decisions", json=body, headers=headers).status_code == 200


def test_a_run_that_needs_review_and_a_decision_are_news(hook, push, courier, receiver, client, admin, settings):
    hook()
    run = push(bundle(change()))
    decide(client, admin, run, "approved", "known")
    assert courier.deliver() == 2
    review, decided = receiver.bodies
    assert (review["event"], review["run"]["waiting"], review["url"]) == (
        "run.needs-review",
        1,
        f"{settings.public_url}/runs/{run}",
    )
    assert (decided["event"], decided["decision"], decided["why"], decided["by"]) == (
        "change.decided",
        "approved",
        "known",
        "admin",
    )
    assert decided["run"]["outcome"] == "passed"
    assert courier.deliver() == 0


def test_a_run_that_waits_again_is_news(hook, push, courier, receiver, client, admin):
    hook()
    run = push(bundle(change()))
    decide(client, admin, run, "approved")
    decide(client, admin, run, "undone")
    courier.deliver()
    assert [each["event"] for each in receiver.bodies].count("run.needs-review") == 2


def test_a_run_that_waits_for_a_second_person_from_now_on_is_news(hook, push, courier, receiver, client, admin):
    hook()
    push(bundle(change(decision="approved"), against="f" * 40))
    client.patch("/api/v1/projects", params={"project": "chat"}, json={"require_approval": True}, headers=admin)
    courier.deliver()
    assert [(each["event"], each["run"]["waiting"]) for each in receiver.bodies] == [("run.needs-review", 1)]


def test_nobody_is_called_to_a_run_that_a_newer_one_has_replaced(hook, push, courier, receiver, client, admin):
    hook()
    push(bundle(change()))
    newer = push(bundle(change(), commit="b" * 40))
    decide(client, admin, newer, "approved")
    courier.deliver()
    receiver.seen.clear()
    decide(client, admin, newer, "undone")
    courier.deliver()
    told = [each["run"]["id"] for each in receiver.bodies if each["event"] == "run.needs-review"]
    assert told == [newer]


def test_what_became_of_the_newest_news_is_known(hook, push, courier, receiver, database):
    first, second = hook(), hook(url="http://127.0.0.1:9/")
    push(bundle(change("$.a"), commit="a" * 40))
    courier.deliver()
    receiver.statuses = [500]
    push(bundle(change("$.b"), commit="b" * 40, branch="fix"))
    courier.deliver()
    with database.read() as session:
        found = {str(hooked): each.error for hooked, each in webhooks.newest_deliveries(session).items()}
        assert webhooks.newest_statuses(session) == {}
    assert found[first["id"]] == "answered 500"
    assert "cannot be reached" in str(found[second["id"]])


def test_what_is_sent_is_signed_with_the_time(hook, push, courier, receiver):
    secret = hook()["secret"]
    push(bundle(change()))
    before = int(time.time())
    courier.deliver()
    _, headers, body = receiver.seen[0]
    stamp, signature = (part.partition("=")[2] for part in headers["X-Acetate-Signature"].split(","))
    assert before <= int(stamp) <= int(time.time())
    expected = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    assert (signature, headers["X-Acetate-Event"]) == (expected, "run.needs-review")


def test_slack_is_sent_a_line_in_which_nothing_is_markup(hook, push, courier, receiver, client, admin):
    hook(style="slack")
    run = push(bundle(change()))
    decide(client, admin, run, "rejected", "<!channel> & more")
    courier.deliver()
    review, decided = (each["text"] for each in receiver.bodies)
    assert review.endswith(f"|chat {COMMIT[:7]}>: 1 change waits for a reviewer")
    assert decided.endswith(": 1 change rejected by admin: &lt;!channel&gt; &amp; more")


def test_several_changes_are_counted(hook, push, courier, receiver, client, admin):
    hook(style="slack")
    run = push(bundle(change("$.a"), change("$.b")))
    decide(client, admin, run, "approved", "")
    courier.deliver()
    review, decided = (each["text"] for each in receiver.bodies)
    assert (review.endswith(": 2 changes wait for a reviewer"), decided.endswith(": 2 changes approved by admin")) == (
        True,
        True,
    )


def test_a_receiver_that_fails_is_asked_again_and_what_came_of_it_is_kept(hook, push, courier, receiver, client, admin):
    made = hook()
    receiver.statuses = [500, 302]
    push(bundle(change()))
    assert [courier.deliver() for _ in range(4)] == [1, 1, 1, 0]
    assert len({headers["X-Acetate-Delivery"] for _, headers, _ in receiver.seen}) == 1
    found = client.get(f"/api/v1/webhooks/{made['id']}/deliveries", headers=admin).json()["items"]
    assert [(each["state"], each["attempts"], each["status"], each["error"]) for each in found] == [
        ("delivered", 3, 200, None)
    ]


def test_it_is_given_up_in_the_end(hook, push, courier, receiver, client, admin):
    made = hook()
    receiver.statuses = [500] * 9
    push(bundle(change()))
    while courier.deliver():
        pass
    found = client.get(f"/api/v1/webhooks/{made['id']}/deliveries", headers=admin).json()["items"]
    assert [(each["state"], each["attempts"], each["error"]) for each in found] == [("given-up", 3, "answered 500")]


@ONLY_SQLITE
def test_a_pause_lies_between_two_attempts(hook, push, database, settings, receiver):
    hook()
    receiver.statuses = [500]
    push(bundle(change()))
    patient = Courier(database, settings, Pace(delays=(60.0,)))
    assert [patient.deliver(), patient.deliver()] == [1, 0]
    with database.read() as session:
        delivery = session.scalars(select(Delivery)).one()
    assert 50 < (delivery.due_at - now()).total_seconds() <= 60


@ONLY_SQLITE
def test_a_receiver_that_nobody_reaches_is_an_error_that_is_kept(hook, push, courier, database):
    hook(url="http://127.0.0.1:9/")
    push(bundle(change()))
    courier.deliver()
    with database.read() as session:
        assert "cannot be reached" in str(session.scalars(select(Delivery.error)).one())


@ONLY_SQLITE
def test_a_name_that_leads_to_a_refused_network_is_sent_nothing(hook, push, courier, receiver, database, monkeypatch):
    hook(url=receiver.url.replace("127.0.0.1", "localhost"))
    monkeypatch.setattr("app.runs.courier.admits", lambda address: address != "127.0.0.1")
    push(bundle(change()))
    courier.deliver()
    assert receiver.seen == []
    with database.read() as session:
        assert "nothing is sent" in str(session.scalars(select(Delivery.error)).one())


def test_several_processes_send_each_delivery_once(hook, push, database, settings, receiver):
    hook()
    for number in range(12):
        push(bundle(change(), commit=f"{number:040}", branch=f"b{number}"))
    receiver.arrived = lambda: time.sleep(0.02)
    couriers = [Courier(database, settings, AT_ONCE) for _ in range(3)]
    threads = [threading.Thread(target=lambda each=each: [None for _ in iter(each.deliver, 0)]) for each in couriers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sent = [headers["X-Acetate-Delivery"] for _, headers, _ in receiver.seen]
    assert (len(sent), len(set(sent))) == (12, 12)


def test_what_a_process_claimed_and_never_sent_comes_back(hook, push, courier, receiver, database):
    hook()
    push(bundle(change()))
    assert len(courier._claimed()) == 1
    assert courier.deliver() == 0
    with database.write() as session:
        session.execute(update(Delivery).values(due_at=now()))
    assert courier.deliver() == 1
    assert len(receiver.seen) == 1


@pytest.fixture
def at_work(courier: Courier) -> Iterator[None]:
    """The courier works in its own thread."""
    courier.start()
    yield
    courier.stop()


@ONLY_SQLITE
@pytest.mark.usefixtures("at_work")
def test_a_courier_at_work_sends_by_itself(hook, push, receiver):
    there = threading.Event()
    receiver.arrived = there.set
    hook()
    push(bundle(change()))
    assert there.wait(10)


@ONLY_SQLITE
@pytest.mark.usefixtures("at_work")
def test_a_database_that_is_away_for_a_while_stops_no_courier(hook, push, receiver, database):
    there = threading.Event()
    receiver.arrived = there.set
    hook()
    with database.write() as session:
        session.execute(text("ALTER TABLE deliveries RENAME TO away"))
    time.sleep(0.05)
    with database.write() as session:
        session.execute(text("ALTER TABLE away RENAME TO deliveries"))
    push(bundle(change()))
    assert there.wait(10)


@ONLY_SQLITE
def test_a_webhook_that_is_removed_takes_its_news_along(hook, push, client, admin, courier, receiver):
    made = hook()
    push(bundle(change()))
    assert client.delete(f"/api/v1/webhooks/{made['id']}", headers=admin).status_code == 204
    assert (courier.deliver(), receiver.seen) == (0, [])
    assert client.get("/api/v1/webhooks", params={"project": "chat"}, headers=admin).json() == []
    assert client.delete(f"/api/v1/webhooks/{made['id']}", headers=admin).status_code == 404


@ONLY_SQLITE
def test_a_webhook_that_is_removed_while_its_news_are_under_way_is_no_fault(
    hook, push, client, admin, courier, receiver
):
    made = hook()
    receiver.arrived = lambda: client.delete(f"/api/v1/webhooks/{made['id']}", headers=admin)
    push(bundle(change()))
    assert courier.deliver() == 1


@ONLY_SQLITE
@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "file:///etc/passwd",
        "http://",
        "http://[::1",
        "http://a:99999/",
        "http://user:secret@example.org/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fe80::1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[2002:a9fe:a9fe::1]/",
        "http://[fd00:ec2::254]/",
        "http://100.100.100.200/",
        "http://0.0.0.0/",
        "http://[::]/",
        "http://224.0.0.1/",
        "http://example.org/\n",
    ],
)
def test_an_address_that_nothing_is_ever_sent_to_is_refused(push, client, admin, url):
    push(bundle())
    answer = client.post("/api/v1/webhooks", json={"project": "chat", "url": url}, headers=admin)
    assert (answer.status_code, answer.json()["code"].partition("-")[0]) == (422, "address")


@ONLY_SQLITE
def test_a_project_has_so_many_webhooks_and_no_more(hook, client, admin, receiver):
    for _ in range(20):
        hook()
    answer = client.post("/api/v1/webhooks", json={"project": "chat", "url": receiver.url}, headers=admin)
    assert (answer.status_code, answer.json()["code"]) == (409, "too-many-webhooks")


@ONLY_SQLITE
def test_a_webhook_is_of_a_project_that_is_there(client, admin):
    answer = client.post("/api/v1/webhooks", json={"project": "none", "url": "http://example.org/"}, headers=admin)
    assert answer.status_code == 404


# Commit statuses


@pytest.fixture
def settings(settings: Any, receiver: Receiver) -> Any:
    """GitHub is the receiver."""
    api = receiver.url.removesuffix("/hook")
    return settings.model_copy(update={"github_token": SecretStr("gh-secret"), "github_api_url": api})


@pytest.fixture
def repository(client: Any, admin: Any, push: Any) -> None:
    """The project `chat` posts its statuses to acme/chat."""
    push(bundle(commit="0" * 40, branch="before"))
    said = client.patch("/api/v1/projects", params={"project": "chat"}, json={"repository": "acme/chat"}, headers=admin)
    assert said.json()["repository"] == "acme/chat"


def states(receiver: Receiver) -> list[tuple[str, str]]:
    return [(each["state"], each["description"]) for each in receiver.bodies]


@pytest.mark.usefixtures("repository")
def test_a_commit_shows_how_its_run_stands(push, courier, receiver, client, admin, settings):
    run = push(bundle(change()))
    courier.deliver()
    path, headers, body = receiver.seen[0]
    assert path == f"/repos/acme/chat/statuses/{COMMIT}"
    assert headers["Authorization"] == "Bearer gh-secret"
    assert json.loads(body) == {
        "state": "pending",
        "description": "1 change waits for a reviewer",
        "context": "acetate/chat",
        "target_url": f"{settings.public_url}/runs/{run}",
    }
    decide(client, admin, run, "rejected")
    courier.deliver()
    decide(client, admin, run, "approved")
    courier.deliver()
    assert states(receiver)[1:] == [
        ("failure", "A change was rejected"),
        ("success", "No change waits for a decision"),
    ]


@ONLY_SQLITE
@pytest.mark.usefixtures("repository")
def test_what_became_of_the_newest_status_is_known(push, courier, receiver, database):
    push(bundle(change(), commit="a" * 40))
    push(bundle(change(), commit="b" * 40))
    receiver.statuses = [404, 404]
    courier.deliver()
    with database.read() as session:
        found = webhooks.newest_statuses(session)
    assert {name: each.error for name, each in found.items()} == {"chat": "answered 404"}


@ONLY_SQLITE
@pytest.mark.usefixtures("repository")
def test_a_run_that_needs_review_and_one_that_could_not_look_have_their_states(push, courier, receiver):
    push(bundle(change("$.a", severity="warn"), change("$.b", severity="warn"), commit="a" * 40))
    push(bundle(change(), examined=0, commit="b" * 40))
    courier.deliver()
    assert states(receiver) == [
        ("pending", "2 changes wait for a reviewer"),
        ("error", "Not everything could be looked at"),
    ]


@ONLY_SQLITE
@pytest.mark.usefixtures("repository")
def test_what_is_decided_while_a_status_is_under_way_has_the_last_word(push, courier, receiver, client, admin):
    run = push(bundle(change()))
    receiver.arrived = lambda: None if len(receiver.seen) > 1 else decide(client, admin, run, "approved")
    courier.deliver()
    assert [state for state, _ in states(receiver)] == ["pending", "success"]


@ONLY_SQLITE
@pytest.mark.usefixtures("repository")
def test_without_a_token_nothing_is_posted(push, database, settings, receiver):
    push(bundle(change()))
    quiet = Courier(database, settings.model_copy(update={"github_token": None}), AT_ONCE)
    assert (quiet.deliver(), receiver.seen) == (1, [])


@ONLY_SQLITE
@pytest.mark.usefixtures("repository")
def test_a_project_without_repository_posts_nothing(push, courier, receiver, client, admin):
    client.patch("/api/v1/projects", params={"project": "chat"}, json={"repository": ""}, headers=admin)
    push(bundle(change()))
    assert (courier.deliver(), receiver.seen) == (0, [])


@ONLY_SQLITE
@pytest.mark.parametrize("name", ["acme", "acme/chat/more", "../x", "acme/chat?x", "a b/c"])
def test_a_repository_is_an_owner_and_a_name(client, admin, push, name):
    push(bundle())
    body = {"repository": name}
    answer = client.patch("/api/v1/projects", params={"project": "chat"}, json=body, headers=admin)
    assert answer.status_code == 422
