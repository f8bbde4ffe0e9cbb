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
        for name in ("mara", "nora", "otto", "vera"):
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


def test_what_was_sent_is_there_before_the_model_begins(open_page, model):
    model.anew()
    model.script(delay=1.5)
    page = open_page("otto")
    page.get_by_role("button", name="New conversation").click()
    page.get_by_label("Message").fill("Hello?")
    page.get_by_label("Message").press("Enter")
    expect(page.locator("#messages .user")).to_have_text("Hello?…")
    assert page.locator("#messages .assistant").count() == 0
    expect(page.locator("#messages .assistant")).to_have_count(1)
    expect(page.locator("#messages .user")).to_have_text("Hello?")
    assert page.locator("#messages .user").count() == 1


def test_a_reply_grows_by_what_is_new_in_it_whoever_brings_it(open_page, model):
    """The answer and the socket bring the same text, cut otherwise; an emoji is two of JavaScript's characters."""
    model.anew()
    said = " ".join(f"🦊{number}" for number in range(40))
    model.script(pause=0.02, say=said)
    page, second = open_page("otto"), open_page("otto")
    ask(page, "Begin.")
    second.locator("#conversations li button").first.click()
    expect(second.locator("#messages li")).to_have_count(2)
    grown = """() => { const seen = window.seen = []; new MutationObserver(() => {
        const last = document.querySelector("#messages .assistant:last-child");
        if (last && !last.dataset.whole) seen.push(last.textContent);
    }).observe(document.getElementById("messages"), {childList: true, subtree: true, characterData: true}) }"""
    page.evaluate(grown), second.evaluate(grown)
    ask(page, "Go on.")
    expect(second.locator("#messages li")).to_have_count(4)
    for each in (page, second):
        texts = each.evaluate("window.seen")
        assert len(set(texts)) > 3
        assert [text for text in texts if not said.startswith(text)] == []


def test_on_a_phone_the_newest_message_and_the_place_to_write_are_in_sight(browser, open_page, model):
    model.anew()
    page = open_page("otto")
    page.set_viewport_size({"width": 390, "height": 700})
    page.get_by_role("button", name="New conversation").click()
    for number in range(4):
        ask(page, f"{number} " + "Hello? " * 20)
    expect(page.locator("#messages .assistant").last).to_be_in_viewport()
    expect(page.get_by_label("Message")).to_be_in_viewport(ratio=1)


def test_whoever_signs_in_next_sees_nothing_of_whoever_was_there_before(open_page, model):
    model.anew()
    page = open_page("mara")
    ask(page, "A secret of Mara's.")
    page.get_by_role("button", name="Memory").click()
    expect(page.locator("#memories")).to_contain_text("A secret of Mara's.")
    page.get_by_label("Message").fill("and a thought")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert "Mara" not in page.locator("body").text_content()
    page.get_by_label("Name").fill("nora")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#link")).to_have_text("in step")
    expect(page.get_by_label("Message")).to_have_value("")
    ask(page, "Hello?")
    expect(page.locator("#messages .user")).to_have_text("Hello?")
    assert "Mara" not in page.locator("body").text_content()


def test_a_reply_stays_in_its_conversation_when_another_is_opened(open_page, model):
    model.anew()
    page = open_page("otto")
    for message in ("The first.", "The second."):
        page.get_by_role("button", name="New conversation").click()
        ask(page, message)
    model.script(pause=0.02, say=" ".join(["late"] * 60))
    page.get_by_label("Message").fill("Still there?")
    page.get_by_label("Message").press("Enter")
    expect(page.locator("#messages .assistant").last).to_contain_text("late")
    page.get_by_role("button", name="The first.", exact=True).click()
    expect(page.locator("#title")).to_have_text("The first.")
    expect(page.get_by_role("button", name="Send")).to_be_enabled(timeout=15_000)
    expect(page.locator("#messages li")).to_have_count(2)
    page.get_by_role("button", name="The second.", exact=True).click()
    expect(page.locator("#messages li")).to_have_count(4)
    expect(page.locator("#messages .assistant").last).to_contain_text("late late")


def test_enter_sends_nothing_while_something_is_sent(open_page, model):
    model.anew()
    model.script(delay=1)
    page = open_page("otto")
    page.get_by_role("button", name="New conversation").click()
    for message in ("One?", "Two?"):
        page.get_by_label("Message").fill(message)
        page.get_by_label("Message").press("Enter")
    expect(page.locator("#messages .assistant")).to_have_count(1)
    expect(page.get_by_label("Message")).to_have_value("Two?")
    assert page.locator("#messages .user").count() == 1


def test_a_question_that_was_stored_is_not_offered_again_when_its_process_dies(browser, model, tmp_path):
    model.anew()
    model.script(pause=0.05, say=" ".join(["word"] * 200))
    page = browser.new_page()
    with serving(f"sqlite:///{tmp_path}/service.db", model) as live:
        live.signed_up("mara")
        page.goto(f"{live.url}/companion")
        page.get_by_label("Name").fill("mara")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator("#link")).to_have_text("in step")
        page.get_by_label("Message").fill("Tell me.")
        page.get_by_label("Message").press("Enter")
        expect(page.locator("#messages .assistant")).to_contain_text("word")
        live.process.kill()
        expect(page.locator("#problem")).not_to_be_empty()
        expect(page.get_by_label("Message")).to_have_value("")
        page.get_by_label("Message").fill("Nobody hears me.")
        page.get_by_label("Message").press("Enter")
        expect(page.get_by_label("Message")).to_have_value("Nobody hears me.")
    page.close()


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
    page.get_by_role("button", name="New conversation").click()
    model.script(error=402)
    page.get_by_label("Message").fill("Still there?")
    page.get_by_label("Message").press("Enter")
    expect(page.locator("#problem")).to_have_text("The model's provider does not serve this backend's account.")
    expect(page.locator("#messages li")).to_have_text("Still there?not answered")
    expect(page.locator("#title")).to_have_text("Still there?")
    expect(page.get_by_label("Message")).to_have_value("")
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
