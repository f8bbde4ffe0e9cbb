"""Debian's Chromium through Playwright, without a screen and without a word to anybody but this machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

__all__ = ["browsing"]

IN_CI = os.environ.get("CI", "").strip().lower() not in ("", "0", "false")
"""Read here: a test does not see it any more."""

ABSENT = "no Chromium here: apt-get install chromium"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def browsing() -> Iterator[Browser]:
    """A browser. While it runs no other event loop does in this thread, so each file of tests starts its own."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None and IN_CI:
        pytest.fail(ABSENT, pytrace=False)
    if found is None:
        pytest.skip(ABSENT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        yield browser
        browser.close()
