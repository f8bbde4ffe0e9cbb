"""What a test records goes into its cassette, is staged, or is kept aside; nothing is deleted and nothing stacks."""

from __future__ import annotations

import gc
import json

import pytest

from tests.recording.conftest import KEY, content

pytest_plugins = ["pytester"]

ONE = "@pytest.mark.vcr\ndef test_it():\n    assert ask('hi').status_code == 200\n"
MISSPELT = "tgp_v1_" + "0123456789abcdefghijABCDEFGHIJ"


@pytest.fixture
def approved(suite):
    """A suite with one recording that is approved."""
    suite.tests(ONE)
    suite.run("--record-mode=once")
    assert suite.acetate("accept", "--all").returncode == 0
    return suite


def test_a_first_recording_is_written_when_its_test_has_passed(suite):
    suite.tests(ONE)
    run = suite.run("--record-mode=once")
    assert [content(each) for each in suite.exchanges()] == ["hi"]
    assert run.block("RECORDED")[:2] == ["RECORDED  1 exchange", "  cassettes/test_chat/test_it.yaml   1 exchange"]
    assert not suite.has(".acetate/staged")


def test_a_first_recording_of_a_test_that_failed_is_staged_and_said(suite):
    suite.tests("@pytest.mark.vcr\ndef test_it():\n    ask('hi')\n    assert os.environ.get('FIXED')\n")
    run = suite.run("--record-mode=once")
    assert not suite.has("cassettes")
    assert [content(each) for each in suite.staged()] == ["hi"]
    assert run.block("STAGED")[:3] == [
        "STAGED  1 exchange, not in a cassette yet",
        "  .acetate/staged/cassettes/test_chat/test_it.yaml   1 exchange: its test failed",
        "  play them    pytest --acetate-staged",
    ]
    assert suite.run().counts == "0 replayed, 0 live, 1 missed"
    suite.env("FIXED", "1")
    staged = suite.run("--acetate-staged")
    assert (staged.outcomes, staged.counts) == ({"passed": 1}, "1 replayed, 0 live, 0 missed")


def test_a_recording_whose_fixture_failed_in_its_teardown_is_staged(suite):
    suite.tests(
        """
        @pytest.fixture
        def breaking():
            yield
            raise RuntimeError

        @pytest.mark.vcr
        def test_it(breaking):
            ask("hi")
        """
    )
    suite.run("--record-mode=once")
    assert len(suite.staged()) == 1
    assert not suite.has("cassettes")


def test_a_rewrite_of_an_approved_recording_is_staged(approved):
    before = (approved.root / "cassettes/test_chat/test_it.yaml").read_bytes()
    approved.standin.script(rename={"$.choices[].finish_reason": "why"})
    run = approved.run("--record-mode=rewrite")
    assert run.hits == 1
    assert (approved.root / "cassettes/test_chat/test_it.yaml").read_bytes() == before
    (staged,) = approved.staged()
    assert "why" in json.loads(staged.response.body)["choices"][0]
    assert "it replaces an approved recording" in run.text
    assert "field-re" in run.text
    assert approved.run().counts == "1 replayed, 0 live, 0 missed"


def test_it_is_staged_also_when_its_test_fails(approved):
    approved.tests("@pytest.mark.vcr\ndef test_it():\n    assert 'why' not in ask('hi').text\n")
    approved.standin.script(rename={"$.choices[].finish_reason": "why"})
    assert approved.run("--record-mode=rewrite").outcomes == {"failed": 1}
    assert len(approved.staged()) == 1
    assert approved.run("--acetate-staged").outcomes == {"failed": 1}
    assert approved.run().outcomes == {"passed": 1}


@pytest.mark.parametrize("mode", ["rewrite", "all"])
@pytest.mark.parametrize("how", ["option", "config", "mark"])
def test_a_rewrite_of_a_recording_that_nobody_approved_replaces_it(suite, how, mode):
    suite.tests(ONE)
    suite.run("--record-mode=once")
    (old,) = suite.exchanges()
    if how == "config":
        suite.tests(f"@pytest.fixture\ndef vcr_config():\n    return {{'record_mode': '{mode}'}}\n\n{ONE}")
    elif how == "mark":
        suite.tests(ONE.replace("vcr", f"vcr(record_mode='{mode}')"))
    assert suite.run(*([f"--record-mode={mode}"] if how == "option" else [])).hits == 1
    (new,) = suite.exchanges()
    assert new.recording.recorded_at != old.recording.recorded_at


