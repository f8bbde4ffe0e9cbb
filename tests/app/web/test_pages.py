"""The pages as they are asked for, read and sent; what a browser does with them is in test_browser.py."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

import pytest

from acetate.change import ABSENT
from acetate.verdict import Problem
from app.models import Role
from app.web.page import POLICY
from tests.app.access import PASSWORD
from tests.app.bundles import bundle, change
from tests.app.engines import ONLY_SQLITE
from tests.app.web.conftest import state_of, text, ticks

pytestmark = ONLY_SQLITE

USAGE = change("$.usage")
ROLE = change("$.choices[].message.role", places=["cassettes/a", "cassettes/b"])
WARNING = change("$.id", "optional-field-removed", severity="warn")
HARMLESS = change("$.new", "field-added", severity="info", before=ABSENT, after="string")


# Signing in and out


def test_the_first_page_asks_who_it_is_and_then_shows_what_was_asked_for(client, create_user):
    create_user("mara", Role.REVIEWER)
    answer = client.get("/history?project=chat")
    assert answer.url.path == "/sign-in"
    form = {"username": "mara", "password": PASSWORD, "next": answer.url.params["next"]}
    answer = client.post("/sign-in", data=form)
    assert (answer.url.path, answer.url.query) == ("/history", b"project=chat")
    assert client.get("/sign-in?next=/runs").url.path == "/runs"


def test_a_wrong_password_is_refused_in_the_form_which_keeps_the_name(client, create_user):
    create_user("mara")
    answer = client.post("/sign-in", data={"username": "mara", "password": "wrong"})
    assert answer.status_code == 401
    assert "The name or the password is wrong." in text(answer)
    assert 'value="mara"' in answer.text
    assert "set-cookie" not in answer.headers


def test_the_cookie_is_not_for_scripts_and_not_for_other_sites(client, create_user):
    create_user("mara")
    answer = client.post("/sign-in", data={"username": "mara", "password": PASSWORD}, follow_redirects=False)
    assert re.search(r"HttpOnly.*SameSite=lax", answer.headers["set-cookie"], re.IGNORECASE)


def test_who_signs_out_is_out(visit):
    visitor = visit("mara")
    cookies = dict(visitor.client.cookies)
    assert visitor.post("/sign-out").url.path == "/sign-in"
    visitor.client.cookies.update(cookies)
    assert visitor.get("/").url.path == "/sign-in"


@pytest.mark.parametrize("address", ["https://evil.example", "//evil.example", "/\\evil.example", "evil", "", "/a\nb"])
def test_nobody_is_sent_elsewhere_after_signing_in(client, create_user, address):
    create_user("mara")
    form = {"username": "mara", "password": PASSWORD, "next": address}
    assert client.post("/sign-in", data=form, follow_redirects=False).headers["location"] == "/"


def test_a_form_of_a_session_that_has_ended_leads_back_to_its_page(client):
    sent = {"data": {}, "headers": {"Referer": "http://testserver/runs?project=a"}, "follow_redirects": False}
    assert client.post("/decisions", **sent).headers["location"] == "/sign-in?next=%2Fruns%3Fproject%3Da"
    sent["headers"]["HX-Request"] = "true"
    answer = client.post("/decisions", **sent)
    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/sign-in?next=%2Fruns%3Fproject%3Da")


def test_one_changes_ones_own_password_and_signs_in_anew(visit):
    visitor = visit("mara")
    answer = visitor.post("/account/password", current="wrong", new="another long password")
    assert answer.status_code == 403
    assert "present password" in text(answer)
    answer = visitor.post("/account/password", current=PASSWORD, new="another long password")
    assert answer.url.path == "/sign-in"
    assert "Your password is changed." in text(answer)
    form = {"username": "mara", "password": "another long password"}
    assert visitor.client.post("/sign-in", data=form).url.path == "/"
    assert visitor.get("/account").status_code == 200


# Every page


def test_nothing_but_our_own_files_may_run_on_a_page(visit, push):
    run = push(bundle(USAGE))
    visitor = visit("root", Role.ADMIN)
    for address in ("/", "/runs", f"/runs/{run}", "/history", "/library", "/users", "/tokens", "/projects", "/account"):
        answer = visitor.get(address)
        assert answer.status_code == 200
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["cache-control"] == "no-store"
    assert visitor.get("/runs/nothing").headers["content-security-policy"] == POLICY


@pytest.mark.parametrize("address", ["/runs/00000000-0000-0000-0000-000000000000", "/runs/x", "/history?offset=-1"])
def test_what_is_not_there_is_said_on_a_page(visit, address):
    answer = visit("mara").get(address)
    assert answer.status_code in (404, 422)
    assert answer.headers["content-type"].startswith("text/html")
    assert "Back to the inbox" in text(answer)
    assert "mara" in answer.text


# The inbox


def test_an_empty_inbox_says_what_to_do(visit):
    said = text(visit("mara").get("/"))
    assert "Nothing waits for a decision" in said
    assert "acetate push" in said


def test_the_inbox_lists_what_waits_and_not_what_passes(visit, push):
    push(bundle(USAGE, WARNING, HARMLESS))
    answer = visit("mara").get("/")
    said = text(answer)
    assert "2 changes wait for a decision" in said
    assert "$.usage" in said
    assert "$.id" in said
    assert "$.new" not in said
    assert "1 of 1" in said
    assert len(ticks(answer.text)) == 2


def test_filters_narrow_the_inbox_and_say_what_they_hide(visit, push):
    push(bundle(USAGE, WARNING, owners={"cassettes/chat": ("@mara",)}))
    push(bundle(replace(change("$.bill"), edge="consume"), project="billing"))
    visitor = visit("mara")
    assert "$.bill" not in text(visitor.get("/?project=chat"))
    assert "$.usage" not in text(visitor.get("/?severity=warn"))
    mine = text(visitor.get("/?mine=1"))
    assert "$.usage" in mine
    assert "$.bill" not in mine
    assert "The filters hide 3 changes" in text(visitor.get("/?provider=nobody"))


def test_several_changes_are_decided_at_once_also_of_several_projects(visit, push):
    push(bundle(USAGE, ROLE))
    push(bundle(USAGE, project="billing"))
    visitor = visit("mara")
    answer = visitor.post("/decisions", decision="approved", why="known", chosen=ticks(visitor.get("/").text))
    assert "Approved: 3 changes" in text(answer)
    assert "Nothing waits for a decision" in text(answer)


def undo_all(visitor, page) -> Any:
    """The button of the note that says what was decided."""
    note = page.text.partition('role="status"')[2].partition("</form>")[0]
    assert "Undo all" in note
    return visitor.post("/decisions", decision="undone", chosen=ticks(note))


def test_what_was_decided_together_is_taken_back_together(visit, push):
    push(bundle(USAGE, ROLE))
    push(bundle(USAGE, project="billing"))
    visitor = visit("mara")
    decided = visitor.post("/decisions", decision="approved", why="known", chosen=ticks(visitor.get("/").text))
    assert "Undo all 3" in text(decided)
    undone = undo_all(visitor, decided)
    assert "Undone: 3 changes" in text(undone)
    assert "3 changes wait for a decision" in text(undone)
    assert "Undo all" not in text(undone)


def test_what_somebody_has_decided_since_is_not_taken_back_with_the_rest(visit, push):
    run = push(bundle(USAGE, ROLE))
    mara, otto = visit("mara"), visit("otto")
    decided = mara.post("/decisions", decision="approved", chosen=ticks(mara.get("/").text))
    at = f"/runs/{run}/changes/{USAGE.fingerprint}"
    otto.post(f"{at}/decision", decision="rejected", why="no", state=state_of(otto.get(at).text))
    again = mara.get(f"/?{decided.url.query.decode()}")
    assert "Approved: 2 changes" in text(again)
    assert "Undo" not in text(again)
    late = mara.post("/decisions", decision="undone", chosen=ticks(decided.text))
    assert (late.status_code, "Nothing was decided." in text(late)) == (409, True)


def test_an_old_address_takes_nothing_back(visit, push):
    run = push(bundle(USAGE, ROLE))
    visitor = visit("mara")
    first, second = ticks(visitor.get("/").text)
    old = visitor.post("/decisions", decision="approved", chosen=[first]).url.query.decode()
    assert 'data-key="u"' in visitor.get(f"/?{old}").text
    visitor.post("/decisions", decision="approved", chosen=[second])
    for address in (f"/?{old}", f"/runs/{run}?{old}"):
        assert 'data-key="u"' not in visitor.get(address).text


def test_a_change_of_ones_own_is_marked_and_has_no_box(visit, push):
    push(bundle(USAGE, author="mara"))
    push(bundle(ROLE, author="ada", commit="b" * 40, branch="fix"))
    visitor = visit("mara")
    answer = visitor.get("/")
    assert "yours : somebody else decides it" in text(answer)
    assert "by ada" in text(answer)
    (box,) = ticks(answer.text)
    assert "Approved: $.choices[].message.role" in text(visitor.post("/decisions", decision="approved", chosen=[box]))


def test_a_form_that_does_not_say_what_to_do_decides_nothing(visit, push):
    push(bundle(USAGE))
    visitor = visit("mara")
    answer = visitor.post("/decisions", why="because", chosen=ticks(visitor.get("/").text))
    assert (answer.status_code, "Enter decides nothing" in text(answer)) == (422, True)
    assert 'value="because"' in answer.text


def test_a_filter_counts_what_it_would_leave(visit, push):
    push(bundle(USAGE, WARNING))
    push(bundle(USAGE, project="billing"))
    answer = visit("mara").get("/?project=billing&severity=warn")
    assert "billing (0)" in text(answer)
    assert "chat (1)" in text(answer)
    assert "Breaking 1" in text(answer)
    assert "To review 0" in text(answer)


def test_several_changes_of_which_one_has_moved_on_are_none_of_them_decided_and_the_page_keeps_what_was_typed(
    visit, push
):
    push(bundle(USAGE, ROLE))
    mara, otto = visit("mara"), visit("otto")
    stale = ticks(mara.get("/").text)
    otto.post("/decisions", decision="approved", chosen=stale[:1])
    otto.post("/decisions", decision="approved", chosen=stale[:1])
    answer = mara.post("/decisions", decision="rejected", why="not like this", chosen=stale)
    assert answer.status_code == 409
    assert "Nothing was decided." in text(answer)
    assert 'value="not like this"' in answer.text
    assert f'value="{stale[1]}" checked' in answer.text
    assert answer.headers["hx-push-url"] == "false"
    assert "1 change waits" in text(mara.get("/"))


def test_nothing_selected_is_said(visit, push):
    push(bundle(USAGE))
    answer = visit("mara").post("/decisions", decision="approved")
    assert answer.status_code == 422
    assert "Select what you want to decide." in text(answer)


def test_a_selection_that_is_none_of_ours_is_refused(visit):
    answer = visit("mara").post("/decisions", decision="approved", chosen=["garbage"])
    assert answer.status_code == 422


def test_who_looks_only_gets_no_boxes(visit, push):
    push(bundle(USAGE))
    answer = visit("vera", Role.VIEWER).get("/")
    assert ticks(answer.text) == []
    assert "Approve" not in text(answer)


# One change


@pytest.fixture
def desk(visit, push):
    """A reviewer before a run of two breaking changes and a harmless one."""
    run = push(bundle(USAGE, ROLE, HARMLESS))
    visitor = visit("mara")

    def at(made, query: str = "") -> str:
        return f"/runs/{run}/changes/{made.fingerprint}{query}"

    def decide(made, decision, why="", query=""):
        state = state_of(visitor.get(at(made)).text)
        return visitor.post(f"{at(made)}/decision{query}", decision=decision, why=why, state=state)

    return SimpleNamespace(run=run, visitor=visitor, at=at, decide=decide)


def test_a_change_is_explained_with_its_evidence_and_its_commands(desk):
    said = text(desk.visitor.get(desk.at(USAGE)))
    assert "A field that every approved response had is gone." in said
    assert "object after absent" in said.replace("→", "").replace("  ", " ")
    assert "Now 1 of 1" in said
    assert "between 2026-10-11 and 2026-11-22" in said
    assert "llama" in said
    assert f"acetate accept {USAGE.fingerprint[:8]}" in said
    assert "1 occurrence" in said
    assert "tests/test_chat.py::test_hello" in said


def test_the_sides_of_each_occurrence_can_be_seen(desk):
    said = html.unescape(re.sub(r"<[^>]+>", "", desk.visitor.get(desk.at(ROLE, "?at=1")).text))
    assert "cassettes/b#0" in said
    assert 'was: "note": "approved"' in said
    assert 'is now: "note": "now"' in said


def test_a_decision_leads_to_the_next_change_that_waits_and_can_be_undone_there(desk):
    answer = desk.decide(ROLE, "approved", "fine")
    assert answer.url.path == desk.at(USAGE)
    assert "Approved: $.choices[].message.role" in text(answer)
    assert "2 of 3, 1 to decide" in text(answer)
    undo = re.search(r'action="([^"]+)" hx-post[^>]+>\s*<span>Approved', answer.text)
    state = re.findall(r'name="state" value="([^"]+)"', answer.text)[0]
    back = desk.visitor.post(html.unescape(undo[1]), decision="undone", state=state)
    assert back.url.path == desk.at(ROLE)
    assert "Undone" in text(back)
    assert "2 to decide" in text(back)


def test_after_the_last_decision_comes_the_run_or_the_inbox(desk):
    desk.decide(ROLE, "approved")
    answer = desk.decide(USAGE, "approved")
    assert answer.url.path == f"/runs/{desk.run}"
    assert "Passed" in text(answer)
    desk.decide(USAGE, "undone")
    answer = desk.decide(USAGE, "rejected", "no", query="?through=inbox")
    assert answer.url.path == "/"
    assert "Rejected: $.usage" in text(answer)


def test_a_rejection_without_a_reason_is_asked_for_one(desk):
    answer = desk.decide(USAGE, "rejected")
    assert answer.status_code == 422
    assert "Say why it is rejected" in text(answer)


def test_a_decision_on_what_has_moved_on_is_refused_and_nothing_that_was_typed_is_lost(desk, visit):
    state = state_of(desk.visitor.get(desk.at(USAGE)).text)
    other = visit("otto")
    other.post(f"{desk.at(USAGE)}/decision", decision="rejected", why="it breaks us", state=state)
    answer = desk.visitor.post(f"{desk.at(USAGE)}/decision", decision="approved", why="we need it", state=state)
    assert answer.status_code == 409
    said = text(answer)
    assert "Somebody was here meanwhile." in said
    assert "it breaks us" in said
    assert "we need it" in said
    assert state_of(answer.text) != state
    again = desk.visitor.post(f"{desk.at(USAGE)}/decision", decision="approved", state=state_of(answer.text))
    assert again.status_code == 200


def test_the_author_of_a_change_is_told_that_somebody_else_decides(desk, visit):
    ada = visit("ada")
    answer = ada.get(desk.at(USAGE))
    assert "somebody else decides it" in text(answer)
    assert 'value="approved"' not in answer.text
    sent = ada.post(f"{desk.at(USAGE)}/decision", decision="approved", state="x")
    assert sent.status_code in (403, 409)


def test_who_looks_only_is_told_what_role_it_takes(desk, visit):
    answer = visit("vera", Role.VIEWER).get(desk.at(USAGE))
    assert "Deciding takes the role reviewer; yours is viewer." in text(answer)


def test_a_change_can_be_named_by_the_start_of_its_fingerprint(desk):
    answer = desk.visitor.get(f"/runs/{desk.run}/changes/{USAGE.fingerprint[:8]}")
    assert "$.usage" in text(answer)


def test_somebody_elses_decision_is_not_announced_as_ones_own(desk, visit):
    done = f"?{desk.decide(USAGE, 'approved', 'yes').url.query.decode()}"
    assert "Approved: $.usage" in text(desk.visitor.get(desk.at(ROLE, done)))
    assert "Approved: $.usage" not in text(visit("otto").get(desk.at(ROLE, done)))
    assert desk.visitor.get(desk.at(ROLE, "?done=garbage")).status_code == 200


def test_an_occurrence_whose_files_did_not_come_is_said_to_be_so(desk, push):
    body = bundle(USAGE, commit="0" * 40)
    body["snapshots"] = {}
    run = push(body)
    answer = desk.visitor.get(f"/runs/{run}/changes/{USAGE.fingerprint}")
    assert "The run did not bring the files of this occurrence." in text(answer)


def test_a_change_of_a_document_shows_both_documents(desk, push):
    body = bundle(
        change("$.info.title", "value-changed", places=["contracts/chat/openapi.json"], before="a", after="b")
    )
    path = "contracts/chat/openapi.json"
    del body["snapshots"][path]
    sides = {}
    for side, title in (("approved", "a"), ("now", "b")):
        document = json.dumps({"info": {"title": title}})
        sides[side] = sha256(document.encode()).hexdigest()
        body["files"][sides[side]] = document
    body["contracts"][path] = sides
    run = push(body)
    (made,) = body["report"]["changes"]
    said = html.unescape(re.sub(r"<[^>]+>", "", desk.visitor.get(f"/runs/{run}/changes/{made['fingerprint']}").text))
    assert 'was: "title": "a"' in said
    assert 'is now: "title": "b"' in said


def test_a_line_far_down_a_long_document_is_near_the_top(desk, push):
    path = "contracts/chat/openapi.json"
    made = change("$.k09000", "value-changed", places=[path], before="a", after="b")
    body = bundle(made)
    del body["snapshots"][path]
    sides = {}
    for side, value in (("approved", "a"), ("now", "b")):
        document = json.dumps({f"k{number:05}": value for number in range(10_000)})
        sides[side] = sha256(document.encode()).hexdigest()
        body["files"][sides[side]] = document
    body["contracts"][path] = sides
    page = desk.visitor.get(f"/runs/{push(body)}/changes/{made.fingerprint}").text
    said = html.unescape(re.sub(r"<[^>]+>", "", page))
    assert 'was: "k09000": "a"' in said
    assert "8997 lines with other changes" in said
    assert "are not shown: there is no room for more." in said
    assert "no difference" not in said


def test_a_decision_on_what_is_not_there_is_not_found(desk):
    answer = desk.visitor.post(f"/runs/{desk.run}/changes/{'0' * 16}/decision", decision="approved", state="0-x")
    assert answer.status_code == 404


# Runs, history


def test_runs_are_listed_with_how_they_stand(visit, push):
    push(bundle(USAGE))
    push(bundle(project="billing", branch="feature"))
    visitor = visit("mara")
    said = text(visitor.get("/runs"))
    assert "Failed chat main 1f0c2d3" in said
    assert "1 to decide" in said
    assert "Passed billing feature 1f0c2d3" in said
    assert "billing main" not in text(visitor.get("/runs?project=chat"))
    assert "chat main" not in text(visitor.get("/runs?branch=feature"))


def test_a_run_shows_its_problems_its_changes_and_its_reports(visit, push):
    push(bundle(USAGE, problems=[Problem("cassettes/x", "is cut off", "git checkout -- cassettes/x.yaml")]))
    run = push(bundle(USAGE, HARMLESS, job="other"))
    said = text(visit("mara").get(f"/runs/{run}"))
    assert "Could not look" in said
    assert "1 problem" in said
    assert "cassettes/x is cut off" in said
    assert "git checkout -- cassettes/x.yaml" in said
    assert "Wait for a decision 1" in said
    assert "Harmless: they pass 1" in said
    assert "2 reports" in said
    assert "together 20" in said


def test_jobs_that_looked_at_different_exchanges_are_added_up(visit, push):
    push(bundle(USAGE))
    run = push(bundle(USAGE, job="other", now="something else"))
    assert "together 40" in text(visit("mara").get(f"/runs/{run}"))


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/runs?branch=nobody", "No run matches"),
        ("/runs?project=nobody", "No run matches"),
        ("/runs?offset=50", "No run matches"),
        ("/history?project=nobody", "No decision matches"),
        ("/history?offset=50", "No decision matches"),
    ],
)
def test_a_list_that_filters_have_emptied_says_so(visit, push, address, said):
    push(bundle(USAGE))
    assert f"{said} " in text(visit("mara").get(address))
    assert "Show all" in text(visit("mara2").get(address))


def test_a_run_whose_changes_are_hidden_says_so(visit, push):
    run = push(bundle(USAGE))
    assert "The filters hide 1 change. Show all" in text(visit("mara").get(f"/runs/{run}?edge=provide"))


def test_an_older_run_names_the_newer_one(visit, push):
    old = push(bundle(USAGE, commit="a" * 40))
    push(bundle(USAGE, commit="b" * 40))
    assert "a newer run" in text(visit("mara").get(f"/runs/{old}"))


def test_a_run_without_a_change_says_so(visit, push):
    run = push(bundle())
    assert "No change 20 exchanges examined." in text(visit("mara").get(f"/runs/{run}"))


def test_the_history_keeps_who_why_and_what(desk):
    desk.decide(USAGE, "rejected", "it breaks us")
    desk.decide(USAGE, "undone")
    said = text(desk.visitor.get("/history"))
    assert "2 decisions, kept for ever" in said
    assert "Undone $.usage" in said
    assert "Rejected $.usage it breaks us" in said
    assert "mara" in said


def test_an_undoing_says_what_it_took_back_and_a_reason_keeps_its_lines(desk):
    desk.decide(USAGE, "rejected", "it breaks us:\r\nsee #88")
    desk.decide(USAGE, "undone")
    for address in ("/history", desk.at(USAGE)):
        page = desk.visitor.get(address)
        assert "took back: rejected by mara" in text(page)
        assert "it breaks us:\nsee #88" in page.text


def test_an_empty_history_says_so(visit):
    assert "Nothing was decided yet" in text(visit("mara").get("/history"))


def test_before_the_first_run_the_pages_say_how_it_begins(visit):
    root = visit("root", Role.ADMIN)
    assert "No project yet" in text(root.get("/projects"))
    assert "No run yet" in text(root.get("/runs"))
    assert "Nothing here yet" in text(root.get("/library"))
