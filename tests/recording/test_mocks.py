"""--acetate-mocks: hand-written mocks of a provider are held against what is approved of it."""

from __future__ import annotations

import json

import pytest

pytest_plugins = ["pytester"]

HELPERS = """
def reply(**changed):
    return {
        "id": "o1", "object": "chat.completion", "created": 1, "model": "m", "prompt": [],
        "choices": [{"index": 0, "finish_reason": "stop", "logprobs": None, "seed": 1,
                     "message": {"role": "assistant", "content": "Hello.", "tool_calls": []}}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2, "cached_tokens": 0},
    } | changed

def without(key):
    found = reply()
    del found[key]
    return found

def mocked(answer, module=httpx, **how):
    return module.Client(transport=module.MockTransport(lambda request: module.Response(200, json=answer, **how)))
"""


@pytest.fixture
def approved(suite):
    """A suite with an approved recording of one chat, whose test has gone since."""
    suite.tests("@pytest.mark.vcr\ndef test_it():\n    ask('hi')\n", "test_recorded.py")
    suite.run("--record-mode=once")
    assert suite.acetate("accept", "--all").returncode == 0
    (suite.root / "test_recorded.py").unlink()
    return suite


def written(suite, text):
    suite.tests(f"{HELPERS}\n{text}")


def test_a_mock_that_lacks_a_field_is_listed_by_its_test(approved):
    written(
        approved,
        """
def test_stale():
    with mocked(without("usage")) as by:
        assert ask("hi", by=by).status_code == 200

def test_fresh():
    with mocked(reply()) as by:
        assert ask("hi", by=by).status_code == 200
""",
    )
    run = approved.run("--acetate-mocks")
    assert run.code == 0
    assert run.hits == 0
    assert run.block("MOCKS")[:8] == [
        "MOCKS  1 of 2 mocks no longer looks like together",
        "",
        "  test_chat.py::test_stale",
        "    together:chat.completions 200    against contracts/together/chat.completions/200.json",
        "    error   field-removed   $.usage   object -> absent",
        "",
        "  Mocks do not fail a run on this machine; with CI set those with an error do.",
        "",
    ]


def test_with_ci_set_an_error_of_a_mock_fails_the_run(approved):
    written(approved, "def test_it():\n    with mocked(without('usage')) as by:\n        ask('hi', by=by)\n")
    approved.env("CI", "1")
    run = approved.run("--acetate-mocks")
    assert (run.outcomes, run.code) == ({"passed": 1}, 1)
    assert "on this machine" not in run.text


def test_with_ci_set_a_field_more_fails_nothing(approved):
    written(approved, "def test_it():\n    with mocked(reply(later=1)) as by:\n        ask('hi', by=by)\n")
    approved.env("CI", "1")
    run = approved.run("--acetate-mocks")
    assert run.code == 0
    assert run.block("MOCKS")[0] == "MOCKS  1 mock looks like together"


def test_without_the_option_nobody_looks_at_mocks(approved):
    written(approved, "def test_it():\n    with mocked(without('usage')) as by:\n        ask('hi', by=by)\n")
    assert "MOCKS" not in approved.run().text


def test_a_value_that_the_provider_never_says_is_shown(approved):
    written(
        approved,
        """
def test_it():
    answer = reply()
    answer["choices"][0]["finish_reason"] = "eos"
    answer["usage"]["prompt_tokens"] = "1"
    with mocked(answer) as by:
        ask("hi", by=by)
""",
    )
    block = "\n".join(approved.run("--acetate-mocks").block("MOCKS"))
    assert 'warn    enum-value-added   $.choices[].finish_reason   absent -> "eos"' in block
    assert "error   type-changed       $.usage.prompt_tokens       integer -> string" in block


def test_respx_is_heard(approved):
    written(
        approved,
        """
import respx

@respx.mock
def test_it():
    respx.post(url()).respond(json=without("usage"))
    assert ask("hi").status_code == 200
""",
    )
    run = approved.run("--acetate-mocks")
    assert run.outcomes == {"passed": 1}
    assert "MOCKS  1 of 1 mock no longer looks like together" in run.text


def test_a_patched_transport_is_heard(approved):
    # As pytest-httpx and its like do it.
    written(
        approved,
        """
@pytest.mark.parametrize("module, by", [(httpx, client), (httpx2, client2)])
def test_it(module, by, monkeypatch):
    answer = lambda transport, request: module.Response(200, json=without("usage"))
    monkeypatch.setattr(module.HTTPTransport, "handle_request", answer)
    assert ask("hi", by=by).status_code == 200
""",
    )
    run = approved.run("--acetate-mocks")
    assert run.outcomes == {"passed": 2}
    assert "MOCKS  2 of 2 mocks no longer look like together" in run.text


def test_an_asynchronous_client_is_heard(approved):
    written(
        approved,
        """
import asyncio

@pytest.mark.parametrize("module", [httpx, httpx2])
def test_it(module):
    async def go():
        answer = lambda request: module.Response(200, json=without("usage"))
        async with module.AsyncClient(transport=module.MockTransport(answer)) as by:
            return await by.post(url(), json=body("hi"))
    assert asyncio.run(go()).status_code == 200
""",
    )
    run = approved.run("--acetate-mocks")
    assert "MOCKS  2 of 2 mocks no longer look like together" in run.text


@pytest.fixture
def streamed(suite):
    suite.tests("@pytest.mark.vcr\ndef test_it():\n    ask('hi', stream=True)\n", "test_recorded.py")
    suite.run("--record-mode=once")
    assert suite.acetate("accept", "--all").returncode == 0
    (suite.root / "test_recorded.py").unlink()
    return suite


