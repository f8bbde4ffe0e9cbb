"""Verbs that set up: init, import."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from acetate.cassette import Cassette
from acetate.cli.decide import writable
from acetate.context import in_ci
from acetate.errors import Refused, UsageError
from acetate.files import write_atomic
from acetate.foreign import read_foreign
from acetate.redaction import redact
from acetate.secret import check_clean

__all__ = ["import_files", "init"]

_CONFIG = """\
# Acetate: contract testing for backends that stand on LLM APIs.
# Everything works without this file; all keys: docs/reference/configuration.md

# What this project is called in reports and at the service. Default: the folder's name.
# project = "{project}"

# Where recordings lie.
# cassettes = ["cassettes/**", "tests/**/cassettes/**"]

# Requests match on method, path, query and body. A part of a prompt that changes every day is masked like this:
# [match]
# mask = [{{ path = "$.messages[0].content", regex = '\\d{{4}}-\\d\\d-\\d\\d' }}]

# How bad a kind of change is here (acetate explain lists all kinds):
# [severity]
# optional-field-removed = "info"
"""
_GITIGNORE = "\n# Acetate: staged recordings, caches, undo. Safe to delete.\n.acetate/\n"
_GITATTRIBUTES = (
    "\n# Acetate: recordings and contracts are data; a merge of contracts is cured by `acetate accept --rebuild`.\n"
    "cassettes/** linguist-generated=true\n"
    "contracts/** linguist-generated=true\n"
)
_WORKFLOW = """\
# Acetate: replay-only. No key is needed: everything is compared with what is in the repository.
name: acetate
on: [push, pull_request]
permissions:
  contents: read
jobs:
  check:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with:
          fetch-depth: 0
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - run: pip install acetate
      - run: acetate check --format github --report json=acetate.json --report junit=acetate.xml
      - uses: actions/upload-artifact@v4
        if: always()
        with:
          name: acetate
          path: |
            acetate.json
            acetate.xml
"""


def init(arguments: argparse.Namespace) -> int:
    """Set a project up. What is there already stays as it is."""
    if in_ci(os.environ):
        raise Refused("`acetate init` writes files, and CI never does (`CI` is set)", next="run it on your machine")
    root = (arguments.root or Path.cwd()).resolve()
    if not root.is_dir():
        raise UsageError("is no folder", where=str(root), next="name the folder of the project with --root")
    made = [_configured(root) or _made(root, "acetate.toml", _CONFIG.format(project=root.name))]
    if (root / ".github").is_dir() or (root / ".git").is_dir():
        made.append(_made(root, ".github/workflows/acetate.yml", _WORKFLOW))
    for name, content in ((".gitignore", _GITIGNORE), (".gitattributes", _GITATTRIBUTES)):
        made.append(_appended(root / name, content))
    for folder in ("cassettes", "contracts", "snapshots"):
        (root / folder).mkdir(exist_ok=True)
    print("\n".join(made))
    print(
        "\nnext: put recordings under cassettes/ (or acetate import FILE), then acetate check, then acetate accept --all"
    )
    return 0


def import_files(arguments: argparse.Namespace) -> int:
    """Write a cassette for each foreign file; a cassette that is there already is not touched."""
    project = writable(arguments, "import")
    folder = project.root / arguments.into
    plans = []
    for name in arguments.files:
        path = Path(name)
        target = folder / f"{path.name.removesuffix(path.suffix)}.yaml"
        if target.exists():
            raise UsageError("is there already", where=str(target), next="remove it first, or use --into DIR")
        cassette = Cassette(target, project.root)
        for exchange in read_foreign(path):
            clean = redact(exchange, project.redaction)
            check_clean(clean, project.redaction)
            cassette.append(clean)
        plans.append((name, cassette))
    for name, cassette in plans:
        cassette.save()
        print(f"{name} -> {cassette.path.relative_to(project.root)}: {len(cassette.exchanges)} exchanges")
    print("\nnext: acetate check")
    return 0


def _configured(root: Path) -> str | None:
    """What to say where pyproject.toml configures Acetate already: two configurations would be an error."""
    shared = root / "pyproject.toml"
    if shared.is_file() and b"[tool.acetate" in shared.read_bytes():
        return "kept     pyproject.toml ([tool.acetate])"
    return None


def _made(root: Path, name: str, content: str) -> str:
    if (root / name).exists():
        return f"kept     {name}"
    write_atomic(root / name, content.encode())
    return f"written  {name}"


def _appended(path: Path, content: str) -> str:
    there = path.read_text(encoding="utf-8") if path.exists() else ""
    if content.strip() in there:
        return f"kept     {path.name}"
    write_atomic(path, (there + content).lstrip("\n").encode())
    return f"written  {path.name}"
