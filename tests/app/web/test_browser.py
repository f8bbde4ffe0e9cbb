"""The pages in a browser: everybody can use them, by day and by night, on a desk and on a phone, with keys too."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import product

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect

from acetate.cli.main import main
from app.reviews import service as reviews
from app.runs import service as runs
from app.runs import webhooks
from tests.app.access import PASSWORD
from tests.app.bundles import bundle, change
from tests.app.web import shop
from tests.app.web.live import Live, serving
from tests.app.web.window import DESK, PHONE, Window, window
from tests.chromium import browsing

RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]},
    "resultTypes": ["violations"],
}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The service with two runs of the shop."""
    root = tmp_path_factory.mktemp("shop")
    with serving(tmp_path_factory.mktemp("service")) as found, pytest.MonkeyPatch.context() as shell:
        shell.delenv("CI", raising=False)
        shell.setenv("ACETATE_TOKEN", found.token("shop"))
        shop.record(root, shop.approved)
        assert main(["--root", str(root), "accept", "--all"]) == 0
        assert main(["--root", str(root), "push", "--service", found.url]) == 0
        found.webhook("shop", "http://127.0.0.1:9/nobody-listens")
        shop.record(root, shop.today)
        assert main(["--root", str(root), "push", "--service", found.url]) == 0
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as found:
        yield found


# Everybody can use it


def pages_of(live: Live) -> list[str]:
    with live.database.read() as session:
        run = runs.list_runs(session, project="shop")[0][0]
        (first, *_) = reviews.changes(session, run.id)
        (hook,) = webhooks.list_webhooks(session, "shop")
    field = "project=shop&provider=together&operation=chat.completions&status=200&path=%24.choices%5B%5D.seed"
    contract = "project=shop&path=contracts/together/chat.completions/200.json"
    return [
        "/?project=shop",
        f"/runs/{run.id}/changes/{first.change.fingerprint}",
        f"/runs/{run.id}/changes/{first.change.fingerprint}?view=inline",
        "/runs?project=shop",
        f"/runs/{run.id}",
        "/history?project=shop",
        "/library?project=shop",
        f"/library/contract?{contract}",
        "/library/snapshot?project=shop&name=cassettes/chat/streamed",
        f"/library/field?{field}",
        "/projects",
        f"/projects/webhooks/{hook.id}",
        "/users",
        "/tokens",
        "/account",
        "/runs/nothing",
        "/nowhere",
    ]


def faults(page: Page, where: str) -> list[str]:
    """What keeps somebody from using a page as it is now: by day and by night, at a desk and on a phone."""
    page.evaluate(Axe().axe_script)
    found: list[str] = []
    for light, (device, size) in product(("light", "dark"), {"desk": DESK, "phone": PHONE}.items()):
        page.emulate_media(color_scheme=light, reduced_motion="reduce")
        page.set_viewport_size(size)
        seen = page.evaluate("options => axe.run(options).then(found => found.violations)", RULES)
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        now = f"{where}, {light}, {device}"
        found += [f"{now}: {each['id']}: {node['html'][:200]}" for each in seen for node in each["nodes"]]
        found += [f"{now}: {wide} px wider than the window"] if wide > 0 else []
    return found


def test_no_page_keeps_anybody_out(browser: Browser, live: Live) -> None:
    found: list[str] = []
    with window(browser, live, "admin") as root:
        for address in pages_of(live):
            root.look(address)
            found += faults(root.page, address)
        root.wrong.clear()  # a browser notes the answers of 404
    assert found == []


def test_nobody_is_kept_out_who_has_not_signed_in(browser: Browser, live: Live) -> None:
    page = browser.new_page()
    found: list[str] = []
    for address in ("/sign-in", "/nowhere", "/companion"):
        page.goto(live.url + address)
        found += faults(page, address)
    page.get_by_label("Name").fill("vera")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#room")).to_be_visible()
    found += faults(page, "the companion's room")
    page.close()
    assert found == []


# Keys