STREAMS = """
import asyncio, json

def events(*, model=True):
    event = {"id": "o1", "object": "chat.completion.chunk", "created": 1, "choices": []}
    if model:
        event["model"] = "m"
    yield f"data: {json.dumps(event)}\\n\\n".encode()
    yield b"data: [DONE]\\n\\n"

async def later(pieces):
    for each in pieces:
        yield each

SSE = {"content-type": "text/event-stream"}
"""


def test_a_stream_is_heard_as_it_is_read(streamed):
    streamed.tests(
        STREAMS
        + """
def test_it():
    answer = lambda request: httpx.Response(200, headers=SSE, content=events(model=False))
    with httpx.Client(transport=httpx.MockTransport(answer)) as by:
        with by.stream("POST", url(), json=body("hi", stream=True)) as response:
            assert len(list(response.iter_lines())) == 4

def test_async():
    async def go():
        answer = lambda request: httpx.Response(200, headers=SSE, content=later(events(model=False)))
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as by:
            async with by.stream("POST", url(), json=body("hi", stream=True)) as response:
                return [line async for line in response.aiter_lines()]
    assert len(asyncio.run(go())) == 4

def test_left_early():
    answer = lambda request: httpx.Response(200, headers=SSE, content=events(model=False))
    with httpx.Client(transport=httpx.MockTransport(answer)) as by:
        with by.stream("POST", url(), json=body("hi", stream=True)) as response:
            next(response.iter_raw())
"""
    )
    run = streamed.run("--acetate-mocks")
    assert run.outcomes == {"passed": 3}
    block = "\n".join(run.block("MOCKS"))
    assert "MOCKS  2 of 2 mocks no longer look like together" in block
    assert (
        "together:chat.completions 200 stream    against contracts/together/chat.completions/200.stream.json" in block
    )
    assert "$.model" in block


def test_what_nothing_is_approved_of_is_named_and_not_counted(approved):
    written(
        approved,
        """
def test_it():
    by = httpx.Client(transport=httpx.MockTransport(lambda request: httpx.Response(429, json={"error": 1})))
    ask("hi", by=by)
    by.close()
""",
    )
    run = approved.run("--acetate-mocks")
    assert run.block("MOCKS")[:2] == [
        "MOCKS  no mock could be looked at",
        "  nothing is approved to hold these mocks against: together:chat.completions 429",
    ]


def test_a_kind_that_the_configuration_does_not_care_for_is_no_fault(approved):
    approved.write("acetate.toml", 'project = "mocks"\n[severity]\nfield-removed = "none"\n')
    written(approved, "def test_it():\n    with mocked(without('usage')) as by:\n        ask('hi', by=by)\n")
    assert "MOCKS  1 mock looks like together" in approved.run("--acetate-mocks").text


def test_what_is_played_or_really_answered_or_of_nobody_known_is_no_mock(suite):
    suite.tests(
        """
        @pytest.mark.vcr
        def test_played():
            ask("hi")

        def test_live():
            ask("hi")

        def test_other():
            answer = httpx.MockTransport(lambda request: httpx.Response(200, json={}))
            with httpx.Client(transport=answer) as by:
                by.get("https://example.org/anything")
        """
    )
    suite.run("--record-mode=once")
    run = suite.run("--acetate-mocks")
    assert (run.outcomes, run.hits) == ({"passed": 3}, 1)
    assert "MOCKS" not in run.text


def test_workers_tell_it_together(approved):
    written(
        approved,
        """
@pytest.mark.parametrize("n", range(4))
def test_it(n):
    with mocked(without("usage")) as by:
        ask("hi", by=by)
""",
    )
    assert "MOCKS  4 of 4 mocks no longer look like together" in approved.spawn("--acetate-mocks", "-n", "2").text


def test_a_request_that_is_sent_piece_by_piece_is_heard(approved):
    written(
        approved,
        """
import json

def test_it():
    with mocked(without("usage")) as by:
        by.post(url(), content=iter([json.dumps(body("hi")).encode()]))
""",
    )
    assert "MOCKS  1 of 1 mock no longer looks like together" in approved.run("--acetate-mocks").text


def test_an_answer_that_cannot_be_looked_at_is_a_problem(approved):
    written(
        approved,
        """
def test_it():
    deep = lambda request: httpx.Response(200, content=b"[" * 300 + b"]" * 300)
    with httpx.Client(transport=httpx.MockTransport(deep)) as by:
        ask("hi", by=by)
""",
    )
    assert "nested" in "\n".join(approved.run("--acetate-mocks").block("PROBLEMS"))


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_the_report_has_the_mocks_and_can_be_shown_in_every_form(approved, workers):
    written(
        approved,
        """
def test_stale():
    answer = without("usage")
    answer["choices"][0]["finish_reason"] = "eos"
    with mocked(answer) as by:
        ask("hi", by=by)
""",
    )
    run = (approved.spawn if workers else approved.run)("--acetate-mocks", "--acetate-report", "out.json", *workers)
    assert run.code == 0
    (mock,) = json.loads((approved.root / "out.json").read_text())["mocks"]
    assert mock == {
        "test": "test_chat.py::test_stale",
        "provider": "together",
        "operation": "chat.completions",
        "status": 200,
        "stream": False,
        "contract": "contracts/together/chat.completions/200.json",
        "faults": [
            {
                "kind": "enum-value-added",
                "severity": "warn",
                "path": "$.choices[].finish_reason",
                "after": "eos",
            },
            {"kind": "field-removed", "severity": "error", "path": "$.usage", "before": "object"},
        ],
    }
    if not workers:
        said = approved.acetate("report", "out.json", "--format", "github").stdout
        assert said.startswith("::error file=test_chat.py,title=This mock no longer looks like together::")
