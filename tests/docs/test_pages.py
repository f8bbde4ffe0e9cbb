"""The pages are complete and lead to each other."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import pytest

from tests.docs.guide import GUIDES, REPOSITORY

ADRS = sorted((REPOSITORY / "docs" / "adr").glob("*.md"))
INDEX = REPOSITORY / "docs" / "index.md"
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]+))?\)")


def headings(text: str) -> list[str]:
    """The anchors of a page, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles]


@pytest.mark.parametrize("file", ADRS, ids=lambda file: file.stem)
def test_a_decision_keeps_to_the_template_and_to_one_page(file):
    text = file.read_text("utf-8")
    assert text.startswith(f"# {file.name[:4]}: ")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences", "Alternatives"]
    assert len(text.splitlines()) <= 60


def test_decisions_are_numbered_without_a_gap():
    assert [file.name[:4] for file in ADRS] == [f"{number:04}" for number in range(1, len(ADRS) + 1)]
    assert len(ADRS) >= 9


def test_the_index_leads_to_every_page():
    linked = {(INDEX.parent / target).resolve() for target, _ in LINK.findall(INDEX.read_text("utf-8"))}
    pages = {*ADRS, *GUIDES, *(REPOSITORY / "docs" / "reference").iterdir()} - {INDEX}
    assert {page.name for page in pages if page.resolve() not in linked} == set()


@pytest.mark.parametrize("file", [*GUIDES, *ADRS], ids=lambda file: file.name)
def test_a_link_to_a_section_finds_it(file):
    for target, anchor in LINK.findall(file.read_text("utf-8")):
        page = (file.parent / target).resolve() if target else file
        assert page.exists(), target
        assert not anchor or anchor in headings(page.read_text("utf-8")), f"{target}#{anchor}"


@pytest.mark.parametrize("file", sorted((REPOSITORY / "docs" / "images").glob("*.svg")), ids=lambda file: file.name)
def test_a_picture_has_words_for_those_who_cannot_see_it_and_a_dark_form(file):
    picture = ElementTree.parse(file).getroot()
    names = [element.tag.rpartition("}")[2] for element in picture]
    assert names[:2] == ["title", "desc"]
    assert "prefers-color-scheme: dark" in file.read_text("utf-8")
    assert f"(docs/images/{file.name})" in (REPOSITORY / "README.md").read_text("utf-8")
