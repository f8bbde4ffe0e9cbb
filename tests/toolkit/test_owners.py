"""Who owns a file, as CODEOWNERS says it."""

from __future__ import annotations

from pathlib import Path

import pytest

from acetate.owners import owners_of


def owners(root: Path, text: str, path: str) -> tuple[str, ...]:
    (root / "CODEOWNERS").write_text(text)
    return owners_of(root, [path]).get(path, ())


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("*", "snapshots/a.json", True),
        ("*.json", "snapshots/deep/a.json", True),
        ("*.json", "snapshots/a.yaml", False),
        ("snapshots/", "snapshots/deep/a.json", True),
        ("snapshots", "old/snapshots/a.json", True),
        ("/snapshots", "old/snapshots/a.json", False),
        ("/snapshots", "snapshots/deep/a.json", True),
        ("snapshots/*", "snapshots/a.json", True),
        ("snapshots/*", "snapshots/deep/a.json", False),
        ("snapshots/**", "snapshots/deep/a.json", True),
        ("snapshots/**/a.json", "snapshots/a.json", True),
        ("snapshots/**/a.json", "snapshots/x/y/a.json", True),
        ("**/chat", "snapshots/chat/a.json", True),
        ("snapshots/?.json", "snapshots/a.json", True),
        ("snapshots/?.json", "snapshots/ab.json", False),
        ("snapshots/a[1].json", "snapshots/a[1].json", True),
        ("snapshots/a\\ b.json", "snapshots/a b.json", True),
    ],
)
def test_a_pattern_is_read_as_in_a_gitignore(tmp_path, pattern, path, fits):
    assert owners(tmp_path, f"{pattern} @ada", path) == (("@ada",) if fits else ())


def test_the_last_rule_that_fits_counts(tmp_path):
    text = "# all\n* @all\n\nsnapshots/ @ada @acme/llm  # them\n[Section]\nsnapshots/free.json\n"
    assert owners(tmp_path, text, "snapshots/a.json") == ("@ada", "@acme/llm")
    assert owners(tmp_path, text, "contracts/a.json") == ("@all",)
    assert owners(tmp_path, text, "snapshots/free.json") == ()


def test_a_project_below_its_repository_is_found_from_the_top(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".github").mkdir()
    (tmp_path / ".github" / "CODEOWNERS").write_text("/services/chat/ @ada\n")
    project = tmp_path / "services" / "chat"
    project.mkdir(parents=True)
    assert owners_of(project, ["snapshots/a.json"]) == {"snapshots/a.json": ("@ada",)}


def test_without_the_file_nobody_owns_anything(tmp_path):
    assert owners_of(tmp_path, ["a"]) == {}
