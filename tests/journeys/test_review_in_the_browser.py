"""From a failing job to a green one: CI pushes, a reviewer decides in a browser, the decisions come back into files.

With `KEEP_SCREENSHOTS=1` the pictures of docs/images/ are taken anew.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from acetate.cli.main import main
from tests.app.access import PASSWORD
from tests.app.web import shop
from tests.app.web.live import Live, serving
from tests.chromium import browsing

IMAGES = Path(__file__).parents[2] / "docs" / "images"
KEEP = bool(os.environ.get("KEEP_SCREENSHOTS"))
WIDE = {"width": 1280, "height": 860}
PHONE = {"width": 390, "height": 844}
JOB = {
    "CI": "true",
    "GITHUB_ACTIONS": "true",
    "GITHUB_SHA": "9f8e7d6c5b4a39281706f5e4d3c2b1a09f8e7d6c",
    "GITHUB_REF_NAME": "main",
    "GITHUB_ACTOR": "ada",
    "GITHUB_REPOSITORY": "acme/shop",
    "GITHUB_SERVER_URL": "https://ci.example",
    "GITHUB_RUN_ID": "77",
    "GITHUB_WORKFLOW": "tests",
    "GITHUB_JOB": "unit",
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as found:
        yield found


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with serving(tmp_path_factory.mktemp("service")) as found:
        yield found


@dataclass(frozen=True)
class Checkout:
    """A project on a developer's machine, or with `in_ci` in a job."""

    root: Path
    live: Live
    monkeypatch: pytest.MonkeyPatch

    def acetate(self, *words: str, in_ci: bool = False) -> tuple[int, str]:
        printed = io.StringIO()
        with self.monkeypatch.context() as shell:
            for name, value in JOB.items() if in_ci else ():
                shell.setenv(name, value)
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                code = main(["--root", str(self.root), *words])
        return code, printed.getvalue()

    def files(self) -> dict[str, bytes]:
        """All that is approved, but not who said so and when."""
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for folder in ("contracts", "snapshots", "cassettes")
            for path in (self.root / folder).rglob("*")
            if path.is_file() and ".reviews" not in path.parts
        }


