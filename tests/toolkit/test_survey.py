"""Survey: what would change for an existing suite, found without running or writing anything."""

from __future__ import annotations

import itertools
import shutil

import pytest
from vcr import matchers
from vcr.persisters.filesystem import FilesystemPersister
from vcr.serializers import yamlserializer

from acetate.survey import survey
from tests.toolkit.tapes import asked, tape

TESTS = "def test_hello(): ...\n"


def looked_at(sandbox, *paths):
    return survey(sandbox.project(), paths, lambda results, total: results)


def findings(sandbox, kind):
    return [(each.where, each.what) for each in looked_at(sandbox).of(kind)]


@pytest.fixture
def conftest(sandbox):
    def conftest(config):
        (sandbox.root / "tests").mkdir(exist_ok=True)
        (sandbox.root / "tests" / "conftest.py").write_text(f"def vcr_config():\n    return {config}\n")

    return conftest


# Cassettes


def test_requests_that_differ_only_in_their_body_are_counted_and_named(sandbox):
    tape(sandbox.project(), "cassettes/one", asked("a", "1"), asked("b", "2"), asked("b", "3"))
    found = looked_at(sandbox)
    assert [(each.where, each.what, each.exchanges) for each in found.of("another-body")] == [
        ("cassettes/one", "3 requests, 2 bodies: POST api.together.xyz/v1/chat/completions", 3)
    ]
    assert (found.cassettes, found.exchanges) == (1, 3)


def test_one_request_alone_needs_no_other_body(sandbox):
    tape(sandbox.project(), "cassettes/one", asked("a", "1"))
    tape(sandbox.project(), "cassettes/two", asked("b", "1"))
    assert looked_at(sandbox).findings == []


@pytest.mark.parametrize(("second", "said"), [("1", "the same answer"), ("2", "2 different answers")])
def test_the_same_request_twice_is_stacked(sandbox, second, said):
    tape(sandbox.project(), "cassettes/one", asked("a", "1"), asked("a", second))
    assert findings(sandbox, "stacked") == [("cassettes/one", f"one request 2 times, with {said}")]


def test_secrets_are_named_by_their_place_and_never_by_their_value(sandbox):
    path = tape(sandbox.project(), "cassettes/one", asked("a", "1"))
    key = "tgp_v1_" + "Zx9" * 12
    text = path.read_text().replace(
        "content-type:\n      - application/json", f"authorization:\n      - Bearer {key}", 1
    )
    path.write_text(text.replace("/v1/chat/completions", f"/v1/chat/completions?api_key={key}"))
    (finding,) = looked_at(sandbox).of("secret")
    assert (finding.where, finding.exchanges) == ("cassettes/one", 1)
    assert "request.headers.authorization" in finding.what
    assert "request.uri" in finding.what
    assert key not in str(looked_at(sandbox).as_json())


def test_a_secret_in_a_body_is_named(sandbox):
    path = tape(sandbox.project(), "cassettes/one", asked("a", "1"))
    path.write_text(path.read_text().replace('{"model": "m",', '{"api_key": "Zx9Zx9Zx9Zx9Zx9Zx9", "model": "m",', 1))
    (finding,) = looked_at(sandbox).of("secret")
    assert finding.what.startswith("request.body")


def test_what_only_a_pattern_of_the_project_calls_secret_is_named_too(sandbox):
    tape(sandbox.project(), "cassettes/one", asked("a", "1"))
    (sandbox.root / "acetate.toml").write_text("redact.patterns = ['assist(ant)']\n")
    (finding,) = looked_at(sandbox).of("secret")
    assert finding.what == "response.body"


def test_a_link_that_leads_nowhere_is_no_cassette(sandbox):
    (sandbox.root / "gone.yaml").symlink_to(sandbox.root / "nowhere.yaml")
    assert looked_at(sandbox).findings == []


def test_only_sources_that_are_tests_or_speak_of_vcrpy_are_read(sandbox):
    for name, text in (("app.py", "x = 1"), ("tool.py", "import vcr"), ("test_a.py", ""), ("b_test.py", "")):
        (sandbox.root / name).write_text(text)
    assert looked_at(sandbox).sources == 3


def test_a_cassette_that_cannot_be_read_is_named_with_its_cure(sandbox):
    (sandbox.root / "cassettes").mkdir()
    (sandbox.root / "cassettes" / "bad.yaml").write_text("interactions: [")
    (finding,) = looked_at(sandbox).of("not-read")
    assert finding.where.startswith("cassettes/bad.yaml")
    assert "git checkout" in finding.next


