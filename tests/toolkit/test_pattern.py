"""What the globs of a configuration mean: the same for what is there and for what is gone."""

from __future__ import annotations

import glob
import os
from pathlib import Path

import pytest

from acetate.pattern import matching, means

FILES = [
    "cassettes/a.yaml",
    "cassettes/b/c.yml",
    "cassettes/b/deep/d[x].yaml",
    "cassettes/.hidden.yaml",
    "cassettes/.kept/e.yaml",
    "chat/tests/f.yaml",
    "tests/cassettes/g.yaml",
    "tests/x/y/cassettes/h.yaml",
    "tests/x/y/other/i.yaml",
    "tapes/1.yaml",
    "tapes/12.yaml",
    "one.yaml",
]
PATTERNS = {
    "cassettes/**": ["cassettes/a.yaml", "cassettes/b/c.yml", "cassettes/b/deep/d[x].yaml"],
    "./cassettes//**": ["cassettes/a.yaml", "cassettes/b/c.yml", "cassettes/b/deep/d[x].yaml"],
    "cassettes/**/*.yaml": ["cassettes/a.yaml", "cassettes/b/deep/d[x].yaml"],
    "cassettes/.kept/**": ["cassettes/.kept/e.yaml"],
    "**/.kept/*": ["cassettes/.kept/e.yaml"],
    "cassettes/.*": ["cassettes/.hidden.yaml"],
    "cassettes/**/d[[]x].yaml": ["cassettes/b/deep/d[x].yaml"],
    "tests/**/cassettes/**": ["tests/cassettes/g.yaml", "tests/x/y/cassettes/h.yaml"],
    "tests/*/y/*/*.yaml": ["tests/x/y/cassettes/h.yaml", "tests/x/y/other/i.yaml"],
    "tapes/?.yaml": ["tapes/1.yaml"],
    "tapes/[0-9]*.yaml": ["tapes/1.yaml", "tapes/12.yaml"],
    "tapes": [],
    "one.yaml": ["one.yaml"],
    "*.yaml": ["one.yaml"],
    "nowhere/**": [],
}


@pytest.fixture
def root(tmp_path):
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    return tmp_path


@pytest.mark.parametrize(("pattern", "found"), PATTERNS.items())
def test_a_pattern_finds_the_files_that_it_means_and_no_others(root, pattern, found):
    assert sorted(matching(root, pattern)) == sorted(found)
    assert [name for name in FILES if means(pattern, name)] == sorted(found, key=FILES.index)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_it_finds_what_the_shell_finds(root, pattern):
    there = glob.glob(pattern, root_dir=root, recursive=True)  # noqa: PTH207 - `**` finds no files in Path.glob before 3.13
    assert {*matching(root, pattern)} == {os.path.normpath(each) for each in there if (root / each).is_file()}


def test_a_link_is_followed_and_one_that_leads_nowhere_is_no_file(root):
    (root / "linked").symlink_to(root / "tapes")
    (root / "linked.yaml").symlink_to(root / "one.yaml")
    (root / "gone.yaml").symlink_to(root / "nowhere.yaml")
    assert sorted(matching(root, "linked/*")) == ["linked/1.yaml", "linked/12.yaml"]
    assert sorted(matching(root, "*.yaml")) == ["linked.yaml", "one.yaml"]


def test_files_outside_of_the_root_are_found_where_the_pattern_leads_there(root):
    assert sorted(matching(root / "tests", "../tapes/1*.yaml")) == ["../tapes/1.yaml", "../tapes/12.yaml"]


def test_links_that_lead_back_or_nowhere_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "cassettes/inner").mkdir(parents=True)
    (tmp_path / "cassettes/inner/a.yaml").write_text("")
    (tmp_path / "cassettes/loop").symlink_to(".")
    (tmp_path / "cassettes/inner/up").symlink_to("..")
    (tmp_path / "cassettes/nowhere").symlink_to("gone")
    (tmp_path / "cassettes/itself").symlink_to("itself")
    assert list(matching(tmp_path, "cassettes/**")) == ["cassettes/inner/a.yaml"]
