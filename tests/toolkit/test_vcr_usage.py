"""What test files give to vcrpy, read without running them."""

from __future__ import annotations

import inspect
import textwrap

import pytest

from acetate.vcr_usage import HOOKS, OPTIONS, UNWRITTEN, nearest_option, read_usage


def options(source: str) -> list[tuple[str, object, str]]:
    usage = read_usage(textwrap.dedent(source).encode(), "tests/t.py")
    return [(option.name, option.value, option.where) for option in usage.options]


def test_the_dictionary_of_vcr_config_is_read_with_its_lines():
    assert options("""\
        import pytest
        @pytest.fixture(scope="module")
        def vcr_config():
            return {
                "filter_headers": ["authorization"],
                "record_mode": "once",
            }
        """) == [("filter_headers", ["authorization"], "tests/t.py:5"), ("record_mode", "once", "tests/t.py:6")]


@pytest.mark.parametrize(
    "body",
    [
        "return dict(match_on=['uri'])",
        "return CONFIG",
        "return {**CONFIG}",
        "return dict(**CONFIG)",
        "yield CONFIG",
        "return TYPED",
    ],
)
def test_a_dictionary_that_stands_elsewhere_in_the_module_is_found(body):
    said = f"CONFIG = {{'match_on': ['uri']}}\nTYPED: dict = {{'match_on': ['uri']}}\ndef vcr_config():\n    {body}\n"
    assert [(name, value) for name, value, _ in options(said)] == [("match_on", ["uri"])]


@pytest.mark.parametrize("body", ["return make()", "return {key(): 1, 2: 3}", "return UNKNOWN", "return", "pass"])
def test_what_is_not_written_out_is_nothing(body):
    assert options(f"UNKNOWN2: dict\ndef vcr_config():\n    {body}\n") == []


def test_a_name_that_stands_for_itself_ends():
    assert options("A = B\nB = A\ndef vcr_config():\n    return A\n") == []


@pytest.mark.parametrize(
    "call",
    [
        "@pytest.mark.vcr(match_on=['uri'])\ndef test(): ...",
        "pytestmark = [pytest.mark.vcr(match_on=['uri'])]",
        "with vcr.use_cassette('a.yaml', match_on=['uri']): ...",
        "with my_vcr.use_cassette('a.yaml', match_on=['uri']): ...",
        "from vcr import use_cassette\nuse_cassette('a.yaml', match_on=['uri'])",
        "mine = vcr.VCR(match_on=['uri'])",
    ],
)
def test_the_keywords_of_every_way_to_call_vcrpy_are_read(call):
    assert [(name, value) for name, value, _ in options(call)] == [("match_on", ["uri"])]


@pytest.mark.parametrize("call", ["betamax.use_cassette(match_on=1)", "# vcr\nmock(match_on=1)", "f()(match_on=1)"])
def test_other_calls_are_not_vcrpys(call):
    assert options(call) == []


def test_use_cassette_of_a_file_that_never_speaks_of_vcrpy_is_somebody_elses():
    assert options("use_cassette(match_on=['uri'])") == []


@pytest.mark.parametrize(
    ("written", "value"),
    [("RecordMode.NEW_EPISODES", "new_episodes"), ("vcr.mode.NONE", "none"), ("mode()", UNWRITTEN), ("x.y", UNWRITTEN)],
)
def test_a_value_is_a_literal_or_the_name_of_a_mode(written, value):
    assert (
        options(f"vcr.VCR(record_mode={written})")[0][1] is value
        or options(f"vcr.VCR(record_mode={written})")[0][1] == value
    )


def test_functions_texts_and_inheritance_are_kept():
    usage = read_usage(b"class A(Base):\n    async def test_one(self): ...\ndef two(): return 'shared.yaml'\n", "t.py")
    assert (usage.functions, "shared.yaml" in usage.texts, usage.inherits) == ({"test_one", "two"}, True, True)


def test_a_long_text_is_no_name():
    assert read_usage(f"x = '{'a' * 300}'".encode(), "t.py").texts == set()


@pytest.mark.parametrize("source", [b"def (:", b"x = '\x00'", b"\xff\xfe"])
def test_what_is_no_python_says_nothing(source):
    assert read_usage(source, "t.py") is None


def test_the_options_are_those_of_the_installed_vcrpy():
    import vcr.config

    given = set(inspect.signature(vcr.config.VCR.__init__).parameters) - {"self"}
    merged = inspect.getsource(vcr.config.VCR.get_merged_config)
    assert given <= OPTIONS
    called = {name for name in OPTIONS if f'"{name}"' in merged or name in given}
    assert OPTIONS - called <= {"allowed_hosts", "with_current_defaults", "path"}
    assert HOOKS <= OPTIONS


def test_the_option_that_was_meant_is_found():
    assert nearest_option("filtered_headers") == "filter_headers"
    assert nearest_option("match_one") == "match_on"
    assert nearest_option("nonsense") is None
