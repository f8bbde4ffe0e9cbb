from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

import pytest

from app.web.asset import FOLDER, address, assets
from tests.app.engines import ONLY_SQLITE

VENDORED = dict(line.split(maxsplit=1) for line in (FOLDER / "vendored.txt").read_text().splitlines())
TEMPLATES = Path(FOLDER).parent / "templates"


def test_the_vendored_script_is_the_one_that_was_written_down():
    content = (FOLDER / VENDORED["file"]).read_bytes()
    assert sha256(content).hexdigest() == VENDORED["sha256"]
    version = VENDORED["package"].split()[1].rstrip(",")
    assert f'version="{version}"'.encode() in content


def test_all_that_a_page_needs_is_served_and_nothing_else():
    assert set(assets()) == {"htmx.min.js", "icon.svg", "page.js", "style.css"}


def test_no_template_holds_what_the_policy_forbids():
    for file in TEMPLATES.glob("*.html"):
        text = file.read_text()
        assert not re.search(
            r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:|\| *safe\b(?!_)(?! if)", text
        ), file
        assert not re.search(r"hx-on|js:", text), file


@ONLY_SQLITE
def test_a_browser_keeps_an_asset_for_as_long_as_its_content_stays(client):
    answer = client.get(address("style.css"))
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"].startswith("text/css")
    assert client.get("/static/style.css?v=another").headers["cache-control"] == "no-cache"


@ONLY_SQLITE
@pytest.mark.parametrize("name", ["vendored.txt", "..%2fpage.py", "nothing.css"])
def test_no_other_file_is_served(client, name):
    assert client.get(f"/static/{name}").status_code == 404