@pytest.fixture
def checkout(tmp_path: Path, live: Live, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """The shop, approved as it was, recorded again today."""
    found = Checkout(tmp_path / "shop", live, monkeypatch)
    found.root.mkdir()
    monkeypatch.setenv("ACETATE_TOKEN", live.token("shop"))
    shop.record(found.root, shop.approved)
    assert found.acetate("accept", "--all", "--reason", "the baseline")[0] == 0
    assert found.acetate("push", "--service", live.url, in_ci=True)[0] == 0
    shop.record(found.root, shop.today)
    return found


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A reviewer's window, in which nothing may go wrong unseen."""
    said: list[str] = []
    context = browser.new_context(viewport=WIDE)
    found = context.new_page()
    found.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    found.on("pageerror", lambda error: said.append(str(error)))
    yield found
    context.close()
    assert said == []


@pytest.fixture
def picture() -> Callable[[Page, str], None]:
    """Keeps what is on the page; also in the dark and on a phone, where the name says so."""

    def take(page: Page, name: str) -> None:
        if KEEP:
            page.emulate_media(color_scheme="dark" if name.endswith("-dark") else "light")
            page.set_viewport_size(PHONE if "-phone" in name else WIDE)
            page.wait_for_timeout(200)  # until colours have changed
            page.screenshot(path=IMAGES / f"{name}.png", caret="initial")
            page.emulate_media(color_scheme="light")
            page.set_viewport_size(WIDE)

    return take


def on_change(page: Page, path: str, place: str) -> None:
    """Waits until the page is that of a change."""
    expect(page.locator("h1")).to_have_text(path)
    expect(page.locator(".crumbs")).to_contain_text(place)


def test_a_change_is_approved_in_the_browser_and_the_job_turns_green(
    checkout: Checkout, live: Live, page: Page, picture: Callable[[Page, str], None], tmp_path: Path
) -> None:
    # CI fails and says where to look.
    assert checkout.acetate("check", in_ci=True)[0] == 1
    code, said = checkout.acetate("push", "--service", live.url, in_ci=True)
    assert code == 0, said
    link = re.search(r"http://\S+/runs/\S+", said)
    assert link
    twin = tmp_path / "twin"
    shutil.copytree(checkout.root, twin)

    # The reviewer follows the link, signs in, and is where they wanted to be.
    page.goto(link[0])
    page.fill("#username", "mara")
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    expect(page.locator("h1")).to_contain_text("9f8e7d6")
    expect(page.locator(".heading .badge")).to_have_text("Failed")
    picture(page, "page-run")
    page.goto(live.url)
    expect(page.locator(".item")).to_have_count(5)
    picture(page, "page-inbox")
    page.goto(link[0])
    page.click("text=Review 5 changes")

    # They read the difference, and approve by key.
    on_change(page, "$.choices[].finish_reason", "1 of 6, 5 to decide")
    expect(page.locator(".focus .old .text")).to_have_text('was: "finish_reason": "eos"')
    expect(page.locator(".focus .new .text")).to_have_text('is now: "finish_reason": "stop"')
    expect(page.locator(".masked").first).to_be_visible()
    picture(page, "page-change")
    picture(page, "page-change-dark")
    picture(page, "page-change-phone")
    page.keyboard.press("y")
    on_change(page, "$.choices[].seed", "2 of 6, 4 to decide")
    expect(page.get_by_role("status")).to_contain_text("Approved: $.choices[].finish_reason")

    # They reject the next one and say why, think again, and approve it.
    page.keyboard.press("n")
    expect(page.locator("#reason")).to_be_focused()
    page.keyboard.type("a seed is a number")
    page.keyboard.press("Control+Enter")
    on_change(page, "$.system_fingerprint", "3 of 6, 3 to decide")
    expect(page.get_by_role("status")).to_contain_text("Rejected: $.choices[].seed")
    page.keyboard.press("u")
    on_change(page, "$.choices[].seed", "2 of 6, 4 to decide")
    expect(page.get_by_role("status")).to_contain_text("Undone: $.choices[].seed")
    expect(page.locator(".decisions")).to_contain_text("a seed is a number")
    page.keyboard.press("y")
    for path, place in (
        ("$.system_fingerprint", "3 of 6, 3 to decide"),
        ("$.usage.queue_ms", "4 of 6, 2 to decide"),
        ("$.choices[].finish_reason", "5 of 6, 1 to decide"),
    ):
        on_change(page, path, place)
        page.keyboard.press("y")
    expect(page.locator(".heading .badge")).to_have_text("Passed")
    page.goto(f"{live.url}/history")
    expect(page.locator(".item")).to_have_count(7)
    page.goto(f"{live.url}/library")
    page.click("tbody a >> nth=0")
    page.click("text=$.choices[].seed")
    expect(page.locator("svg.timeline")).to_be_visible()
    picture(page, "page-field")

    # The job is green without another recording; the decisions come back, and then the files alone are enough.
    code, said = checkout.acetate("check", "--service", live.url, in_ci=True)
    assert code == 0, said
    assert checkout.acetate("check")[0] == 1
    code, said = checkout.acetate("pull", "--service", live.url)
    assert code == 0, said
    assert checkout.files() == accepted_by_hand(twin, checkout)
    code, said = checkout.acetate("check")
    assert code == 0, said
    assert "passed: 0 breaking" in said


def accepted_by_hand(root: Path, other: Checkout) -> dict[str, bytes]:
    """The files of a copy in which the same changes were accepted in the terminal."""
    copy = Checkout(root, other.live, other.monkeypatch)
    code, said = copy.acetate("accept", "--severity", "error", "--reason", "the same by hand")
    assert code == 0, said
    return copy.files()


def test_without_javascript_a_change_is_decided_all_the_same(checkout: Checkout, live: Live, browser: Browser) -> None:
    (checkout.root / "pyproject.toml").write_text('[tool.acetate]\nproject = "plain"\n')
    checkout.monkeypatch.setenv("ACETATE_TOKEN", live.token("plain"))
    assert checkout.acetate("push", "--service", live.url, in_ci=True)[0] == 0
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{live.url}/?project=plain")
    page.fill("#username", "otto")
    page.fill("#password", PASSWORD)
    page.click("button.main")
    expect(page.locator(".item")).to_have_count(5)
    page.click(".item a >> nth=0")
    page.fill("#reason", "handled in the client")
    page.click("button.yes")
    expect(page.get_by_role("status")).to_contain_text("Approved")
    page.click("text=Undo")
    expect(page.get_by_role("status")).to_contain_text("Undone")
    context.close()
