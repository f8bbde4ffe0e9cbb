"""A person decides: what counts afterwards, where it carries over to, and who may not."""

from __future__ import annotations

from typing import Any

import pytest

from app.models import Role
from tests.app.bundles import bundle, change
from tests.app.engines import ONLY_SQLITE


def test_an_approval_turns_the_run_green_at_once(push, mara):
    run = push(bundle(change("$.a"), change("$.b", severity="warn")))
    assert mara.outcome(run) == ("failed", 2)
    mara.decide(run, "approved", "$.a")
    assert mara.outcome(run) == ("needs-review", 1)
    after = mara.decide(run, "approved", "$.b", why="handled in #88")
    assert mara.outcome(run) == ("passed", 0)
    assert (after["$.b"]["decision"], after["$.b"]["by"], after["$.b"]["why"]) == ("approved", "mara", "handled in #88")


def test_a_rejection_fails_the_run_and_needs_a_reason(push, mara):
    run = push(bundle(change("$.a", severity="info")))
    refused = mara.post(run, "rejected", mara.changes(run)["$.a"], why=" ")
    assert (refused.status_code, refused.json()["code"]) == (422, "reason-missing")
    mara.decide(run, "rejected", "$.a", why="not before March")
    assert mara.outcome(run) == ("failed", 0)


def test_what_needs_no_decision_may_have_one(push, mara):
    run = push(bundle(change("$.a", severity="info")))
    assert mara.outcome(run) == ("passed", 0)
    assert mara.decide(run, "approved", "$.a", why="")["$.a"]["decision"] == "approved"


def test_an_undoing_lets_the_decision_before_stand_again(push, mara):
    run = push(bundle(change()))
    mara.decide(run, "approved", "$.usage", why="one")
    mara.decide(run, "rejected", "$.usage", why="two")
    once = mara.decide(run, "undone", "$.usage")
    assert (once["$.usage"]["decision"], once["$.usage"]["why"]) == ("approved", "one")
    twice = mara.decide(run, "undone", "$.usage")
    assert (twice["$.usage"]["decision"], twice["$.usage"]["by"]) == (None, None)
    assert mara.outcome(run) == ("failed", 1)
    thrice = mara.post(run, "undone", mara.changes(run)["$.usage"])
    assert (thrice.status_code, thrice.json()["code"]) == (409, "nothing-to-undo")


def test_the_history_keeps_everything_for_ever(push, mara, desk_of):
    run = push(bundle(change()))
    mara.decide(run, "approved", "$.usage", why="one")
    desk_of("noor").decide(run, "undone", "$.usage", why="two")
    mara.decide(run, "rejected", "$.usage", why="three")
    made = mara.get("history", project="chat", fingerprint=mara.changes(run)["$.usage"]["fingerprint"])
    told = [(each["version"], each["decision"], each["by"], each["why"], each["run_id"]) for each in made["items"]]
    assert told == [
        (3, "rejected", "mara", "three", run),
        (2, "undone", "noor", "two", run),
        (1, "approved", "mara", "one", run),
    ]
    assert len({each["sides"] for each in made["items"]}) == 1


def test_a_decision_covers_all_places_of_a_change_and_every_report_of_the_run(push, mara):
    run = push(bundle(change(places=["cassettes/a", "cassettes/b"]), job="1"))
    push(bundle(change(places=["cassettes/c"]), job="2"))
    assert mara.changes(run)["$.usage"]["seen"] == 3
    mara.decide(run, "approved", "$.usage")
    assert mara.outcome(run) == ("passed", 0)


def test_what_several_jobs_saw_in_the_same_files_is_counted_once(push, mara):
    run = push(bundle(change(places=["cassettes/a", "cassettes/b"]), job="1"))
    push(bundle(change(places=["cassettes/a", "cassettes/b"]), job="2"))
    seen = mara.changes(run)["$.usage"]
    assert seen["seen"] == 2
    push(bundle(change(places=["cassettes/b", "cassettes/c"]), job="3"))
    found = mara.get(f"runs/{run}/changes/{seen['fingerprint']}")
    assert found["seen"] == len(found["occurrences"]) == 3


