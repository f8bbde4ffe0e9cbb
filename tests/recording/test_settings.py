"""A project's own settings of vcrpy are followed and named; one that does not exist is refused by name."""

from __future__ import annotations

import json

import pytest

from tests.recording.conftest import content

pytest_plugins = ["pytester"]


def config(suite, said, test="    ask('hi')\n"):
    suite.tests(f"@pytest.fixture\ndef vcr_config():\n    return {said}\n\n@pytest.mark.vcr\ndef test_it():\n{test}")


def test_they_are_named_once(suite):
    config(suite, "{'match_on': ['method', 'path'], 'filter_headers': ['authorization']}")
    run = suite.run("--record-mode=once")
    assert run.lines.count("this project's own settings of vcrpy are followed: filter_headers, match_on") == 1


def test_nothing_is_named_where_nothing_is_set(suite):
    config(suite, "{}")
    assert "own settings" not in suite.run("--record-mode=once").text


@pytest.mark.parametrize("said", ["config", "mark"])
def test_a_misspelt_setting_is_refused_with_the_nearest(suite, said):
    if said == "config":
        config(suite, "{'filtered_headers': ['x']}")
    else:
        suite.tests("@pytest.mark.vcr(filtered_headers=['x'])\ndef test_it():\n    ask('hi')\n")
    run = suite.run("--record-mode=once")
    assert run.outcomes == {"errors": 1}
    assert run.hits == 0
    assert "vcrpy has no setting `filtered_headers` (in `vcr_config` or a mark)" in run.text
    assert "next: write `filter_headers`" in run.text


def test_an_unknown_record_mode_is_refused(suite):
    config(suite, "{'record_mode': 'onse'}")
    assert "`onse` is no record mode" in suite.run().text


def test_a_match_on_without_the_body_finds_any_body(suite):
    config(suite, "{'match_on': ['method', 'path']}", "    ask(os.environ['QUESTION'])\n")
    suite.env("QUESTION", "one")
    suite.run("--record-mode=once")
    suite.env("QUESTION", "two")
    assert suite.run().counts == "1 replayed, 0 live, 0 missed"
    assert suite.run().hits == 0


def test_a_matcher_that_a_conftest_registers_decides(suite):
    suite.write(
        "conftest.py",
        """
        import json, talk

        def pytest_unconfigure():
            talk.client.close()
            talk.client2.close()

        def pytest_recording_configure(config, vcr):
            model = lambda request: json.loads(request.body)["model"]
            vcr.register_matcher("model", lambda one, other: model(one) == model(other))
            vcr.match_on = ["method", "model"]
        """,
    )
    suite.tests("@pytest.mark.vcr\ndef test_it():\n    ask(os.environ['QUESTION'])\n    ask('second')\n")
    suite.env("QUESTION", "one")
    suite.run("--record-mode=once")
    suite.env("QUESTION", "two")
    run = suite.run()
    assert run.counts == "2 replayed, 0 live, 0 missed"
    assert "followed: match_on" in run.text


def test_hooks_change_what_is_recorded_and_what_is_played(suite):
    suite.tests(
        """
        def shorter(request):
            sent = json.loads(request.body)
            sent.pop("user", None)
            request.body = json.dumps(sent)
            return request

        def louder(response):
            response["body"]["string"] = response["body"]["string"].replace(b"hi", b"HI")
            return response

        @pytest.fixture
        def vcr_config():
            return {"before_record_request": shorter, "before_record_response": louder}

        @pytest.mark.vcr
        def test_it():
            text = ask("hi", user=os.environ["WHO"]).text
            assert os.environ["WHO"] == "ada" or "HI" in text
        """
    )
    suite.env("WHO", "ada")
    suite.run("--record-mode=once")
    (exchange,) = suite.exchanges()
    assert "user" not in json.loads(exchange.request.body)
    assert b"HI" in exchange.response.body
    suite.env("WHO", "grace")
    run = suite.run()
    assert (run.outcomes, run.counts) == ({"passed": 1}, "1 replayed, 0 live, 0 missed")