def test_a_rewrite_that_cannot_reach_the_provider_keeps_the_old_recording(suite):
    suite.tests(ONE)
    suite.run("--record-mode=once")
    before = (suite.root / "cassettes/test_chat/test_it.yaml").read_bytes()
    suite.standin.stop()
    assert suite.run("--record-mode=rewrite").outcomes == {"failed": 1}
    assert (suite.root / "cassettes/test_chat/test_it.yaml").read_bytes() == before


def test_a_second_rewrite_replaces_what_was_staged(approved):
    approved.run("--record-mode=rewrite")
    approved.run("--record-mode=rewrite")
    assert len(approved.staged()) == 1


def test_new_episodes_come_behind_what_is_there(suite):
    suite.tests(ONE)
    suite.run("--record-mode=once")
    suite.tests("@pytest.mark.vcr\ndef test_it():\n    ask('hi')\n    ask('more')\n")
    run = suite.run("--record-mode=new_episodes")
    assert (run.hits, run.counts) == (1, "1 replayed, 1 live, 0 missed")
    assert [content(each) for each in suite.exchanges()] == ["hi", "more"]


def test_an_error_in_place_of_a_success_is_no_new_truth(approved):
    approved.tests("@pytest.mark.vcr\ndef test_it():\n    ask('hi')\n")
    approved.standin.script(error=429)
    run = approved.run("--record-mode=rewrite")
    assert not approved.has(".acetate/staged")
    assert "together:chat.completions answered 429 in place of a recorded 200" in run.text
    kept = list((approved.root / ".acetate/incomplete").rglob("*.yaml"))
    assert len(kept) == 1
    assert approved.exchanges()[0].response.status == 200
    assert "recorded" not in approved.run().text


def test_an_error_that_was_recorded_as_one_is_recorded_again(suite):
    suite.tests("@pytest.mark.vcr\ndef test_it():\n    ask('hi')\n")
    suite.standin.script(error=429)
    suite.run("--record-mode=once")
    suite.run("--record-mode=rewrite")
    assert [each.response.status for each in suite.exchanges()] == [429]


