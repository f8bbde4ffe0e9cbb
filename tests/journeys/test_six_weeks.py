"""The whole day six weeks later: the provider has changed, and a developer refreshes a recording. Everything is typed
as a person would: the real pytest and the real `acetate`, in a git repository, against the stand-in."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.standin.server import KEY, Standin

BACKEND = """
from together import Together

MODEL = "meta-llama/Llama-3.3-70B-Instruct-Turbo"
WHOLE = ("eos",)


def answer(question):
    \"\"\"The reply, and whether it is whole.\"\"\"
    client = Together(max_retries=0)
    made = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": question}])
    return made.choices[0].message.content, made.choices[0].finish_reason in WHOLE
"""
TEST = """
import pytest
from backend import answer


@pytest.mark.vcr
def test_a_short_answer_is_whole():
    text, whole = answer("Say hello.")
    assert text
    assert whole
"""
CASSETTE = "cassettes/test_backend/test_a_short_answer_is_whole.yaml"


class Shop:
    """A repository, and a shell in it."""

    def __init__(self, root: Path, environ: dict[str, str]) -> None:
        self.root = root
        self.environ = environ

    def type(self, line: str, code: int = 0, **variables: str) -> str:
        """What a command prints. It must exit so."""
        done = subprocess.run(
            line, shell=True, cwd=self.root, env=self.environ | variables, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, f"$ {line}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_text(text)

    def read(self, name: str) -> str:
        return (self.root / name).read_text()


@pytest.fixture
def provider() -> Iterator[Standin]:
    with Standin() as standin:
        yield standin


@pytest.fixture
def shop(tmp_path: Path, provider: Standin) -> Shop:
    """One test of a backend, recorded, approved and committed."""
    root = tmp_path / "shop"
    root.mkdir()
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    git = {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "Ada Byron"), ("EMAIL", "ada@example.org"))
    }
    environ = os.environ | git | {"PATH": path, "TOGETHER_BASE_URL": provider.url, "TOGETHER_API_KEY": KEY}
    # Not every plugin that happens to be installed here: to load them costs more than to run the test.
    environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    environ["PYTEST_ADDOPTS"] = "-q -p recording -p acetate -p no:cacheprovider --tb=line"
    shop = Shop(root, environ)
    shop.type("git init --quiet --initial-branch=main")
    shop.write("backend.py", BACKEND)
    shop.write("test_backend.py", TEST)
    shop.type("acetate init")
    provider.script(finish_reasons={"stop": "eos"})
    assert "0 replayed, 1 live, 0 missed" in shop.type("python -m pytest --record-mode=once")
    shop.type('acetate accept --all --reason "first baseline"')
    shop.write(".gitignore", shop.read(".gitignore") + "__pycache__/\n")
    shop.type("git add . && git commit --quiet -m baseline")
    return shop


def test_the_day_six_weeks_later(shop: Shop, provider: Standin) -> None:
    provider.script(put={"$.service_tier": "default"})
    shop.type("git switch --quiet --create refresh")

    # The recording is made again. The test is red, which is news, and nothing that is approved has changed.
    said = shop.type("python -m pytest --record-mode=rewrite", code=1)
    assert '$.choices[].finish_reason    "eos" -> "stop"' in said
    assert "$.service_tier    absent -> string" in said
    assert f".acetate/staged/{CASSETTE}   1 exchange: it replaces an approved recording" in said
    assert "0 replayed, 1 live, 0 missed" in said
    assert shop.type("git status --porcelain") == ""
    assert "1 passed" in shop.type("python -m pytest")
    assert shop.type("acetate status").endswith("next: acetate check --staged\n")

    # The code is mended against what is staged, without going live.
    assert "1 replayed, 0 live, 0 missed" in shop.type("python -m pytest --acetate-staged", code=1)
    shop.write("backend.py", shop.read("backend.py").replace('("eos",)', '("eos", "stop")'))
    assert "1 passed" in shop.type("python -m pytest --acetate-staged")

    # Each change is decided, with a reason, as the summary says; the last decision puts the recording into its place.
    staged = shop.type("acetate check --staged", code=1)
    broken = fingerprint(staged, "enum-value-replaced")
    added = fingerprint(staged, "field-added")
    assert f"acetate accept {broken} --staged --reason" in staged
    first = shop.type(f'acetate accept {broken} --reason "the backend takes both"')
    assert "1 change to decide: acetate check --staged" in first
    assert "eos" in shop.read(CASSETTE)
    second = shop.type(f'acetate accept {added} --reason "nobody reads it"')
    assert f"in place  {CASSETTE.removesuffix('.yaml')}" in second
    assert "eos" not in shop.read(CASSETTE)
    assert "1 passed" in shop.type("python -m pytest")
    shop.type("git add . && git commit --quiet -m 'Together says stop'")

    # A reviewer sees what the commit changed, by whom it was approved, and why.
    against = shop.type("acetate check --against main")
    assert re.search(r'approved  "eos".*\n +now +"stop"', against)
    assert "decided   approved: the backend takes both" in against
    assert "decided   approved: nobody reads it" in against
    assert "passed: 0 breaking, 0 to review, 0 harmless, 2 approved, 0 problems" in against

    # CI is green, without a key, without the provider and without a place to reach it at.
    provider.stop()
    for name in ("TOGETHER_BASE_URL", "TOGETHER_API_KEY"):
        del shop.environ[name]
    said = shop.type("python -m pytest", CI="1")
    assert "1 replayed, 0 live, 0 missed" in said
    assert "CHANGED" not in said
    shop.type("acetate check", CI="1")
    assert shop.type("git status --porcelain") == ""


def fingerprint(said: str, kind: str) -> str:
    """That of the one change of a kind, as the text shows it."""
    (found,) = re.findall(rf"^  ([0-9a-f]{{8}})  {kind} ", said, re.MULTILINE)
    return str(found)
