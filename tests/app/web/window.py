"""A window of somebody who signed in, in which nothing goes wrong unseen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

from tests.app.access import PASSWORD
from tests.app.web.live import Live

__all__ = ["DESK", "PHONE", "Window", "window"]

DESK = {"width": 1280, "height": 860}
PHONE = {"width": 390, "height": 844}


@dataclass
class Window:
    """A page of somebody who signed in, and all that went wrong in it."""

    page: Page
    url: str
    wrong: list[str] = field(default_factory=list)

    def look(self, address: str) -> None:
        self.page.goto(self.url + address)


@contextmanager
def window(browser: Browser, live: Live, name: str, **more: Any) -> Iterator[Window]:
    # Colours that are on their way to others are nobody's.
    context: BrowserContext = browser.new_context(reduced_motion="reduce", **more)
    found = Window(context.new_page(), live.url)
    context.expose_function("xss", lambda *_: found.wrong.append("xss ran"))
    _watch(found)
    found.look("/sign-in")
    found.page.fill("#username", name)
    found.page.fill("#password", PASSWORD)
    found.page.press("#password", "Enter")
    found.page.wait_for_url(f"{live.url}/")
    yield found
    context.close()
    assert found.wrong == []


def _watch(found: Window) -> None:
    """Errors, dialogs, and requests for what is not ours."""
    page, wrong = found.page, found.wrong
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: (wrong.append("a dialog"), dialog.dismiss()))
    page.on(
        "request",
        lambda asked: (
            wrong.append(asked.url)
            if not asked.url.startswith((found.url + "/", "data:")) or "/xss" in asked.url.partition("?")[0]
            else None
        ),
    )
