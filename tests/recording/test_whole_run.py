"""What only a whole run can tell: what our own API answered, and what no test uses any more."""

from __future__ import annotations

import json

import pytest

pytest_plugins = ["pytester"]

APP = """
from fastapi import FastAPI

app = FastAPI(title="Shop")

@app.get("/items/{name}")
def item(name: str) -> dict[str, object]:
    return ITEM
"""
TESTS = """
from fastapi.testclient import TestClient
from shop import app

def test_item():
    with TestClient(app) as by:
        assert by.get("/items/a").status_code == 200
        by.get("/nowhere")
"""


def shop(suite, item):
    suite.write("acetate.toml", 'project = "shop"\napp = "shop:app"\n')
    suite.write("shop.py", APP.replace("ITEM", json.dumps(item)))
    suite.tests(TESTS)


def test_our_own_api_is_examined_without_edits_to_its_tests(suite):
    shop(suite, {"name": "a", "price": 1})
    first = suite.run("-W", "default")
    assert "exchange-unapproved" in first.text
    assert "what our API returns to its clients" in first.text
    assert "UNDOCUMENTED  1 call of our API that its OpenAPI document does not have: GET /nowhere" in first.text
    assert suite.acetate("accept", "--all").returncode == 0
    suite.env("CI", "1")
    assert suite.run("-W", "default").code == 0
    suite.env("CI", None)
    shop(suite, {"name": "a"})
    second = suite.run("-W", "default")
    assert second.code == 0
    assert "$.price" in second.text
    suite.env("CI", "1")
    assert suite.run("-W", "default").code == 1


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["alone", "workers"])
def test_an_app_that_is_nowhere_is_said_and_fails_in_ci(suite, workers):
    shop(suite, {"name": "a"})
    suite.write("acetate.toml", 'project = "shop"\napp = "shop.mian:app"\n')
    run = suite.spawn(*workers)
    assert run.outcomes == {"passed": 1}
    assert run.code == 0
    assert "\n".join(run.block("PROBLEMS")).startswith(
        "PROBLEMS\n  shop.mian:app: `app`: there is no module `shop.mian`, so nothing of your own API was examined\n"
        "    next: correct `app` in the config"
    )
    suite.env("CI", "1")
    assert suite.spawn(*workers).code == 1


def test_an_app_that_no_test_of_this_run_calls_is_no_matter(suite):
    shop(suite, {"name": "a"})
    suite.tests("def test_one():\n    pass\n")
    suite.env("CI", "1")
    run = suite.run()
    assert (run.code, "PROBLEMS" in run.text) == (0, False)


def test_what_a_test_was_answered_that_is_gone_is_forgotten(suite):
    shop(suite, {"name": "a"})
    suite.write("test_old.py", TESTS)
    suite.run("-W", "default")
    left = suite.root / ".acetate" / "pending" / "shop"
    assert (left / "test_old.py").is_dir()
    (suite.root / "test_old.py").unlink()
    suite.run("-W", "default", "test_chat.py")
    assert list((left / "test_old.py").iterdir())
    suite.run("-W", "default")
    assert not list((left / "test_old.py").iterdir())


@pytest.fixture
def three(suite):
    """Three recordings of two tests, all of them played."""
    suite.tests(
        """
        @pytest.mark.vcr
        def test_one():
            ask("a")
            if not os.environ.get("LESS"):
                ask("b")

        @pytest.mark.vcr
        def test_two():
            ask("c")
        """
    )
    suite.run("--record-mode=once")
    return suite


def test_a_complete_run_names_what_nobody_uses(three):
    assert "UNUSED" not in three.run().text
    three.env("LESS", "1")
    run = three.run()
    assert run.block("UNUSED")[:3] == [
        "UNUSED  1 file that this complete run did not need whole",
        "  cassettes/test_chat/test_one.yaml   1 exchange not played",
        "  look closer    acetate prune   (removes nothing unless told to)",
    ]
    assert "cassettes/test_chat/test_one" in three.acetate("prune").stdout