def test_a_decision_carries_over_to_later_runs(push, mara):
    run = push(bundle(change()))
    mara.decide(run, "approved", "$.usage", why="known")
    later = push(bundle(change(), change("$.id"), commit="b" * 40, now="recorded anew"))
    assert mara.outcome(later) == ("failed", 1)
    assert mara.changes(later)["$.usage"]["why"] == "known"


def test_a_decision_reaches_runs_of_other_branches_that_are_there_already(push, mara):
    run, other = push(bundle(change())), push(bundle(change(), commit="b" * 40, branch="fix"))
    mara.decide(run, "approved", "$.usage")
    assert mara.outcome(other) == ("passed", 0)
    mara.decide(other, "undone", "$.usage")
    assert mara.outcome(run) == ("failed", 1)


def test_an_approval_is_spent_when_the_approved_file_has_moved_on(push, mara):
    run = push(bundle(change()))
    mara.decide(run, "approved", "$.usage")
    later = push(bundle(change(), commit="b" * 40, approved="a year later"))
    assert mara.outcome(later) == ("failed", 1)
    assert mara.outcome(run) == ("passed", 0)


def test_a_rejection_is_not_spent(push, mara):
    run = push(bundle(change()))
    mara.decide(run, "rejected", "$.usage")
    later = push(bundle(change(), commit="b" * 40, approved="a year later"))
    assert mara.outcome(later) == ("failed", 0)


def test_an_approval_covers_the_same_fact_in_a_new_place(push, mara):
    run = push(bundle(change(places=["cassettes/a"])))
    mara.decide(run, "approved", "$.usage")
    later = push(bundle(change(places=["cassettes/a", "cassettes/new"]), commit="b" * 40))
    assert mara.outcome(later) == ("passed", 0)
    elsewhere = push(bundle(change(places=["cassettes/new"]), commit="c" * 40))
    assert mara.outcome(elsewhere) == ("failed", 1)


def test_what_was_said_of_a_new_exchange_says_nothing_of_the_next_one(push, mara):
    def new(*places: str) -> Any:
        return change("$", "exchange-unapproved", severity="warn", before="x", after="y", places=places)

    run = push(bundle(new("cassettes/a", "cassettes/b")))
    mara.decide(run, "approved", "$")
    assert mara.outcome(push(bundle(new("cassettes/b"), commit="b" * 40))) == ("passed", 0)
    assert mara.outcome(push(bundle(new("cassettes/a", "cassettes/c"), commit="c" * 40))) == ("needs-review", 1)
    assert mara.outcome(push(bundle(new("cassettes/a"), commit="d" * 40, now="another"))) == ("needs-review", 1)


def test_a_batch_is_decided_all_or_nothing(push, mara, desk_of):
    run = push(bundle(change("$.a"), change("$.b"), change("$.c")))
    seen = mara.changes(run)
    desk_of("noor").decide(run, "rejected", "$.b", why="no")
    stale = mara.post(run, "approved", *seen.values())
    assert (stale.status_code, stale.json()["code"]) == (409, "stale")
    assert mara.outcome(run) == ("failed", 2)
    assert len(mara.get("history")["items"]) == 1
    assert mara.post(run, "approved", *mara.changes(run).values()).status_code == 200
    made = mara.get("history")["items"]
    assert len({each["batch"] for each in made if each["decision"] == "approved"}) == 1


def test_a_stale_page_is_told_the_newer_state_and_can_go_on_with_it(push, mara, desk_of):
    run = push(bundle(change()))
    seen = mara.changes(run)["$.usage"]
    desk_of("noor").decide(run, "rejected", "$.usage", why="no")
    answer = mara.post(run, "approved", seen)
    newer = answer.json()["changes"]
    assert [(each["decision"], each["by"], each["why"]) for each in newer] == [("rejected", "noor", "no")]
    assert mara.post(run, "approved", *newer).status_code == 200


def test_a_page_is_stale_too_when_other_sides_have_arrived_meanwhile(push, mara):
    run = push(bundle(change()))
    seen = mara.changes(run)["$.usage"]
    push(bundle(change(), at="2026-11-22T18:30:00Z", now="recorded anew"))
    assert mara.post(run, "approved", seen).status_code == 409