def test_a_cassette_in_cassetters_own_format_is_read(sandbox):
    (sandbox.root / "cassettes").mkdir()
    (sandbox.root / "cassettes" / "one.yaml").write_text(
        """\
version: 1
interactions:
- request:
    method: POST
    uri: https://api.together.xyz/v1/chat/completions
    headers: {}
    body:
      type: json
      content:
        model: m
  response:
    status: 200
    headers: {}
    body:
      type: json
      content:
        id: x
  recorded_at: '2026-01-01T00:00:00Z'
"""
    )
    assert looked_at(sandbox).exchanges == 1
    assert findings(sandbox, "not-read") == []


def test_files_of_other_recorders_are_named(sandbox):
    folder = sandbox.root / "cassettes"
    folder.mkdir()
    (folder / "a.har").write_text("{}")
    (folder / "b.json").write_text("{}")
    (sandbox.root / "far.json").write_text('{"interactions": []}')
    (sandbox.root / "package.json").write_text("{}")
    assert findings(sandbox, "foreign") == [
        ("far.json", "JSON"),
        ("cassettes/a.har", "HAR"),
        ("cassettes/b.json", "JSON"),
    ]


def test_cassettes_that_the_configuration_does_not_cover_are_found_and_named_in_the_settings(sandbox):
    tape(sandbox.project(), "src/_vcr/test_a/one", asked("a", "1"))
    tape(sandbox.project(), "records/two", asked("a", "1"))
    (sandbox.root / "compose.yaml").write_text("services: {}\n")
    found = looked_at(sandbox)
    assert found.cassettes == 2
    assert found.settings == {"cassettes": ["cassettes/**", "tests/**/cassettes/**", "records/**", "src/_vcr/**"]}


def test_folders_of_other_peoples_packages_are_left_out(sandbox):
    tape(sandbox.project(), "venv/lib/one", asked("a", "1"))
    tape(sandbox.project(), ".tox/one", asked("a", "1"))
    assert looked_at(sandbox).cassettes == 0


def test_paths_narrow_the_look(sandbox):
    tape(sandbox.project(), "cassettes/a/one", asked("a", "1"), asked("a", "1"))
    tape(sandbox.project(), "cassettes/b/two", asked("a", "1"))
    tape(sandbox.project(), "cassettes/b2/three", asked("a", "1"))
    assert looked_at(sandbox, "cassettes/b").cassettes == 1
    assert looked_at(sandbox, "cassettes/a/one.yaml").cassettes == 1
    assert looked_at(sandbox, ".").cassettes == 3


def test_nothing_is_written(sandbox):
    tape(sandbox.project(), "cassettes/one", asked("a", "1"))
    shutil.rmtree(sandbox.root / ".acetate")
    before = sorted(sandbox.root.rglob("*"))
    looked_at(sandbox)
    assert sorted(sandbox.root.rglob("*")) == before


# Orphans


@pytest.fixture
def module(sandbox):
    def module(source, name="test_chat.py"):
        (sandbox.root / "tests").mkdir(exist_ok=True)
        (sandbox.root / "tests" / name).write_text(source)

    return module


def test_a_cassette_of_a_test_that_is_not_there_is_an_orphan(sandbox, module):
    module(TESTS)
    tape(sandbox.project(), "tests/cassettes/test_chat/test_hello[a]", asked("a", "1"))
    tape(sandbox.project(), "tests/cassettes/test_chat/test_gone[a]", asked("a", "1"))
    tape(sandbox.project(), "tests/cassettes/test_old/test_hello", asked("a", "1"))
    assert findings(sandbox, "orphan") == [
        ("tests/cassettes/test_chat/test_gone[a].yaml", "there is no test_gone in tests/test_chat.py"),
        ("tests/cassettes/test_old/test_hello.yaml", "there is no tests/test_old.py"),
    ]


def test_a_cassette_that_a_test_names_is_no_orphan(sandbox, module):
    module("def test_hello(): return 'test_shared.yaml'\n")
    tape(sandbox.project(), "tests/cassettes/test_chat/test_shared", asked("a", "1"))
    assert findings(sandbox, "orphan") == []