@pytest.fixture
def keys(browser: Browser, live: Live) -> Iterator[Window]:
    """A window before a project of three changes."""
    live.push(bundle(change("$.a"), change("$.b"), change("$.c"), project="keys"))
    with window(browser, live, "otto", viewport=DESK) as found:
        found.look("/?project=keys")
        yield found


def test_a_list_is_walked_ticked_and_opened_by_keys(keys: Window):
    press: Callable[[str], None] = keys.page.keyboard.press
    press("j")
    expect(keys.page.locator("[data-row]").nth(0)).to_be_focused()
    press("j")
    press("j")
    press("j")
    expect(keys.page.locator("[data-row]").nth(2)).to_be_focused()
    press("k")
    expect(keys.page.locator("[data-row]").nth(1)).to_be_focused()
    press("x")
    expect(keys.page.locator("input[name=chosen]:checked")).to_have_count(1)
    press("Enter")
    expect(keys.page.locator("h1")).to_have_text("$.b")
    expect(keys.page.locator(".crumbs")).to_contain_text("2 of 3, 3 to decide")
    press("k")
    expect(keys.page.locator("h1")).to_have_text("$.a")
    press("j")
    expect(keys.page.locator("h1")).to_have_text("$.b")


def test_keys_are_letters_where_somebody_writes(keys: Window):
    keys.page.click("[data-row] >> nth=0")
    keys.page.fill("#reason", "")
    keys.page.focus("#reason")
    keys.page.keyboard.type("yes, why not? juku")
    expect(keys.page.locator("#reason")).to_have_value("yes, why not? juku")
    keys.page.keyboard.press("Escape")
    keys.page.keyboard.press("j")
    expect(keys.page.locator("h1")).to_have_text("$.b")


def test_the_keys_are_listed_and_the_list_closed_again(keys: Window):
    keys.page.keyboard.press("?")
    expect(keys.page.get_by_role("dialog")).to_be_visible()
    keys.page.keyboard.press("y")
    keys.page.keyboard.press("Escape")
    expect(keys.page.get_by_role("dialog")).to_be_hidden()


def test_all_are_ticked_at_once_and_a_command_is_copied(keys: Window):
    keys.page.click("[data-ticks]")
    expect(keys.page.locator("input[name=chosen]:checked")).to_have_count(3)
    keys.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    keys.page.click("[data-row] >> nth=0")
    keys.page.click("[data-copies] >> nth=0")
    expect(keys.page.locator("[data-copies] [aria-live]").first).to_have_text("copied")
    assert keys.page.evaluate("navigator.clipboard.readText()").startswith("acetate show ")


def test_a_filter_is_set_without_a_reload_and_is_in_the_address(keys: Window):
    keys.page.evaluate("window.same = true")
    keys.page.select_option("#filter-edge", "consume")
    keys.page.wait_for_url("**/?project=keys&edge=consume*")
    assert keys.page.evaluate("window.same")
    expect(keys.page.locator(".item")).to_have_count(3)


def test_a_stale_decision_keeps_what_was_typed(keys: Window, live: Live, browser: Browser):
    keys.page.click("[data-row] >> nth=0")
    path = keys.page.url.removeprefix(live.url)
    with window(browser, live, "mara", viewport=DESK) as other:
        other.look(path)
        other.page.fill("#reason", "first")
        other.page.click("button.no")
        expect(other.page.get_by_role("status")).to_contain_text("Rejected")
    keys.page.fill("#reason", "second")
    keys.page.click("button.yes")
    expect(keys.page.get_by_role("alert")).to_contain_text("Somebody was here meanwhile.")
    expect(keys.page.locator("#reason")).to_have_value("second")
    assert keys.page.url.removeprefix(live.url) == path
    keys.wrong.clear()  # a browser notes every answer of 409


@pytest.fixture
def inbox(browser: Browser, live: Live, request: pytest.FixtureRequest) -> Iterator[Window]:
    """A window before three changes that no other test decides on."""
    project = re.sub(r"\W", "", request.node.name)
    live.push(bundle(change("$.a"), change("$.b"), change("$.c"), project=project))
    with window(browser, live, "otto", viewport=DESK) as found:
        found.look(f"/?project={project}")
        yield found


