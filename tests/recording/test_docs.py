"""docs/pytest.md names every option, mark and fixture."""

from __future__ import annotations

import re
from pathlib import Path

import pytest_recording.plugin

import acetate.pytest_plugin

PAGE = (Path(__file__).parents[2] / "docs" / "pytest.md").read_text(encoding="utf-8")


def test_every_option_of_the_plugin_is_on_the_page():
    source = Path(acetate.pytest_plugin.__file__).read_text(encoding="utf-8")
    options = set(re.findall(r'"(--acetate-[a-z-]+)"', source))
    assert len(options) == 4
    assert {option for option in options if f"`{option}" not in PAGE} == set()


def test_every_record_mode_is_on_the_page():
    assert [mode for mode in pytest_recording.plugin.RECORD_MODES if f"`{mode}`" not in PAGE] == []


def test_the_fixture_and_the_marks_are_on_the_page():
    for name in ("`vcr`", "`vcr_config`", "`vcr_cassette_dir`", "@pytest.mark.vcr", "@pytest.mark.default_cassette"):
        assert name in PAGE
