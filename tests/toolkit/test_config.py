"""Config: found upwards, read, checked; without any file everything has a default."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from acetate.config import KEYS, Config, Key, Match, Redact, load
from acetate.errors import ConfigError
from acetate.kind import KINDS, severity
from acetate.profile import profiles
from acetate.provider import Providers, operation


def said(folder: Path, text: str) -> Config:
    (folder / "acetate.toml").write_text(text, encoding="utf-8")
    return load(folder)


def refused(folder: Path, text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        said(folder, text)
    return caught.value


# --- where it is found ---


def test_without_any_file_everything_has_a_default(tmp_path: Path) -> None:
    config = load(tmp_path)
    assert config.root == tmp_path
    assert config.file is None
    assert config.project == tmp_path.name
    assert config.cassettes == ("cassettes/**", "tests/**/cassettes/**")
    assert (config.contracts, config.snapshots, config.repeats) == ("contracts", "snapshots", "error")
    assert (config.match, config.redact, config.severity) == (Match(), Redact(), {})
    assert config.providers == profiles()


def test_the_nearest_file_upwards_names_the_root(tmp_path: Path) -> None:
    inner = tmp_path / "service"
    (inner / "tests").mkdir(parents=True)
    (tmp_path / "acetate.toml").write_text('project = "outer"')
    (inner / "pyproject.toml").write_text('[tool.acetate]\nproject = "inner"')
    assert load(inner / "tests").root == inner
    assert load(inner / "tests").project == "inner"
    assert load(tmp_path).project == "outer"


def test_a_pyproject_of_other_tools_is_passed_by(tmp_path: Path) -> None:
    inner = tmp_path / "service"
    inner.mkdir()
    (tmp_path / "acetate.toml").write_text("")
    (inner / "pyproject.toml").write_text('[project]\ndependencies = ["acetate"]')
    config = load(inner)
    assert (config.root, config.file) == (tmp_path, tmp_path / "acetate.toml")


def test_a_pyproject_that_does_not_speak_of_acetate_need_not_even_be_toml(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("<<<<<<< HEAD")
    assert load(tmp_path).file is None


@pytest.mark.parametrize("mark", [".git", "pyproject.toml", "cassettes"])
def test_without_a_file_the_root_is_the_nearest_folder_that_looks_like_one(tmp_path: Path, mark: str) -> None:
    inner = tmp_path / "tests" / "unit"
    inner.mkdir(parents=True)
    if mark == "pyproject.toml":
        (tmp_path / mark).write_text("")
    else:
        (tmp_path / mark).mkdir()
    assert load(inner).root == tmp_path


def test_an_explicit_root_is_the_root_whatever_lies_above(tmp_path: Path) -> None:
    (tmp_path / "acetate.toml").write_text('project = "outer"')
    inner = tmp_path / "service"
    inner.mkdir()
    config = load(tmp_path, inner)
    assert (config.root, config.file, config.project) == (inner, None, "service")


def test_an_explicit_root_is_read(tmp_path: Path) -> None:
    (tmp_path / "acetate.toml").write_text('project = "chat"')
    assert load(Path("/"), tmp_path).project == "chat"


def test_an_explicit_root_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no folder"):
        load(tmp_path, tmp_path / "nowhere")


def test_two_files_for_one_project_are_refused(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.acetate]")
    assert "both configure" in refused(tmp_path, "").problem


def test_an_empty_table_is_a_configuration(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.acetate]")
    inner = tmp_path / "tests"
    inner.mkdir()
    assert load(inner).file == tmp_path / "pyproject.toml"


# --- what it says ---


def test_everything_that_can_be_said_is_heard(tmp_path: Path) -> None:
    config = said(
        tmp_path,
        r"""
        project = "chat"
        cassettes = ["recordings/**"]
        contracts = "api/contracts/"
        snapshots = "api/snapshots"
        repeats = "last"

        [match]
        headers = ["x-tenant"]
        ignore = ["$.metadata.trace_id", '$["odd key"][]']
        mask = [{path = "$.messages[].content", regex = '\d{4}-\d\d-\d\d'}]

        [redact]
        headers = ["x-tenant-key"]
        fields = ["ssn"]
        query = ["k"]
        patterns = ['EMP-\d+']
        allow = ["response.body $.data[].key"]

        [severity]
        field-added = "none"
        enum-value-added = {consume = "info", provide = "error"}
        """,
    )
    assert (config.project, config.cassettes, config.repeats) == ("chat", ("recordings/**",), "last")
    assert (config.contracts, config.snapshots) == ("api/contracts", "api/snapshots")
    assert config.match.headers == ("x-tenant",)
    assert config.match.ignore == ("$.metadata.trace_id", '$["odd key"][]')
    assert config.match.mask == (("$.messages[].content", re.compile(r"\d{4}-\d\d-\d\d")),)
    assert config.redact == Redact(("x-tenant-key",), ("ssn",), ("k",), (r"EMP-\d+",), ("response.body $.data[].key",))


def test_a_level_holds_for_both_edges_or_for_one(tmp_path: Path) -> None:
    config = said(tmp_path, '[severity]\nfield-added = "none"\nenum-value-added = {consume = "info"}')
    assert severity("field-added", "provide", config.severity) == "none"
    assert severity("enum-value-added", "consume", config.severity) == "info"
    assert severity("enum-value-added", "provide", config.severity) == KINDS["enum-value-added"].provide


def test_a_built_in_provider_is_added_to(tmp_path: Path) -> None:
    config = said(
        tmp_path,
        """
        [providers.together]
        aliases = ["llm.example"]
        base_urls = ["http://localhost:9000/v1"]
        [providers.together.rules]
        text = ["$..model"]
        [providers.together.rules_for."chat.completions"]
        enum = ["$.choices[].matched_stop"]
        """,
    )
    together = config.providers["together"]
    assert together.rules["$..model"] == "text"
    assert next(route for route in together.routes if route.name == "chat.completions").rules
    providers = Providers(config.providers, {})
    for uri in (
        "https://llm.example/v1/models",
        "http://localhost:9000/v1/models",
        "https://api.together.xyz/v1/models",
    ):
        assert providers.identify(uri) == (together, "/models", "https://api.together.ai/v1/models")


def test_a_new_provider_looks_openai_compatible_by_itself(tmp_path: Path) -> None:
    config = said(tmp_path, '[providers.groq]\naliases = ["api.groq.com"]')
    provider, path, _ = Providers(config.providers, {}).identify("https://api.groq.com/openai/v1/chat/completions")
    assert str(operation(provider, "POST", path)) == "groq:chat.completions"


def test_a_new_provider_may_be_like_another(tmp_path: Path) -> None:
    config = said(
        tmp_path, '[providers.crm]\nlike = "generic"\naliases = ["crm.example"]\noperations = ["find GET /f"]'
    )
    crm = config.providers["crm"]
    assert crm.rules == profiles()["generic"].rules
    assert operation(crm, "GET", "/f").name == "find"


def test_a_provider_of_the_user_wins_where_two_claim_one_host(tmp_path: Path) -> None:
    config = said(tmp_path, '[providers.mine]\naliases = ["api.openai.com"]')
    assert Providers(config.providers, {}).identify("https://api.openai.com/v1/models").provider.name == "mine"


def test_the_name_of_a_host_can_be_configured(tmp_path: Path) -> None:
    config = said(tmp_path, '[providers."api.groq.com"]\naliases = ["api.groq.com"]')
    assert config.providers["api.groq.com"].aliases == ("api.groq.com",)


def test_the_digest_tells_two_configurations_apart(tmp_path: Path) -> None:
    one = said(tmp_path, 'repeats = "last"').digest
    assert said(tmp_path, "# the same\nrepeats   = 'last'").digest == one
    assert said(tmp_path, 'repeats = "error"').digest != one


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    assert said(tmp_path, '\ufeffproject = "chat"').project == "chat"


# --- what is refused ---


@pytest.mark.parametrize(
    ("text", "problem", "advice"),
    [
        ('projekt = "x"', "`projekt` is not a key", "`project`"),
        ('[match]\nignor = ["$.a"]', "`match.ignor` is not a key", "`match.ignore`"),
        ('ignore = ["$.a"]', "`ignore` is not a key", "`match.ignore`"),
        ('zzz = "a"', "`zzz` is not a key", "there are `app`"),
        ("match = 3", "`match` must be a table", "`[match]`"),
        ("project = 3", "`project` must be a text", '"…"'),
        ('project = " "', "`project` must be a text", '"…"'),
        ('cassettes = "a"', "`cassettes` must be a list of texts", '["…"]'),
        ("cassettes = [1]", "`cassettes` must be a list of texts", '["…"]'),
        ('cassettes = ["../ext/**"]', "`cassettes` must be globs below the root", "--root"),
        ('cassettes = ["/ext/**"]', "`cassettes` must be globs below the root", '["cassettes/**"]'),
        ('contracts = "snapshots"', "`contracts` and `snapshots` lie in each other", 'contracts = "contracts"'),
        ('snapshots = "contracts/snapshots"', "lie in each other", 'snapshots = "snapshots"'),
        ('contracts = "../x"', "`contracts` must be a folder below", '"contracts"'),
        ('contracts = "/x"', "`contracts` must be a folder below", '"contracts"'),
        ('contracts = "."', "`contracts` must be a folder below", '"contracts"'),
        (r"contracts = 'a\b'", "`contracts` must be a folder below", '"contracts"'),
        ('repeats = "lst"', "`repeats` must be one of two", '"last"'),
        ('[match]\nignore = ["$.a[x]"]', "`match.ignore` has a path", "$.messages[0].content"),
        ('[match]\nignore = ["a"]', "`match.ignore` has a path", "$.messages[0].content"),
        ('[match]\nmask = {path = "$.a", regex = "x"}', "`match.mask` must be a list of masks", "path ="),
        ('[match]\nmask = [{path = "$.a"}]', "`match.mask` must be a list of masks", "path ="),
        ('[match]\nmask = [{path = "$.a", regex = 3}]', "`match.mask` must be a list of masks", "path ="),
        ('[match]\nmask = [{path = "a", regex = "x"}]', "`match.mask` has a path", "$.messages[0].content"),
        ('[match]\nmask = [{path = "$.a", regex = "("}]', "`match.mask` has a regular expression", "single quotes"),
        ('[redact]\npatterns = ["("]', "`redact.patterns` has a regular expression", "single quotes"),
        ('[severity]\nfield-remved = "warn"', "`field-remved` is no kind", "`field-removed`"),
        ('[severity]\nfield-removed = "eror"', "`severity.field-removed` must be a level", "`error`"),
        ("[severity]\nfield-removed = 3", "`severity.field-removed` must be a level", "`error`"),
        ('[severity]\nfield-removed = {consumer = "warn"}', "must be set for edges that exist", "`consume`"),
        ('[severity]\nfield-removed = {consume = "fatal"}', "`severity.field-removed` must be a level", "`warn`"),
        ('[providers.Groq]\naliases = ["a.b"]', "`Groq` cannot name a provider", "small letters"),
        ('[providers."a/b"]\naliases = ["a.b"]', "`a/b` cannot name a provider", "small letters"),
        ("[providers]\ngroq = 3", "`providers.groq` must be a table", "`[providers.groq]`"),
        ('[providers."a.b"]\nalias = ["x"]', '`providers."a.b".alias` is not a key', '`providers."a.b".aliases`'),
        ('[providers.groq]\nlike = "open-ai"', "`providers.groq.like` must be a built-in profile", "`openai`"),
        ("[providers.groq]\nlike = []", "`providers.groq.like` must be a built-in profile", "there are"),
        ("[providers.groq]\nany_base = 1", "`providers.groq.any_base` must be true or false", "`true`"),
        ('[providers.groq]\noperations = ["x y"]', "`providers.groq`: `x y` is not an operation", "correct it"),
        ('[providers.groq]\nrules = ["$..a"]', "`providers.groq.rules` must be a table of rules", "enum"),
        ('[providers.groq.rules]\nenums = ["$..a"]', "`providers.groq.rules` has no rule `enums`", "`enum`"),
        ('[providers.groq.rules]\nenum = "$..a"', "`providers.groq.rules` must be a list of texts", '["…"]'),
        ('[providers.groq.rules]\nenum = ["$..a.b"]', "`providers.groq`: `$..a.b` is not a path", "correct it"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(tmp_path: Path, text: str, problem: str, advice: str) -> None:
    error = refused(tmp_path, text)
    assert problem in error.problem
    assert advice in error.next
    assert error.where == str(tmp_path / "acetate.toml")


@pytest.mark.parametrize(
    ("content", "problem", "where"),
    [
        (b'a = 1\n<<<<<<< HEAD\nproject = "a"\n=======\n', "merge conflict", "acetate.toml:2"),
        (b'project = "a"\n>>>>>>> main\n', "merge conflict", "acetate.toml:2"),
        (b"\nproject 3\n", "not TOML", "acetate.toml:2"),
        (b"project = [", "not TOML", "acetate.toml, at its end"),
        (b"\n\nproject = '\xff'\n", "not UTF-8", "acetate.toml:3"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_by_line(
    tmp_path: Path, content: bytes, problem: str, where: str
) -> None:
    (tmp_path / "acetate.toml").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path)
    assert problem in caught.value.problem
    assert caught.value.where == str(tmp_path / where)
    assert caught.value.next


def test_tool_acetate_must_be_a_table(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool]\nacetate = 3")
    with pytest.raises(ConfigError, match=re.escape("`tool.acetate` must be a table")):
        load(tmp_path)


def test_a_broken_pyproject_that_speaks_of_acetate_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.acetate]\nproject = ")
    with pytest.raises(ConfigError, match="not TOML"):
        load(tmp_path)


# --- the table of keys ---


def example(key: Key) -> str:
    values = {
        "a text": '"x"',
        "a list of texts": '["x.example"]',
        "a list of globs": '["recordings/**"]',
        "a folder": '"x"',
        '"error" or "last"': '"last"',
        "a list of paths": '["$.x"]',
        "a list of regular expressions": '["x"]',
        "a list of masks": '[{path = "$.x", regex = "x"}]',
        "a level": '"warn"',
        "a profile": '"openai"',
        "true or false": "true",
        "a table of rules": '{enum = ["$.x"]}',
        "an app": '"app.main:app"',
        "an address": '"https://acetate.example.org"',
        "a list of places": '["$.x", "$..y", "GET /items/{id} $.items[].z"]',
    }
    return values[key.type]


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_every_key_can_be_said_and_is_checked(tmp_path: Path, key: Key) -> None:
    name = key.name.replace("severity.*", "severity.field-added").replace("providers.*", "providers.openai")
    name = name.replace("rules_for.*", 'rules_for."chat.completions"')
    value = example(key) if not key.name.endswith("operations") else '["x GET /x"]'
    assert said(tmp_path, f"{name} = {value}").file
    assert refused(tmp_path, f"{name} = 1979-05-27").problem


# What lies under a name of the user's has the profile's default, not one of its own.
DEFAULTS = [key for key in KEYS if key.default is not None and "*" not in key.name]


@pytest.mark.parametrize("key", DEFAULTS, ids=lambda key: key.name)
def test_saying_a_default_changes_nothing(tmp_path: Path, key: Key) -> None:
    default = repr(key.default).replace("'", '"')
    bare, told = load(tmp_path), said(tmp_path, f"{key.name} = {default}")
    ignored = {"file", "digest"}
    fields = set(Config.__dataclass_fields__) - ignored
    assert {name: getattr(bare, name) for name in fields} == {name: getattr(told, name) for name in fields}


def test_every_key_has_a_sentence_for_the_documentation() -> None:
    assert len({key.name for key in KEYS}) == len(KEYS)
    for key in KEYS:
        assert key.doc.rstrip("`}").endswith((".", "first")), key.name


def test_importing_the_configuration_parses_no_toml() -> None:
    code = """
import sys
before = set(sys.modules)
import acetate.config
print(*sorted({"tomllib", "difflib", "importlib.resources"} & (set(sys.modules) - before)))
"""
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env={})
    assert run.stdout.split() == []