def test_no_key_reaches_a_file(suite):
    suite.env("TOGETHER_API_KEY", KEY)
    suite.tests(f"@pytest.mark.vcr\ndef test_it():\n    ask('my key is {KEY}', user='{KEY}')\n")
    suite.run("--record-mode=once")
    written = [path for path in suite.root.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")]
    assert written
    assert not [path for path in written if KEY.encode() in path.read_bytes()]
    assert suite.run().counts == "1 replayed, 0 live, 0 missed"


def test_what_still_looks_like_a_secret_is_not_recorded_and_fails_the_test(suite):
    secret = "Zq8vN2xT7kLmP4rS9wYb3cDf6gHj1aQe"
    suite.tests(f"@pytest.mark.vcr\ndef test_it():\n    ask('hi', api_credential='{secret}')\n")
    run = suite.run("--record-mode=once")
    assert run.outcomes == {"failed": 1}
    assert "not recorded" in run.text
    assert not suite.has("cassettes")
    assert secret not in "\n".join(run.block("PROBLEMS"))


def test_headers_that_say_only_how_a_message_travels_are_not_kept(suite):
    suite.env("TOGETHER_API_KEY", KEY)
    suite.tests(
        """
        import together
        @pytest.mark.vcr
        def test_it():
            together.Together().chat.completions.create(**body("hi"))
        """
    )
    suite.run("--record-mode=once")
    names = {name.lower() for name, _ in suite.exchanges()[0].request.headers}
    assert "content-type" in names
    assert not [name for name in names if name.startswith("x-stainless") or name in ("host", "connection")]


@pytest.mark.parametrize(
    ("by", "coding"),
    [("client", "gzip"), ("client", "br"), ("client", "deflate"), ("client", "zstd"), ("requests", "gzip")],
)
def test_a_coded_body_is_stored_and_played_as_text(suite, coding, by):
    suite.tests(
        f"""
        @pytest.mark.vcr
        def test_it():
            assert ask("hi", by={by}).json()["choices"]
        """
    )
    suite.standin.script(encoding=coding)
    recorded = suite.run("--record-mode=once")
    assert recorded.outcomes == {"passed": 1}, recorded.text
    (exchange,) = suite.exchanges()
    assert json.loads(exchange.response.body)["choices"]
    assert "content-encoding" not in {name.lower() for name, _ in exchange.response.headers}
    assert suite.run().outcomes == {"passed": 1}


def test_a_mock_that_answers_is_named_and_not_recorded(suite):
    suite.tests(
        """
        @pytest.fixture
        def mocked(monkeypatch):
            def answer(transport, request):
                return httpx.Response(200, json={"choices": []})
            monkeypatch.setattr(httpx.HTTPTransport, "handle_request", answer)

        @pytest.mark.vcr
        def test_it(mocked, vcr):
            assert ask("hi").json() == {"choices": []}
        """
    )
    run = suite.run("--record-mode=once")
    assert (run.hits, run.outcomes) == (0, {"passed": 1})
    assert not suite.has("cassettes")


def test_a_mock_below_the_transport_is_named_and_not_recorded(suite):
    suite.tests(
        """
        import httpcore

        @pytest.fixture
        def mocked(monkeypatch):
            def answer(pool, request):
                return httpcore.Response(200, content=b'{"choices": []}')
            monkeypatch.setattr(httpcore.ConnectionPool, "handle_request", answer)

        @pytest.mark.vcr
        def test_it(mocked):
            assert ask("hi").json() == {"choices": []}
        """
    )
    run = suite.run("--record-mode=once")
    assert run.outcomes == {"passed": 1}
    assert run.counts == "0 replayed, 0 live, 0 missed"
    assert "MOCKED  1 exchange opened no socket and was not recorded; answered by a patched transport" in run.text
    assert not suite.has("cassettes")


def test_a_mock_of_respx_is_called_so(suite):
    suite.tests(
        """
        import respx

        @pytest.mark.vcr
        @respx.mock
        def test_it():
            respx.post(url()).respond(json={"choices": []})
            assert ask("hi").json() == {"choices": []}
        """
    )
    assert "was not recorded; answered by respx" in suite.run("--record-mode=once").text


def test_a_mock_transport_answers_as_ever(suite):
    suite.tests(
        """
        @pytest.mark.vcr
        def test_it():
            by = httpx.Client(transport=httpx.MockTransport(lambda request: httpx.Response(200, json={"mocked": 1})))
            assert ask("hi", by=by).json() == {"mocked": 1}
        """
    )
    assert suite.run("--record-mode=once").outcomes == {"passed": 1}
    assert not suite.has("cassettes")
    assert suite.run().outcomes == {"passed": 1}


def test_a_disk_that_is_full_is_a_problem_and_loses_nothing(suite):
    suite.tests(ONE)
    suite.write("cassettes/test_chat", "a file where the folder should be\n")
    run = suite.spawn("--record-mode=once")
    assert run.code == 1
    assert "PROBLEMS" in run.text
    (suite.root / "cassettes/test_chat").unlink()
    suite.spawn()
    assert [content(each) for each in suite.staged()] == ["hi"]


def test_stock_vcrpy_plays_what_was_recorded(suite):
    suite.tests(ONE)
    suite.run("--record-mode=once")
    suite.tests(
        """
        @pytest.mark.vcr
        def test_it():
            sent = {"json": body("hi"), "headers": HEADERS}
            assert client.post("https://api.together.ai/v1/chat/completions", **sent).json()["choices"]
        """
    )
    run = suite.run("-p", "no:acetate", "-p", "no:pytest_plugin")
    assert (run.outcomes, run.hits) == ({"passed": 1}, 0)


def test_what_cannot_be_put_away_stays_in_its_journal_for_the_next_run(suite):
    suite.tests("@pytest.mark.vcr\ndef test_it():\n    ask('hi')\n")
    suite.write("cassettes", "a file where a folder should be\n")
    run = suite.run("--record-mode=once")
    assert run.code == 1
    assert "cassettes/test_chat/test_it.yaml: cannot be written" in "\n".join(run.block("PROBLEMS"))
    gc.collect()  # a file that was left open would say so here
    (journal,) = (suite.root / ".acetate/journal").glob("*.jsonl")
    (suite.root / "cassettes").unlink()
    assert "STAGED  1 exchange, not in a cassette yet" in suite.run("--tb=no").text
    assert not journal.exists()
    assert len(suite.staged()) == 1
