from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

import pytest

from app.web.asset import FOLDER, address, assets
from tests.app.engines import ONLY_SQLITE

VENDORED = [
    dict(line.split(maxsplit=1) for line in block.splitlines())
    for block in (FOLDER / "vendored.txt").read_text().split("\n\n")
]
TEMPLATES = Path(FOLDER).parent / "templates"


@pytest.mark.parametrize("vendored", VENDORED, ids=lambda each: each["file"])
def test_what_is_vendored_is_what_was_written_down(vendored):
    content = (FOLDER / vendored["file"]).read_bytes()
    assert sha256(content).hexdigest() == vendored["sha256"]


def test_the_versions_that_were_written_down_are_those_inside():
    said = {each["file"]: each["package"].split()[1].rstrip(",") for each in VENDORED}
    assert f'version="{said["htmx.min.js"]}"' in (FOLDER / "htmx.min.js").read_text()
    assert said["swagger-ui-bundle.js"] in (FOLDER / "swagger-ui-bundle.js").read_text()


def test_all_that_a_page_needs_is_served_and_nothing_else():
    assert {each["file"] for each in VENDORED} | {"api.js", "icon.svg", "page.js", "style.css"} == set(assets())


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