def test_a_test_that_a_class_inherits_has_its_cassette(sandbox, module):
    module("from base import Base\nclass TestA(Base): ...\n")
    module("class Base:\n    def test_shared(self): ...\n", "test_base.py")
    tape(sandbox.project(), "tests/cassettes/test_chat/TestA.test_shared", asked("a", "1"))
    tape(sandbox.project(), "tests/cassettes/test_chat/TestA.test_gone", asked("a", "1"))
    assert [where for where, _ in findings(sandbox, "orphan")] == ["tests/cassettes/test_chat/TestA.test_gone.yaml"]


def test_a_module_that_was_not_looked_into_makes_no_orphan(sandbox, module):
    module("def (:")
    tape(sandbox.project(), "tests/cassettes/test_chat/test_hello", asked("a", "1"))
    assert findings(sandbox, "orphan") == []
    assert looked_at(sandbox, "tests/cassettes").of("orphan") == []


# Options


def test_a_misspelt_option_is_told_with_the_one_that_was_meant(sandbox, conftest):
    conftest({"filtered_headers": ["x"], "nonsense": 1})
    assert [(each.where, each.what, each.next) for each in looked_at(sandbox).findings] == [
        (
            "tests/conftest.py:2",
            "`filtered_headers` is no option: vcrpy drops it without a word",
            "write `filter_headers`",
        ),
        ("tests/conftest.py:2", "`nonsense` is no option: vcrpy drops it without a word", "take it out"),
    ]


@pytest.mark.parametrize(("mode", "live"), [("once", True), ("new_episodes", True), ("none", False)])
def test_a_mode_that_records_goes_live(sandbox, conftest, mode, live):
    conftest({"record_mode": mode})
    assert bool(findings(sandbox, "live-mode")) is live


@pytest.mark.parametrize(("match_on", "wrong"), [(["method", "uri"], True), (["method", "body"], False), (None, False)])
def test_a_match_without_the_body_is_told(sandbox, conftest, match_on, wrong):
    conftest({"match_on": match_on})
    assert bool(findings(sandbox, "match-without-body")) is wrong


@pytest.mark.parametrize(("option", "own"), [("'before_record_request': scrub", True), ("'serializer': 'yaml'", False)])
def test_code_of_the_projects_own_is_told_as_honoured(sandbox, conftest, option, own):
    conftest(f"{{{option}}}")
    assert bool(findings(sandbox, "project-code")) is own


def test_what_vcrpy_filters_and_acetate_would_not_becomes_a_setting(sandbox, conftest):
    conftest(
        {
            "filter_headers": ["authorization", ("x-tenant", "somebody")],
            "filter_query_parameters": ["key", "account", 3, ()],
            "filter_post_data_parameters": ["client_secret", "iban"],
            "allow_playback_repeats": True,
        }
    )
    assert looked_at(sandbox).settings == {
        "repeats": "last",
        "redact.headers": ["x-tenant"],
        "redact.query": ["account"],
        "redact.fields": ["iban"],
    }


def test_filters_that_are_not_written_out_become_no_setting(sandbox, conftest):
    conftest("{'filter_headers': secret_headers()}")
    assert looked_at(sandbox).settings == {}


# Other people's recordings


def taken_for_one(path):
    """True if stock vcrpy, by its own matchers, takes two requests of a cassette for one whose bodies differ."""
    requests, *_ = FilesystemPersister.load_cassette(path, yamlserializer)
    stock = [getattr(matchers, name) for name in ("method", "scheme", "host", "port", "path", "query")]
    return any(
        matchers.requests_match(one, other, stock) and not matchers.requests_match(one, other, [matchers.body])
        for one, other in itertools.combinations(requests, 2)
    )


def test_what_is_answered_by_another_body_is_what_stock_vcrpy_takes_for_one(sandbox, real_cassettes):
    shutil.copytree(real_cassettes, sandbox.root / "tests" / "cassettes", copy_function=shutil.copyfile)
    found = looked_at(sandbox)
    assert found.of("not-read") == []
    assert found.cassettes == len(list(real_cassettes.rglob("*.y*ml")))
    named = {each.where for each in found.of("another-body")}
    compared = 0
    for file in sandbox.project().cassettes():
        try:
            stock = taken_for_one(sandbox.root / file.path)
        except (KeyError, TypeError, ValueError):
            continue  # not of vcrpy's own version 1
        compared += 1
        assert stock is (file.name in named), file.name
    assert compared > found.cassettes / 2
    assert len(named) > 10
