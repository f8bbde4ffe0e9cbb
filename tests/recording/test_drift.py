"""A request that differs from the recorded one where matching looks away is played, and listed at the end."""

from __future__ import annotations

import json

import pytest

pytest_plugins = ["pytester"]

DATED = """
@pytest.mark.vcr
@pytest.mark.parametrize("n", range(2))
def test_it(n):
    ask(f"{n}: today is {os.environ['TODAY']}", user=os.environ["TODAY"])
"""


@pytest.fixture
def dated(suite):
    suite.write(
        "acetate.toml",
        "[match]\nignore = ['$.user']\nmask = [{path = '$.messages[].content', regex = '\\d{4}-\\d\\d-\\d\\d'}]\n",
    )
    suite.env("TODAY", "2026-10-11")
    suite.tests(DATED)
    suite.run("--record-mode=once")
    assert suite.acetate("accept", "--all").returncode == 0
    return suite


def test_a_masked_and_an_ignored_difference_are_listed_and_fail_nothing(dated):
    dated.env("TODAY", "2026-11-22")
    dated.env("CI", "1")
    run = dated.run("--acetate-report", "acetate.json")
    assert (run.code, run.counts) == (0, "2 replayed, 0 live, 0 missed")
    block = run.block("DRIFTED")
    assert block[:7] == [
        "DRIFTED  requests are not what was recorded, in 2 places where matching looks away",
        "",
        "  together:chat.completions 200    $request.messages[].content",
        "    2 requests, in 2 tests; first test_chat.py::test_it[0]",
        "    recorded   0: today is 2026-10-11",
        "    sent now   0: today is 2026-11-22",
        "",
    ]
    assert "$request.user" in "\n".join(block)
    assert "CHANGED" not in run.text
    report = json.loads((dated.root / "acetate.json").read_text())
    assert report["outcome"] == "passed"
    assert [(each["kind"], each["severity"], each["path"]) for each in report["changes"]] == [
        ("request-drift", "info", "$request.messages[].content"),
        ("request-drift", "info", "$request.user"),
    ]
    assert report["changes"][0]["occurrences"][0]["at"] == "$request.messages[0].content"


def test_the_same_request_in_another_order_of_keys_is_none(suite):
    suite.tests(
        """
        @pytest.mark.vcr
        def test_it():
            asked = body("hi", seed=1.0)
            if os.environ.get("TURNED"):
                asked = dict(reversed(asked.items())) | {"seed": 1}
            client.post(url(), json=asked, headers=HEADERS)
        """
    )
    suite.run("--record-mode=once")
    suite.env("TURNED", "1")
    run = suite.run()
    assert run.counts == "1 replayed, 0 live, 0 missed"
    assert "DRIFTED" not in run.text


def test_what_a_projects_own_matchers_look_away_from_is_seen(suite):
    suite.tests(
        """
        @pytest.fixture
        def vcr_config():
            return {"match_on": ["method", "path"]}

        @pytest.mark.vcr
        def test_it():
            client.post(url(), content=os.environ["SAID"].encode(), headers={"content-type": "text/plain"})
        """
    )
    suite.env("SAID", "one")
    suite.run("--record-mode=once")
    suite.env("SAID", "two")
    block = suite.run().block("DRIFTED")
    assert block[2].endswith("    $request")
    assert block[4:6] == ["    recorded   one", "    sent now   two"]


def test_a_key_in_a_request_is_never_shown(dated):
    dated.env("TODAY", "2026-11-22 tgp_v1_Zq8vN2xT7kLmP4rS9wYb3cDf6gHj1aQe")
    run = dated.run("--tb=no")
    assert "tgp_v1_Zq8v" not in run.text


def test_a_level_of_the_configuration_is_followed(dated):
    dated.write("acetate.toml", (dated.root / "acetate.toml").read_text() + "[severity]\nrequest-drift = 'none'\n")
    dated.env("TODAY", "2026-11-22")
    assert "DRIFTED" not in dated.run().text


def test_workers_tell_it_together(dated):
    dated.env("TODAY", "2026-11-22")
    assert "2 requests, in 2 tests" in dated.spawn("-n", "2").text