def test_an_exchange_that_was_recorded_twice_and_what_is_approved_of_nothing_is_named(three):
    assert three.acetate("accept", "--all").returncode == 0
    two = three.root / "cassettes/test_chat/test_two.yaml"
    item = two.read_text().removeprefix("interactions:\n").removesuffix("version: 1\n")
    two.write_text(f"interactions:\n{item}{item}version: 1\n")
    (three.root / "cassettes/test_chat/test_one.yaml").unlink()
    three.tests("@pytest.mark.vcr\ndef test_two():\n    ask('c')\n")
    assert three.run().block("UNUSED")[:4] == [
        "UNUSED  2 files that this complete run did not need whole",
        "  cassettes/test_chat/test_two.yaml   1 exchange said twice: the same stands before it",
        "  snapshots/cassettes/test_chat/test_one.json   its cassette is gone: cassettes/test_chat/test_one",
        "  look closer    acetate prune   (removes nothing unless told to)",
    ]


def test_an_approval_without_exchange_is_named(three):
    assert three.acetate("accept", "--all").returncode == 0
    three.env("LESS", "1")
    three.run("--record-mode=rewrite")
    assert three.acetate("accept", "--staged", "--all").returncode == 0
    assert "UNUSED" not in three.run().text  # the approvals went with the recording
    one = three.root / "cassettes/test_chat/test_two.yaml"
    snapshot = three.root / "snapshots/cassettes/test_chat/test_two.json"
    approved = json.loads(snapshot.read_text())
    approved["exchanges"] *= 2
    snapshot.write_text(json.dumps(approved))
    assert one.exists()
    assert three.run().block("UNUSED")[1] == (
        "  snapshots/cassettes/test_chat/test_two.json   1 of its approvals: approved, and no exchange answers to it"
    )


def test_a_cassette_that_no_test_opens_is_named(three):
    three.write("cassettes/old.yaml", "interactions: []\nversion: 1\n")
    assert "  cassettes/old.yaml   no test opened it" in three.run().block("UNUSED")


def test_what_lies_outside_of_the_suite_is_not_judged(suite, monkeypatch):
    suite.write("acetate.toml", 'cassettes = ["cassettes/**", "inner/cassettes/**"]\n')
    suite.write("cassettes/other.yaml", "interactions: []\nversion: 1\n")
    suite.write("inner/cassettes/old.yaml", "interactions: []\nversion: 1\n")
    suite.write("inner/pytest.ini", "[pytest]\n")
    suite.tests("def test_one():\n    pass\n\n@pytest.mark.vcr\ndef test_two():\n    ask('a')\n", "inner/test_inner.py")
    suite.write("inner/talk.py", (suite.root / "talk.py").read_text())
    suite.write("inner/conftest.py", (suite.root / "conftest.py").read_text())
    suite.run("--record-mode=once", "--rootdir=inner", "-c", "inner/pytest.ini", "inner")
    monkeypatch.chdir(suite.root / "inner")
    assert suite.run("--rootdir=.").block("UNUSED")[1:3] == [
        "  inner/cassettes/old.yaml   no test opened it",
        "  look closer    acetate prune   (removes nothing unless told to)",
    ]


@pytest.mark.parametrize("arguments", [("-k", "one"), ("test_chat.py::test_one",), ("--acetate-staged",)])
def test_a_run_that_left_something_out_names_nothing(three, arguments):
    three.env("LESS", "1")
    assert "UNUSED" not in three.run(*arguments).text


def test_a_run_with_a_failed_or_skipped_test_names_nothing(three):
    three.env("LESS", "1")
    three.write("test_more.py", "import pytest\ndef test_bad():\n    assert 0\n")
    assert "UNUSED" not in three.run().text
    three.write("test_more.py", "import pytest\n@pytest.mark.skip\ndef test_bad():\n    pass\n")
    assert "UNUSED" not in three.run().text


def test_workers_tell_it_together(three):
    three.env("LESS", "1")
    assert "UNUSED  1 file" in three.spawn("-n", "2").text