@pytest.fixture
def change_page(inbox: Window) -> Window:
    """The first of the three."""
    inbox.page.click("[data-row] >> nth=0")
    expect(inbox.page.locator("h1")).to_have_text("$.a")
    return inbox


def test_a_key_that_is_held_decides_once(change_page: Window):
    hold: Callable[[str], None] = change_page.page.keyboard.down
    hold("y")
    expect(change_page.page.get_by_role("status")).to_contain_text("Approved: $.a")
    for _ in range(3):
        hold("y")
    change_page.page.reload()
    expect(change_page.page.locator("h1")).to_have_text("$.b")
    expect(change_page.page.locator(".crumbs")).to_contain_text("2 to decide")


def test_a_key_that_is_held_is_no_reason(change_page: Window):
    for _ in range(3):
        change_page.page.keyboard.down("n")
    change_page.page.keyboard.up("n")
    change_page.page.keyboard.type("no")
    expect(change_page.page.locator("#reason")).to_have_value("no")


def test_a_key_that_is_held_goes_on_from_change_to_change(change_page: Window):
    change_page.page.keyboard.down("j")
    expect(change_page.page.locator("h1")).to_have_text("$.b")
    change_page.page.keyboard.down("j")
    expect(change_page.page.locator("h1")).to_have_text("$.c")


def test_what_is_pressed_while_an_answer_is_awaited_decides_nothing(change_page: Window):
    page, sent = change_page.page, list[Route]()
    page.route("**/decision*", lambda route: sent.append(route))
    page.keyboard.press("y")
    expect(page.locator("form.decide.htmx-request")).to_have_count(1)
    page.keyboard.press("y")
    page.keyboard.press("n")
    page.click("button.yes")
    page.keyboard.press("j")
    sent[0].continue_()
    expect(page.get_by_role("status")).to_contain_text("Approved: $.a")
    expect(page.locator("h1")).to_have_text("$.b")
    assert len(sent) == 1


@pytest.mark.parametrize("field", ["#reason", "input[name=chosen]"])
def test_enter_in_a_field_of_the_inbox_decides_nothing(inbox: Window, field: str):
    inbox.page.check("input[name=chosen] >> nth=0")
    inbox.page.fill("#reason", "because")
    inbox.page.locator(field).first.press("Enter")
    expect(inbox.page.get_by_role("alert")).to_contain_text("Nothing was decided.")
    expect(inbox.page.locator("#reason")).to_have_value("because")
    expect(inbox.page.locator("input[name=chosen]:checked")).to_have_count(1)
    inbox.wrong.clear()  # a browser notes every answer of 422


# On a phone


@pytest.fixture
def phone(browser: Browser, live: Live) -> Iterator[Window]:
    with window(browser, live, "admin", viewport=PHONE) as found:
        yield found


def test_the_tab_of_this_page_is_among_those_that_are_seen(phone: Window):
    phone.look("/tokens")
    tab = phone.page.locator(".bar [aria-current]")
    box = tab.bounding_box()
    assert box
    assert 0 <= box["x"] <= PHONE["width"] - box["width"]


def test_the_heads_of_rows_do_not_break_within_words(phone: Window, live: Live):
    run = live.push(bundle(change("$.a"), project="jobs", job="integration"))
    phone.look(f"/runs/{run}")
    head = phone.page.get_by_role("rowheader", name="integration")
    assert head.evaluate("head => head.getBoundingClientRect().width") >= 140


def test_a_long_name_takes_no_more_than_a_few_lines_of_a_list(phone: Window, live: Live):
    live.push(bundle(change("$." + "very_long_name_" * 80), project="long"))
    phone.look("/?project=long")
    title = phone.page.locator(".item .title a").first
    assert title.evaluate("title => title.getBoundingClientRect().height") < 90


def test_the_forms_of_people_keep_their_distance_from_the_edge(phone: Window):
    phone.look("/users")
    phone.page.click("summary >> nth=0")
    form = phone.page.locator("details[open] form.body").first
    assert form.evaluate("form => parseFloat(getComputedStyle(form).paddingLeft)") > 8
