"""`acetate adopt` as a user types it."""

from __future__ import annotations

import json
import shutil
import tomllib

import pytest

from acetate.config import load
from tests.toolkit.tapes import asked, tape


@pytest.fixture
def suite(sandbox):
    """A suite with one of everything."""
    project = sandbox.project()
    tests = sandbox.root / "tests"
    tests.mkdir()
    (tests / "conftest.py").write_text(
        "import pytest\n"
        "@pytest.fixture\n"
        "def vcr_config():\n"
        "    return {\n"
        "        'filtered_headers': ['x-tenant'],\n"
        "        'filter_headers': ['x-tenant'],\n"
        "        'match_on': ['method', 'uri'],\n"
        "        'record_mode': 'once',\n"
        "        'before_record_request': str,\n"
        "        'allow_playback_repeats': True,\n"
        "    }\n"
    )
    (tests / "test_chat.py").write_text("def test_hello(): ...\n")
    folder = "tests/cassettes/test_chat"
    tape(project, f"{folder}/test_hello", asked("a", "1"), asked("b", "2"), asked("b", "2"))
    path = tape(project, f"{folder}/test_gone", asked("a", "1"))
    path.write_text(path.read_text().replace("content-type:\n      - application/json", "cookie:\n      - me=you", 1))
    (tests / "cassettes" / "old.har").write_text("{}")
    (tests / "cassettes" / "bad.yaml").write_text("interactions: [")
    return sandbox


def test_the_table_counts_what_would_change(run, suite):
    done = run("adopt")
    assert done.code == 0
    assert done.out.startswith("sandbox  3 cassettes, 4 exchanges, 2 test files; nothing was written\n")
    rows = dict(line.strip().split("  ", 1) for line in done.out.split("\n\n")[1].splitlines()[1:])
    assert {name: counts.split() for name, counts in rows.items()} == {
        "answered by another body": ["1", "3"],
        "stacked": ["1", "2"],
        "secrets": ["1", "1"],
        "orphans": ["1"],
        "misspelt options": ["1"],
        "goes live": ["1"],
        "body left out": ["1"],
        "your own code": ["1"],
        "not read": ["1"],
        "other formats": ["1"],
    }


def test_each_finding_says_where_and_what_to_do(run, suite):
    out = run("adopt").out
    for line in (
        "  tests/conftest.py:5  `filtered_headers` is no option: vcrpy drops it without a word\n",
        "  next: write `filter_headers`\n",
        "  tests/cassettes/test_chat/test_hello  3 requests, 2 bodies: POST api.together.xyz/v1/chat/completions\n",
        "  request.headers.cookie  1 cassette; first tests/cassettes/test_chat/test_gone\n",
        "  tests/cassettes/test_chat/test_gone.yaml  there is no test_gone in tests/test_chat.py\n",
        "  acetate check                                   from now on, here and in CI\n",
    ):
        assert line in out


def test_the_configuration_that_it_prints_can_be_pasted(run, suite, tmp_path_factory):
    printed = run("adopt").out.partition("so that nothing is lost on the way:\n")[2]
    text = "".join(line.strip() + "\n" for line in printed.splitlines())
    assert tomllib.loads(text) == {"repeats": "last", "redact": {"headers": ["x-tenant"]}}
    folder = tmp_path_factory.mktemp("pasted")
    (folder / "acetate.toml").write_text(text)
    assert load(folder, folder).repeats == "last"


def test_nothing_is_written(run, suite, files):
    shutil.rmtree(suite.root / ".acetate")
    before = files()
    run("adopt")
    assert files() == before
    assert not (suite.root / ".acetate").exists()


def test_it_looks_in_ci_too(run, suite, monkeypatch):
    monkeypatch.setenv("CI", "1")
    assert run("adopt").code == 0


def test_a_suite_without_anything_to_change_is_short(run, sandbox):
    tape(sandbox.project(), "cassettes/one", asked("a", "1"))
    assert run("adopt").out == (
        "sandbox  1 cassette, 1 exchange, 0 test files; nothing was written\n\n"
        "TO BURN IT DOWN  in this order; every step can be taken alone\n"
        "  acetate init                                    configuration, folders, git files\n"
        '  acetate accept --all --reason "first baseline"  what is recorded now is approved\n'
        "  acetate check                                   from now on, here and in CI\n"
    )


def test_without_cassettes_it_says_what_to_type(run, sandbox):
    assert run("adopt").out.endswith("no cassette was found: acetate adopt DIR, or acetate import FILE\n")


def test_of_many_the_first_are_shown(run, sandbox):
    for number in range(9):
        tape(sandbox.project(), f"cassettes/{number}", asked("a", "1"), asked("a", "1"))
    out = run("adopt").out
    assert "  cassettes/7  one request 2 times" in out
    assert "cassettes/8" not in out
    assert "  and 1 more: acetate adopt --format json\n" in out


def test_a_long_place_stands_in_a_line_of_its_own(run, sandbox):
    name = f"cassettes/{'long' * 20}"
    tape(sandbox.project(), name, asked("a", "1"), asked("a", "1"))
    assert f"  {name}\n    one request 2 times, with the same answer\n" in run("adopt").out


def test_paths_narrow_it(run, suite):
    assert "1 cassette, 3 exchanges" in run("adopt", "tests/cassettes/test_chat/test_hello.yaml").out


@pytest.mark.parametrize("path", ["nowhere", ".."])
def test_a_path_that_is_not_there_is_an_error(run, suite, path):
    done = run("adopt", path)
    assert done.code == 2
    assert "there is no such file or folder" in done.err


def test_json_says_the_same(run, suite):
    document = json.loads(run("adopt", "--format", "json").out)
    assert document["schema"] == "acetate.adopt/1"
    assert (document["cassettes"], document["exchanges"], document["sources"]) == (3, 4, 2)
    assert {each["kind"] for each in document["findings"]} >= {"another-body", "stacked", "secret", "orphan"}
    assert document["settings"] == {"repeats": "last", "redact.headers": ["x-tenant"]}
