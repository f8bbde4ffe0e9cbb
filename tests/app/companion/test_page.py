"""The chat page in a browser: signing in, asking, history, search, memory, and a second device that stays in step."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.app.access import PASSWORD
from tests.app.companion.live import serving
from tests.chromium import browsing
from tests.standin.server import Standin

RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=2</script>'


@pytest.fixture(scope="module")
def model():
    with Standin() as standin:
        yield standin


@pytest.fixture(scope="module")
def live(model, tmp_path_factory):
    url = f"sqlite:///{tmp_path_factory.mktemp('page')}/service.db"
    with serving(url, model, companion_recall_threshold="0.99") as live:
        for name in ("mara", "otto", "vera"):
            live.signed_up(name)
        yield live


@pytest.fixture(scope="module")
def browser():
    with browsing() as browser:
        yield browser


@pytest.fixture
def open_page(browser, live):
    """`open_page("mara")`: the page of somebody who has signed in. What goes wrong in it fails the test."""
    opened, wrong = [], []

    def page(username):
        context = browser.new_context(viewport={"width": 1280, "height": 860})
        page = context.new_page()
        page.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda asked: asked.url.startswith(live.url) or wrong.append(asked.url))
        page.goto(f"{live.url}/companion")
        page.get_by_label("Name").fill(username)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator("#link")).to_have_text("in step")
        opened.append(context)
        return page

    yield page
    for context in opened:
        context.close()
    assert wrong == []


def ask(page, message):
    replies = page.locator("#messages .assistant small")
    before = replies.count()
    page.get_by_label("Message").fill(message)
    page.get_by_label("Message").press("Enter")
    expect(replies).not_to_have_count(before)


def test_a_conversation_is_held_found_and_remembered_on_every_device(open_page, live, model):
    model.anew()
    model.script(pause=0.02)
    page, second = open_page("mara"), open_page("mara")
    ask(page, "My sister is Edda.")
    expect(page.locator("#messages .assistant")).to_contain_text("My sister is Edda.")
    ask(page, "What is the weather in Oslo?")
    expect(second.locator("#conversations li")).to_have_count(1)
    second.locator("#conversations li button").first.click()
    expect(second.locator("#messages li")).to_have_count(4)
    ask(page, "And in Paris?")
    expect(second.locator("#messages li")).to_have_count(6)

    page.get_by_role("button", name="New conversation").click()
    ask(page, "My sister is Edda.")
    expect(page.locator("#messages .assistant")).to_contain_text("remembered “My sister is Edda.”")
    page.get_by_label("Search").fill("PARIS")
    expect(page.locator("#conversations li")).to_have_count(1)
    page.get_by_label("Search").fill("")
    expect(page.locator("#conversations li")).to_have_count(2)

    page.get_by_role("button", name="Memory").click()
    expect(page.locator("#memories li").first).to_be_visible()
    assert [each["id"] for each in Axe().run(page, options=RULES).response["violations"]] == []
    page.get_by_role("button", name="Forget all").click()
    expect(page.locator("#memories")).to_have_text("Nothing.")


def test_what_a_model_says_is_never_run(open_page, model):
    model.anew()
    model.script(say=HOSTILE)
    page = open_page("otto")
    ask(page, HOSTILE)
    expect(page.locator("#messages .assistant span")).to_have_text(HOSTILE)
    expect(page.locator("#conversations button").first).to_have_text(HOSTILE[:59] + "…")
    assert page.title() == "Companion"
    assert page.locator("#messages img, #messages script").count() == 0


def test_half_a_reply_and_a_refusal_are_said(browser, live, model):
    """Without `open_page`: a browser logs every answer that is an error."""
    model.anew()
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{live.url}/companion")
    page.get_by_label("Name").fill("vera")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#sign-in-problem")).not_to_be_empty()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    model.script(say=" ".join(["word"] * 20), cut="stream")
    ask(page, "Hello?")
    expect(page.locator("#problem")).to_have_text("The model's answer stopped halfway.")
    expect(page.locator("#messages .assistant small")).to_contain_text("cut off")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    context.close()


def test_the_page_may_load_nothing_but_its_own_files(live, browser):
    page = browser.new_page()
    answer = page.goto(f"{live.url}/companion")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.request.get(f"{live.url}/companion/routes.py").status == 422
    page.close()