@ONLY_SQLITE
def test_a_change_that_is_not_in_the_run_cannot_be_decided(push, mara):
    run = push(bundle(change("$.a")))
    answer = mara.post(run, "approved", {"fingerprint": "0" * 16, "state": "0-0"})
    assert answer.status_code == 404


@ONLY_SQLITE
@pytest.mark.parametrize("author", ["Mara", "mara@example.org", "M. Ade <mara@example.org>", "MARA <x@example.org>"])
def test_nobody_decides_on_their_own_change(push, desk_of, author):
    run = push(bundle(change(), author=author))
    own = desk_of("mara", handles=("mara@example.org",))
    answer = own.post(run, "approved", own.changes(run)["$.usage"])
    assert (answer.status_code, answer.json()["code"]) == (403, "own-change")
    assert answer.json()["fingerprints"] == [own.changes(run)["$.usage"]["fingerprint"]]
    desk_of("noor").decide(run, "approved", "$.usage")


def test_another_run_that_shows_it_is_no_way_round(push, mara, desk_of):
    push(bundle(change(), author="mara", branch="fix"))
    other = push(bundle(change(), author="ada", commit="b" * 40))
    answer = mara.post(other, "approved", mara.changes(other)["$.usage"])
    assert answer.json()["code"] == "own-change"
    desk_of("noor").decide(other, "approved", "$.usage")


@pytest.mark.parametrize("pull_request", [None, "7"])
def test_whoever_pushes_to_the_branch_next_does_not_become_the_author(push, mara, desk_of, pull_request):
    line = {"branch": "fix", "pull_request": pull_request}
    push(bundle(change(), author="mara", commit="a" * 40, **line))
    run = push(bundle(change(), change("$.new"), author="noor", commit="b" * 40, **line))
    refused = mara.post(run, "approved", mara.changes(run)["$.usage"])
    assert refused.json()["code"] == "own-change"
    noor = desk_of("noor")
    noor.decide(run, "approved", "$.usage")
    assert noor.post(run, "approved", noor.changes(run)["$.new"]).json()["code"] == "own-change"


def test_a_job_that_was_cancelled_meanwhile_is_no_way_round(push, mara):
    push(bundle(change(), author="mara", branch="fix", commit="a" * 40, job="2"))
    push(bundle(author="noor", branch="fix", commit="b" * 40, job="1"))
    run = push(bundle(change(), author="noor", branch="fix", commit="c" * 40, job="2"))
    assert mara.post(run, "approved", mara.changes(run)["$.usage"]).json()["code"] == "own-change"


def test_a_change_that_was_gone_meanwhile_is_whose_run_brought_it_back(push, mara, desk_of):
    push(bundle(change(), author="mara", branch="fix", commit="a" * 40))
    push(bundle(author="mara", branch="fix", commit="b" * 40))
    run = push(bundle(change(), author="noor", branch="fix", commit="c" * 40))
    noor = desk_of("noor")
    assert noor.post(run, "approved", noor.changes(run)["$.usage"]).json()["code"] == "own-change"
    mara.decide(run, "approved", "$.usage")


@pytest.fixture
def settings(settings, request):
    """Whole tests are asked for other settings by `@pytest.mark.usefixtures`-like parameters."""
    return settings.model_copy(update=getattr(request, "param", {}))


@ONLY_SQLITE
@pytest.mark.parametrize("settings", [{"allow_self_review": True}], indirect=True)
def test_a_setting_lets_people_decide_on_their_own_changes(push, mara):
    run = push(bundle(change(), author="mara"))
    mara.decide(run, "approved", "$.usage")
    assert mara.outcome(run) == ("passed", 0)


