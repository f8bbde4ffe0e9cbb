"""Verbs that set up: init, import."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from pathlib import Path
from shlex import quote

from acetate.cassette import Cassette
from acetate.cli.decide import writable
from acetate.config import Config, load
from acetate.context import in_ci
from acetate.errors import Refused, SecretFound, UsageError
from acetate.files import write_atomic
from acetate.foreign import read_foreign
from acetate.project import Project
from acetate.redaction import redact
from acetate.report.wording import counted
from acetate.secret import check_clean

__all__ = ["import_files", "init"]

_SHOWN = 10
_CONFIG = """\
# Acetate: contract testing for backends that stand on LLM APIs.
# Everything works without this file. Take the `#` away from what you want to change.

# What this project is called in reports and at the service. Default: the folder's name.
# project = {project}

# Where recordings lie.
# cassettes = ["cassettes/**", "tests/**/cassettes/**"]

# Requests match on method, path, query and body. A part of a prompt that changes every day is masked like this:
# [match]
# mask = [{{path = "$.messages[].content", regex = '\\d{{4}}-\\d\\d-\\d\\d'}}]

# What is a secret here, besides what always is (API keys, cookies, tokens):
# [redact]
# fields = ["account_number"]

# How bad a kind of change is here; `acetate explain` lists all kinds.
# [severity]
# optional-field-removed = "info"
"""
_WORKFLOW = ".github/workflows/acetate.yml"
_WORKFLOW_TEXT = """\
# Acetate: replay only. No key is needed: everything is compared with what is in the repository.
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
          fetch-depth: 0 # `--against` needs the base branch
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - run: pip install acetate
      - name: Recordings against what is approved
        run: acetate check --format github --report json=acetate.json --report junit=acetate.xml
      - name: What this pull request changes in what is approved
        if: always() && github.event_name == 'pull_request'
        run: acetate check --against "origin/$GITHUB_BASE_REF" --format github --report "markdown=$GITHUB_STEP_SUMMARY"
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
    config = load(root, root)
    if config.file is None:
        print(_made(root, "acetate.toml", _CONFIG.format(project=json.dumps(root.name))))
    else:
        print(f"kept     {config.file.relative_to(root).as_posix()}")
    for folder in _folders(config):
        print(_made(root, f"{folder}/.gitkeep", "") if not (root / folder).is_dir() else f"kept     {folder}/")
    print(_appended(root / ".gitignore", "Acetate: staged recordings, caches, undo. Safe to delete.", [".acetate/"]))
    print(_appended(root / ".gitattributes", "Acetate: kept byte for byte on every machine.", _attributes(config)))
    if arguments.workflow or (root / _WORKFLOW).exists():
        print(_made(root, _WORKFLOW, _WORKFLOW_TEXT))
    else:
        print(f"offered  {_WORKFLOW}: acetate init --workflow")
    print("\nnext: record with `pytest --record-mode=once`, or `acetate import FILE`; then `acetate check`")
    return 0


def import_files(arguments: argparse.Namespace) -> int:
    """Write a cassette for each foreign file: all of them, or none. What is there already is not touched."""
    project = writable(arguments, "import")
    planned: dict[Path, tuple[str, Cassette]] = {}
    left_out: dict[str, tuple[int, ...]] = {}
    for name in arguments.files:
        cassette, left_out[name] = _imported(project, Path(name), project.root / arguments.into)
        other = planned.setdefault(cassette.path, (name, cassette))[0]
        if other != name:
            raise UsageError(
                f"would become the same cassette as {other}: {cassette.name}",
                where=name,
                next="import one of them with --into ANOTHER_FOLDER",
            )
    for name, cassette in planned.values():
        cassette.save()
        where = cassette.path.relative_to(project.root).as_posix()
        print(f"{name} -> {where}: {counted(len(cassette.exchanges), 'exchange')}")
        if numbers := left_out[name]:
            which = ", ".join(map(str, numbers[:_SHOWN])) + (", ..." if len(numbers) > _SHOWN else "")
            print(f"  left out {counted(len(numbers), 'call')} without an answer: entry {which}")
    found = {file.name for file in project.cassettes()}
    apart = any(cassette.name not in found for _, cassette in planned.values())
    if apart:
        print(f"\n`cassettes` of the configuration does not cover {arguments.into}: add it, or name it each time")
    print(f"\nnext: acetate check{f' {quote(arguments.into)}' if apart else ''}")
    return 0


def _imported(project: Project, path: Path, folder: Path) -> tuple[Cassette, tuple[int, ...]]:
    """The cassette of one foreign file, redacted and not yet written, and which entries are not in it."""
    target = folder.resolve() / f"{path.name.removesuffix(path.suffix)}.yaml"
    cassette = Cassette(target, project.root)
    for there in (target, target.with_suffix(".yml")):
        if there.exists():
            raise UsageError("is there already", where=str(there), next="remove it first, or use --into DIR")
    foreign = read_foreign(path)
    for number, exchange in enumerate(foreign.exchanges):
        clean = redact(exchange, project.redaction)
        try:
            check_clean(clean, project.redaction)
        except SecretFound as error:
            raise SecretFound(
                error.problem, where=f"{path}, exchange {number}, {error.where}", next=error.next
            ) from None
        cassette.append(clean)
    if not cassette.exchanges:
        raise UsageError("holds no exchange", where=str(path), next="export it again, with its requests and responses")
    return cassette, foreign.unanswered


def _folders(config: Config) -> Iterator[str]:
    """The folders that the configuration names, as far as it names them."""
    for pattern in config.cassettes:
        folder = pattern.removesuffix("/**")
        if not any(character in folder for character in "*?["):
            yield folder
    yield config.contracts
    yield config.snapshots


def _attributes(config: Config) -> list[str]:
    """A line end that git rewrites would spend every approval. Big files are folded away in a pull request, not the
    snapshots: those are what one reads."""
    return [
        *(f"{pattern} -text linguist-generated" for pattern in config.cassettes),
        f"{config.contracts}/** -text linguist-generated",
        f"{config.snapshots}/** -text",
    ]


def _made(root: Path, name: str, content: str) -> str:
    if (root / name).exists():
        return f"kept     {name}"
    write_atomic(root / name, content.encode())
    return f"written  {name}"


def _appended(path: Path, comment: str, lines: list[str]) -> str:
    """The lines that a file lacks, at its end."""
    there = path.read_bytes() if path.exists() else b""
    known = {line.strip() for line in there.decode("utf-8", "replace").splitlines()}
    missing = [line for line in lines if line not in known]
    if not missing:
        return f"kept     {path.name}"
    start = "" if not there else "\n" if there.endswith(b"\n") else "\n\n"
    write_atomic(path, there + "\n".join([f"{start}# {comment}", *missing, ""]).encode())
    return f"written  {path.name}"
