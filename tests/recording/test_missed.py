"""A request without a recording fails its test, whatever a client makes of it, and the summary says what to do."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

FOLLOW_UP = """
@pytest.mark.vcr
def test_it():
    ask("first")
    try:
        ask("Today is " + os.environ["TODAY"] + ".", temperature=float(os.environ["HEAT"]))
    except Exception:
        pass
"""


@pytest.fixture
def follow_up(suite):
    suite.tests(FOLLOW_UP)
    suite.env("TODAY", "2026-10-11")
    suite.env("HEAT", "0.7")
    suite.run("--record-mode=once")
    suite.env("TODAY", "2026-11-22")
    return suite


def test_the_summary_names_the_nearest_recording_and_what_differs(follow_up):
    follow_up.env("HEAT", "0.2")
    run = follow_up.run()
    assert run.outcomes == {"failed": 1}
    assert run.block("MISSED")[2:] == [
        "  test_chat.py::test_it",
        "    POST together:chat.completions, the 2nd request of this test. It was stopped",
        '    before the network; the SDK may have reported "Connection error."',
        "    nearest: cassettes/test_chat/test_it#1, 2 differences",
        "      path                    recorded               sent now",
        "      $.messages[0].content   Today is 2026-10-11.   Today is 2026-11-22.",
        "      $.temperature           0.7                    0.2",
        '    record again    pytest --record-mode=rewrite "test_chat.py::test_it"',
        "    ignore dates    [tool.acetate.match]",
        "                    mask = [{path = \"$.messages[0].content\", regex = '\\d{4}-\\d\\d-\\d\\d'}]",
        "",
    ]
    assert run.counts == "1 replayed, 0 live, 1 missed"
    assert run.hits == 0


def test_the_mask_that_it_advises_makes_the_request_hit(follow_up):
    advice = [line.strip() for line in follow_up.run().block("MISSED")[-3:-1]]
    assert advice[0] == "ignore dates    [tool.acetate.match]"
    follow_up.write("pyproject.toml", f"[tool.acetate.match]\n{advice[1]}\n")
    assert follow_up.run().counts == "2 replayed, 0 live, 0 missed"


@pytest.mark.parametrize(
    "sdk", ["together.Together(api_key='x')", "openai.OpenAI(base_url=url(''), api_key='x', max_retries=2)"]
)
def test_a_client_that_tries_again_misses_once(suite, sdk):
    suite.tests(
        f"""
        import openai, together

        @pytest.mark.vcr
        def test_it():
            try:
                {sdk}.chat.completions.create(**body("hi"))
            except Exception as error:
                print(type(error).__name__)
        """
    )
    run = suite.run()
    assert (run.outcomes, run.hits) == ({"failed": 1}, 0)
    assert run.counts == "0 replayed, 0 live, 1 missed"
    assert "cassettes/test_chat/test_it holds no recording" in run.text
    assert 'pytest --record-mode=once "test_chat.py::test_it"' in run.text


def test_an_answer_that_was_played_already_is_said_to_be_so(suite):
    suite.tests("@pytest.mark.vcr\ndef test_it():\n    for _ in range(int(os.environ['TIMES'])):\n        ask('hi')\n")
    suite.env("TIMES", "1")
    suite.run("--record-mode=once")
    suite.env("TIMES", "2")
    block = suite.run().block("MISSED")
    assert "    nearest: cassettes/test_chat/test_it#0, the same request: all its answers have been played" in block
    assert '    play it again   repeats = "last"   (in [tool.acetate])' in block


def test_a_miss_that_is_expected_to_fail_fails(suite):
    suite.tests("@pytest.mark.vcr\n@pytest.mark.xfail\ndef test_it():\n    ask('hi')\n")
    assert suite.run().outcomes == {"failed": 1}


def test_a_miss_in_a_fixture_fails_its_test(suite):
    suite.tests(
        """
        @pytest.fixture
        def asking(vcr):
            try:
                ask("before")
            except Exception:
                pass
            yield
            try:
                ask("after")
            except Exception:
                pass

        @pytest.mark.vcr
        def test_it(asking):
            pass
        """
    )
    run = suite.run()
    assert run.outcomes == {"errors": 2}
    assert run.counts == "0 replayed, 0 live, 2 missed"


def test_a_miss_is_of_the_kind_that_vcrpy_raises(suite):
    suite.tests(
        """
        from vcr.errors import CannotOverwriteExistingCassetteException

        @pytest.mark.vcr
        @pytest.mark.parametrize("by", [client, client2, requests])
        def test_it(by):
            with pytest.raises(CannotOverwriteExistingCassetteException, match="has no recording"):
                ask("hi", by=by)
            print("it was")
        """
    )
    run = suite.run("-rA")
    assert run.text.count("it was") >= 3
    assert run.outcomes == {"failed": 3}


def test_a_traceback_shows_neither_a_key_nor_our_own_frames(suite):
    suite.env("TOGETHER_API_KEY", "tgp_v1_this-one-is-in-use-0123456789")
    suite.tests("@pytest.mark.vcr\ndef test_it():\n    ask('hi')\n")
    run = suite.run("-vv", "--showlocals", "--tb=long")
    assert "this-one-is-in-use" not in run.text
    assert "acetate/recorder.py" not in run.text


def test_many_misses_are_not_all_listed(suite):
    suite.tests("@pytest.mark.vcr\n@pytest.mark.parametrize('n', range(12))\ndef test_it(n):\n    ask(str(n))\n")
    run = suite.run("--tb=no")
    assert run.counts == "0 replayed, 0 live, 12 missed"
    assert "MISSED  12 requests have no recording" in run.text
    assert "  and 2 more" in run.lines


def test_nothing_is_said_of_a_suite_without_cassettes(suite):
    suite.tests("def test_it():\n    pass\n")
    assert "acetate" not in suite.run().text