def test_what_a_hook_drops_is_neither_recorded_nor_deleted(suite):
    config(suite, "{}", "    ask('keep')\n    ask('drop')\n")
    suite.run("--record-mode=once")
    config(
        suite,
        "{'before_record_request': lambda request: None if b'drop' in request.body else request}",
        "    ask('keep')\n    ask('drop')\n    ask('more')\n",
    )
    run = suite.run("--record-mode=new_episodes")
    assert (run.hits, run.counts) == (2, "1 replayed, 1 live, 0 missed")
    assert [content(each) for each in suite.exchanges()] == ["keep", "drop", "more"]


def test_a_response_that_a_hook_drops_is_not_recorded(suite):
    config(suite, "{'before_record_response': lambda response: None}")
    run = suite.run("--record-mode=once")
    assert (run.hits, run.outcomes) == (1, {"passed": 1})
    assert not suite.has("cassettes")


def test_hosts_that_a_project_ignores_go_live_and_its_app_still_runs(suite):
    config(suite, "{'ignore_hosts': ['127.0.0.1']}")
    run = suite.run("--record-mode=once")
    assert (run.hits, run.counts) == (1, "0 replayed, 0 live, 0 missed")
    assert not suite.has("cassettes")


@pytest.mark.parametrize("by", ["client", "requests"])
def test_filters_take_out_what_they_name(suite, by):
    config(
        suite,
        "{'filter_headers': [('authorization', 'HIDDEN')], 'filter_post_data_parameters': ['user']}",
        f"    ask('hi', by={by}, user='ada')\n",
    )
    suite.run("--record-mode=once")
    (exchange,) = suite.exchanges()
    assert "user" not in json.loads(exchange.request.body)
    assert suite.run().counts == "1 replayed, 0 live, 0 missed"


def test_allow_playback_repeats_plays_the_last_answer_again(suite):
    config(
        suite, "{'allow_playback_repeats': True}", "    for _ in range(int(os.environ['TIMES'])):\n        ask('hi')\n"
    )
    suite.env("TIMES", "1")
    suite.run("--record-mode=once")
    suite.env("TIMES", "3")
    assert suite.run().counts == "3 replayed, 0 live, 0 missed"


def test_a_serializer_writes_and_reads(suite):
    config(suite, "{'serializer': 'json'}")
    suite.run("--record-mode=once")
    document = json.loads((suite.root / "cassettes/test_chat/test_it.json").read_text())
    assert len(document["interactions"]) == 1
    assert "Bearer <redacted>" in json.dumps(document)
    assert suite.run().counts == "1 replayed, 0 live, 0 missed"
    config(suite, "{'serializer': 'json'}", "    ask('hi')\n    ask('more')\n")
    assert suite.run("--record-mode=new_episodes").hits == 1
    assert suite.run().counts == "2 replayed, 0 live, 0 missed"


def test_a_persister_keeps_cassettes_where_it_wants(suite):
    suite.write(
        "conftest.py",
        """
        import talk
        from vcr.persisters.filesystem import CassetteNotFoundError, FilesystemPersister

        class Elsewhere(FilesystemPersister):
            @classmethod
            def load_cassette(cls, path, serializer):
                return super().load_cassette(path + ".mine", serializer)

            @staticmethod
            def save_cassette(path, content, serializer):
                FilesystemPersister.save_cassette(path + ".mine", content, serializer)

        def pytest_unconfigure():
            talk.client.close()
            talk.client2.close()

        def pytest_recording_configure(config, vcr):
            vcr.register_persister(Elsewhere)
        """,
    )
    suite.tests("@pytest.mark.vcr\ndef test_it():\n    ask('hi')\n")
    run = suite.run("--record-mode=once")
    assert "followed: persister" in run.text
    assert suite.has("cassettes/test_chat/test_it.yaml.mine")
    assert suite.run().counts == "1 replayed, 0 live, 0 missed"
