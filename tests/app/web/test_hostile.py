"""A hundred strings that would run, in every field that a run can carry: none runs in the browser of who looks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, expect

from acetate.change import Change, Difference, Evidence, Occurrence, fingerprint
from acetate.provider import Operation
from acetate.snapshot import Entry, snapshot_bytes
from acetate.verdict import Problem
from tests.app.bundles import bundle
from tests.app.web.live import Live, serving
from tests.app.web.window import DESK, Window, window
from tests.app.web.xss import STRINGS
from tests.chromium import browsing

TENS = [STRINGS[start : start + 10] for start in range(0, len(STRINGS), 10)]
"""Together on one page, so that ten pages show them all."""

PROJECT = STRINGS[3]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as found:
        yield found


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with serving(tmp_path_factory.mktemp("service")) as found:
        yield found


@pytest.fixture(scope="module")
def mara(browser: Browser, live: Live) -> Iterator[Window]:
    with window(browser, live, "mara", viewport=DESK) as found:
        yield found


def listed(text: str) -> Change:
    """A change with this text in every field that a list shows."""
    return _change(text, text, text, text, Evidence(text), ())


def shown(number: int) -> Change:
    """A change with ten of the texts in every field that its page shows, and in each of ten occurrences."""
    ten = TENS[number]
    all_of_it = " ".join(ten)
    places = tuple(Occurrence(_snapshot_name(number), 0, text, text, text, text) for text in ten)
    models = tuple((text, text) for text in sorted(ten))
    evidence = Evidence(all_of_it, all_of_it, all_of_it, all_of_it, models)
    return _change(all_of_it, all_of_it, {"k": ten}, [all_of_it], evidence, places)


def _change(operation: str, path: str, before: Any, after: Any, evidence: Evidence, places: Any) -> Change:
    called = (operation, operation, 200, False)
    made = fingerprint("consume", *called, Difference("value-changed", path, path, before, after))
    return Change(made, "value-changed", "error", "consume", *called, path, before, after, evidence, None, None, places)


def _snapshot_name(number: int) -> str:
    return f"cassettes/{number} {STRINGS[number]}"


def _snapshot(number: int, side: str) -> bytes:
    ten = TENS[number]
    whole = " ".join(ten)
    body = {**dict.fromkeys(ten, side), "list": [*ten, dict.fromkeys(ten), side], "<json>": {whole: ten}}
    return snapshot_bytes([Entry(whole, whole, Operation(whole, whole), 200, False, dict.fromkeys(ten, whole), body)])


def _contract() -> str:
    field = {"enum": list(STRINGS), "type": ["string"], "x-acetate": {"presence": STRINGS[0], "phase": STRINGS[1]}}
    evidence = {"provider": STRINGS[0], "operation": STRINGS[1], "status": 200, "models": dict.fromkeys(STRINGS, 1)}
    return json.dumps({"properties": dict.fromkeys(STRINGS, field), "x-acetate": evidence})


@pytest.fixture(scope="module")
def run(live: Live) -> str:
    """The id of a run in which everything is hostile."""
    body = bundle(
        *map(listed, STRINGS),
        *map(shown, range(len(TENS))),
        project=PROJECT,
        commit=STRINGS[2],
        branch=STRINGS[4],
        author=STRINGS[5],
        job=STRINGS[6],
        problems=[Problem(text, text, text) for text in STRINGS],
        owners={_snapshot_name(number): ten for number, ten in enumerate(TENS)},
    )
    body["report"]["context"] |= {"base": STRINGS[7], "ci_url": "javascript:xss()", "acetate": STRINGS[8]}
    contents = {_snapshot_name(n): (_snapshot(n, "was"), _snapshot(n, "is")) for n in range(len(TENS))}
    for name, (approved, now) in contents.items():
        body["snapshots"][name] = {"approved": _put(body, approved), "now": _put(body, now)}
    contract = _put(body, _contract().encode())
    body["contracts"][f"contracts/{STRINGS[0]}/200.json"] = {"approved": contract, "now": contract}
    return live.push(body)


def _put(body: dict[str, Any], content: bytes) -> str:
    digest = sha256(content).hexdigest()
    body["files"][digest] = content.decode("utf-8", "surrogatepass")
    return digest


def test_there_are_a_hundred_hostile_strings_and_they_do_run_where_nobody_escapes(browser: Browser) -> None:
    assert len(set(STRINGS)) >= 100
    ran: list[str] = []
    page = browser.new_page()
    page.expose_function("xss", lambda *_: ran.append("xss"))
    page.set_content("".join(f"<div>{text}</div>" for text in ("<img src=x onerror=xss()>", *STRINGS[3:4])))
    page.wait_for_timeout(300)
    page.close()
    assert len(ran) == 2


@pytest.mark.parametrize("address", ["/", "/?severity=error", "/runs", "/runs/{}", "/library?project={}"])
def test_a_list_runs_nothing_of_what_it_shows(mara: Window, run: str, address: str) -> None:
    mara.look(address.format(run))
    expect(mara.page.locator("h1")).to_be_visible()
    assert mara.wrong == []


@pytest.mark.parametrize("number", range(len(TENS)))
def test_a_change_runs_nothing_of_what_its_page_shows(mara: Window, run: str, number: int) -> None:
    mara.look(f"/runs/{run}/changes/{shown(number).fingerprint}")
    expect(mara.page.locator(".differs").first).to_be_visible()
    expect(mara.page.locator(".where li")).to_have_count(10)
    assert mara.wrong == []


@pytest.mark.parametrize("number", range(len(TENS)))
def test_a_decision_runs_nothing_of_its_reason(mara: Window, run: str, number: int) -> None:
    address = f"/runs/{run}/changes/{shown(number).fingerprint}"
    mara.look(address)
    mara.page.fill("#reason", " ".join(TENS[number]))
    mara.page.click("button.no")
    expect(mara.page.get_by_role("status")).to_contain_text("Rejected")
    mara.look(address)
    expect(mara.page.locator(".decisions q")).to_be_visible()
    assert mara.wrong == []


def test_the_history_runs_nothing(mara: Window, run: str) -> None:
    mara.look("/history")
    expect(mara.page.locator(".item").first).to_be_visible()
    assert mara.wrong == []


def test_the_library_runs_nothing(mara: Window, run: str) -> None:
    project = {"project": PROJECT}
    mara.look("/library?" + urlencode(project))
    expect(mara.page.locator("#snapshots")).to_be_visible()
    mara.look("/library/contract?" + urlencode({**project, "path": f"contracts/{STRINGS[0]}/200.json"}))
    expect(mara.page.locator("tbody tr")).to_have_count(len(STRINGS) + 1)
    for number in range(len(TENS)):
        mara.look("/library/snapshot?" + urlencode({**project, "name": _snapshot_name(number)}))
        expect(mara.page.locator(".line").first).to_be_attached()
    whole = " ".join(TENS[0])
    asked = {**project, "provider": whole, "operation": whole, "status": 200, "path": whole}
    mara.look("/library/field?" + urlencode(asked))
    expect(mara.page.locator("svg.timeline")).to_be_visible()
    assert mara.wrong == []


def test_names_that_an_administrator_sees_run_nothing(browser: Browser, live: Live, run: str) -> None:
    with window(browser, live, "admin", viewport=DESK) as root:
        for address in ("/projects", "/tokens"):
            root.look(address)
            expect(root.page.locator("h1")).to_be_visible()


def test_a_job_whose_address_is_a_script_is_no_link(mara: Window, run: str) -> None:
    mara.look(f"/runs/{run}")
    assert mara.page.locator("a[href^=javascript]").count() == 0