def test_what_an_author_accepted_in_a_pull_request_counts_unless_a_second_person_is_asked_for(push, mara, desk_of):
    proposed = bundle(change(decision="approved"), against="f" * 40, pull_request="7", branch="fix")
    run = push(proposed)
    assert mara.outcome(run) == ("passed", 0)
    admin = desk_of("root", Role.ADMIN)
    patched = admin.client.patch(
        "/api/v1/projects", params={"project": "chat"}, json={"require_approval": True}, headers=admin.headers
    )
    assert patched.json()["require_approval"] is True
    assert mara.outcome(run) == ("failed", 1)
    assert mara.changes(run)["$.usage"]["said"] == "proposed"
    mara.decide(run, "approved", "$.usage")
    assert mara.outcome(run) == ("passed", 0)
    later = push(bundle(change("$.b", decision="approved"), against="f" * 40, commit="b" * 40))
    assert mara.outcome(later) == ("failed", 1)


def test_what_files_have_rejected_or_long_approved_counts(push, mara):
    run = push(bundle(change("$.a", decision="approved"), change("$.b", decision="rejected")))
    assert mara.outcome(run) == ("failed", 0)
    mara.decide(run, "approved", "$.b")
    assert mara.outcome(run) == ("passed", 0)


@pytest.mark.parametrize(("problems", "examined"), [(True, 20), (False, 0)])
@ONLY_SQLITE
def test_a_run_that_could_not_look_stays_unknown(push, mara, problems, examined):
    from acetate.verdict import Problem

    found = [Problem("cassettes/a", "is no cassette", "")] if problems else []
    run = push(bundle(change(), problems=found, examined=examined))
    mara.decide(run, "approved", "$.usage")
    assert mara.outcome(run) == ("unknown", 0)


def test_the_inbox_has_each_waiting_change_once_in_its_newest_run(push, mara):
    push(bundle(change("$.a"), commit="a" * 40))
    main = push(bundle(change("$.a"), change("$.b", severity="warn"), commit="b" * 40))
    fix = push(bundle(change("$.a"), change("$.c", severity="info"), commit="c" * 40, branch="fix"))
    push(bundle(change("$.a"), project="billing", commit="d" * 40))
    waiting = [(each["project"], each["path"], each["run"]) for each in mara.get("inbox", project="chat")]
    assert waiting == [("chat", "$.a", fix), ("chat", "$.b", main)]
    assert {each["project"] for each in mara.get("inbox")} == {"chat", "billing"}
    mara.decide(main, "approved", "$.a", "$.b")
    assert mara.get("inbox", project="chat") == []


def test_owners_of_the_files_are_told(push, mara):
    owners = {"cassettes/a": ("@ada", "@acme/llm"), "cassettes/other": ("@nobody",)}
    run = push(bundle(change(places=["cassettes/a"]), owners=owners))
    assert mara.changes(run)["$.usage"]["owners"] == ["@acme/llm", "@ada"]


def test_a_change_shows_its_places_and_is_found_by_the_start_of_its_fingerprint(push, mara):
    run = push(bundle(change(places=["cassettes/a", "cassettes/b"])))
    fingerprint = mara.changes(run)["$.usage"]["fingerprint"]
    found = mara.get(f"runs/{run}/changes/{fingerprint[:8]}")
    assert [each["cassette"] for each in found["occurrences"]] == ["cassettes/a", "cassettes/b"]
    assert (found["before"], "after" in found and found["after"]) == ("object", None)
    for wrong in ("", "zz", "%25"):
        path = f"/api/v1/runs/{run}/changes/{wrong or '_'}"
        assert mara.client.get(path, headers=mara.headers).status_code == 404


def test_the_rulings_are_told_to_a_check_of_the_project_and_to_no_other(push, mara, client, ci_token):
    run = push(bundle(change("$.a"), change("$.b"), change("$.c")))
    mara.decide(run, "approved", "$.a", why="known")
    mara.decide(run, "rejected", "$.b", why="no")
    asked = {"project": "chat", "of": ",".join(each["fingerprint"] for each in mara.changes(run).values())}
    found = client.get("/api/v1/decisions", params=asked, headers=ci_token("chat")).json()
    assert found["require_approval"] is False
    told = {(each["decision"], each["by"], each["why"], *each["sides"]) for each in found["decisions"]}
    assert told == {("approved", "mara", "known", "cassettes/chat"), ("rejected", "mara", "no", "cassettes/chat")}
    assert client.get("/api/v1/decisions", params=asked, headers=ci_token("billing")).status_code == 404
