"""Swagger UI, with which the API can be read and tried."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from app.models import Role
from tests.app.access import PASSWORD
from tests.app.web.live import Live, serving
from tests.app.web.window import window
from tests.chromium import browsing

ITS_OWN = ("color-contrast", "heading-order", "nested-interactive", "region", "target-size")
"""Rules that the vendored markup and colours of Swagger UI break: its title lies outside of its own main part."""


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with serving(tmp_path_factory.mktemp("service")) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as found:
        yield found


def test_nothing_but_what_swagger_ui_draws_itself_keeps_anybody_out(browser, live):
    page = browser.new_page()
    page.goto(f"{live.url}/docs")
    expect(page.locator(".opblock").first).to_be_visible()
    found = Axe().run(page, options={"rules": {rule: {"enabled": False} for rule in ITS_OWN}})
    page.close()
    assert [(each["id"], each["nodes"][0]["html"]) for each in found.response["violations"]] == []


def test_authorize_signs_in_and_a_call_is_answered(browser, live):
    with window(browser, live, "admin") as found:
        page = found.page
        found.look("/docs")
        page.get_by_role("button", name="Authorize").first.click()
        page.locator("#oauth_username, #password_username, input[name=username]").first.fill("admin")
        page.locator("input[type=password]").first.fill(PASSWORD)
        page.get_by_role("button", name="Apply given OAuth2 credentials").first.click()
        expect(page.get_by_role("button", name="Remove authorization").first).to_be_visible()
        page.get_by_role("button", name="Close").first.click()
        page.locator("[id*='api_v1_me_get'] button.opblock-summary-control").first.click()
        page.get_by_role("button", name="Try it out").click()
        page.get_by_role("button", name="Execute").click()
        expect(page.locator(".responses-table.live-responses-table")).to_contain_text(Role.ADMIN.value)
