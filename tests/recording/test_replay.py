"""A test that is marked plays its cassette, offline, whatever client it uses."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

CLIENTS = {
    "httpx": "said('{q}')",
    "httpx2": "said('{q}', by=client2)",
    "requests": "said('{q}', by=requests)",
    "httpx, async": """asyncio.run(one(httpx.AsyncClient(verify=False)))""",
    "httpx2, async": """asyncio.run(one(httpx2.AsyncClient(verify=False)))""",
    "aiohttp": "asyncio.run(aio())",
    "urllib": "urllib_said()",
    "together": "together.Together(api_key=key()).chat.completions.create(**body('{q}')).choices[0].message.content",
    "openai": "openai.OpenAI(base_url=url(''), api_key='x')"
    ".chat.completions.create(**body('{q}')).choices[0].message.content",
    "together, async": "asyncio.run(sdk(together.AsyncTogether(api_key=key())))",
    "openai, async": "asyncio.run(sdk(openai.AsyncOpenAI(base_url=url(''), api_key='x')))",
}
PREAMBLE = """
import asyncio, urllib.request
import aiohttp, openai, together

def key():
    return os.environ.get("KEY")

async def one(by):
    async with by:
        return (await by.post(url(), json=body("{q}"), headers=HEADERS)).json()["choices"][0]["message"]["content"]

async def aio():
    async with aiohttp.ClientSession() as by:
        async with by.post(url(), json=body("{q}"), headers=HEADERS) as response:
            return (await response.json())["choices"][0]["message"]["content"]

def urllib_said():
    sent = json.dumps(body("{q}")).encode()
    request = urllib.request.Request(url(), sent, HEADERS | {{"content-type": "application/json"}})
    with urllib.request.urlopen(request) as response:
        return json.load(response)["choices"][0]["message"]["content"]

async def sdk(by):
    async with by:
        return (await by.chat.completions.create(**body("{q}"))).choices[0].message.content
"""


@pytest.mark.parametrize("client", CLIENTS)
def test_every_client_is_recorded_and_played(suite, client):
    call = CLIENTS[client].format(q="Hello!")
    suite.env("KEY", "tgp_v1_some-key-that-opens-nothing")
    suite.tests(
        PREAMBLE.format(q="Hello!")
        + f"""
@pytest.mark.vcr
def test_it():
    content = {call}
    assert content and isinstance(content, str)
    with open("said.txt", "a") as file:
        file.write(content + chr(10))
"""
    )
    recorded = suite.run("--record-mode=once")
    assert (recorded.outcomes, recorded.hits, recorded.counts) == ({"passed": 1}, 1, "0 replayed, 1 live, 0 missed")
    suite.env("KEY", None)
    played = suite.run()
    assert (played.outcomes, played.hits, played.counts) == ({"passed": 1}, 0, "1 replayed, 0 live, 0 missed")
    first, second = (suite.root / "said.txt").read_text().splitlines()
    assert first == second
    (exchange,) = suite.exchanges()
    assert exchange.request.uri == "https://api.together.ai/v1/chat/completions"
    assert exchange.recording.source == suite.standin.url.removeprefix("http://")
    assert exchange.recording.test == "test_chat.py::test_it"
    assert exchange.recording.recorded_at
    assert exchange.recording.elapsed_ms is not None


def test_the_body_decides_which_answer_is_played(suite):
    suite.tests(
        """
        @pytest.mark.vcr
        def test_it():
            questions = ["one", "two"] if os.environ.get("TURN") else ["two", "one"]
            for each in questions:
                assert each in said(each)
        """
    )
    suite.run("--record-mode=once")
    suite.env("TURN", "1")
    played = suite.run()
    assert (played.outcomes, played.counts) == ({"passed": 1}, "2 replayed, 0 live, 0 missed")


def test_identical_requests_are_answered_in_the_order_of_their_recording(suite):
    suite.tests(
        """
        @pytest.mark.vcr
        def test_it():
            with open("ids.txt", "a") as file:
                file.write(" ".join(ask("again").json()["id"] for _ in range(3)) + chr(10))
        """
    )
    assert suite.run("--record-mode=once").hits == 3
    assert suite.run().hits == 0
    recorded, played = (suite.root / "ids.txt").read_text().splitlines()
    assert recorded == played
    assert len(set(recorded.split())) == 3


def test_a_fourth_call_is_missed_or_gets_the_last_answer_again(suite):
    suite.tests(
        """
        @pytest.mark.vcr
        def test_it():
            for _ in range(int(os.environ["TIMES"])):
                ask("again")
        """
    )
    suite.env("TIMES", "1")
    suite.run("--record-mode=once")
    suite.env("TIMES", "2")
    assert suite.run().counts == "1 replayed, 0 live, 1 missed"
    suite.write("acetate.toml", 'repeats = "last"\n')
    assert suite.run().counts == "2 replayed, 0 live, 0 missed"


def test_other_spellings_of_one_request_find_its_recording(suite):
    suite.tests(
        """
        @pytest.mark.vcr
        def test_it():
            sent = json.dumps(dict(reversed(body("hi", temperature=1.0).items())), indent=2)
            if os.environ.get("PLAIN"):
                sent = json.dumps(body("hi", temperature=1))
            answer = client.post(url(), content=sent, headers={**HEADERS, "content-type": "application/json"})
            assert answer.status_code == 200
        """
    )
    suite.env("PLAIN", "1")
    suite.run("--record-mode=once")
    suite.env("PLAIN", None)
    assert suite.run().counts == "1 replayed, 0 live, 0 missed"


def test_masked_and_ignored_parts_of_a_request_do_not_count(suite):
    suite.write(
        "acetate.toml",
        """
        [match]
        ignore = ["$.user"]
        mask = [{path = "$.messages[].content", regex = '\\d{4}-\\d\\d-\\d\\d'}]
        """,
    )
    suite.tests(
        """
        @pytest.mark.vcr
        def test_it():
            ask("It is " + os.environ["TODAY"], user=os.environ["TODAY"])
        """
    )
    suite.env("TODAY", "2026-10-11")
    suite.run("--record-mode=once")
    suite.env("TODAY", "2026-11-22")
    assert suite.run().counts == "1 replayed, 0 live, 0 missed"


def test_a_recording_of_another_host_of_the_provider_is_played(suite):
    suite.tests("@pytest.mark.vcr\ndef test_it():\n    assert said('hi')\n")
    suite.run("--record-mode=once")
    suite.env("TOGETHER_BASE_URL", "https://api.together.xyz")
    assert suite.run().counts == "1 replayed, 0 live, 0 missed"


def test_places_and_marks_are_those_of_pytest_recording(suite):
    suite.tests(
        """
        class TestChat:
            @pytest.mark.vcr
            def test_it(self):
                ask("in a class")

        @pytest.mark.vcr
        @pytest.mark.default_cassette("shared")
        def test_named():
            ask("named")

        @pytest.mark.vcr
        @pytest.mark.parametrize("model", ["llama/3.1", "qwen"])
        def test_many(model):
            ask(model)
        """
    )
    assert suite.run("--record-mode=once").outcomes == {"passed": 4}
    assert suite.has("cassettes/test_chat/TestChat.test_it.yaml")
    assert suite.has("cassettes/test_chat/shared.yaml")
    assert suite.has("cassettes/test_chat/test_many[llama-3.1].yaml")
    assert suite.run().counts == "4 replayed, 0 live, 0 missed"


def test_extra_cassettes_are_played_and_never_written(suite):
    suite.tests("@pytest.mark.vcr\ndef test_it():\n    ask('base')\n")
    suite.run("--record-mode=once")
    (suite.root / "cassettes/test_chat/test_it.yaml").rename(suite.root / "cassettes/test_chat/base.yaml")
    suite.tests("@pytest.mark.vcr('base.yaml')\ndef test_it():\n    ask('base')\n    ask('more')\n")
    run = suite.run("--record-mode=new_episodes")
    assert run.counts == "1 replayed, 1 live, 0 missed"
    assert len(suite.exchanges("test_chat/base")) == 1
    assert len(suite.exchanges()) == 1
    assert suite.run().counts == "2 replayed, 0 live, 0 missed"


def test_the_fixture_is_a_cassette_of_vcrpy(suite):
    suite.tests(
        """
        from vcr.cassette import Cassette

        @pytest.mark.vcr
        def test_it(vcr):
            assert isinstance(vcr, Cassette)
            first = ask("hi")
            if os.environ.get("PLAYS"):
                assert (vcr.play_count, vcr.all_played, len(vcr)) == (1, True, 1)
                assert vcr.requests[0].uri == "https://api.together.ai/v1/chat/completions"
                assert vcr.responses[0]["status"]["code"] == 200
                assert vcr.responses[0]["body"]["string"] == first.content

        def test_none(vcr):
            assert vcr is None
        """
    )
    suite.run("--record-mode=once")
    suite.env("PLAYS", "1")
    assert suite.run().outcomes == {"passed": 2}


def test_an_application_under_test_runs_and_is_not_recorded(suite):
    suite.tests(
        """
        ran = []

        async def app(scope, receive, send):
            ran.append(scope["path"])
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": said("from the app").encode()})

        @pytest.mark.vcr
        @pytest.mark.parametrize("library", [httpx, httpx2])
        def test_it(library):
            import asyncio
            async def call():
                async with library.AsyncClient(transport=library.ASGITransport(app), base_url="http://test") as by:
                    return await by.get("/hello")
            assert asyncio.run(call()).status_code == 200
            assert ran.pop() == "/hello"
        """
    )
    assert suite.run("--record-mode=once").outcomes == {"passed": 2}
    assert len(suite.exchanges("test_chat/test_it[httpx]")) == 1
    played = suite.run()
    assert (played.outcomes, played.counts) == ({"passed": 2}, "2 replayed, 0 live, 0 missed")


def test_a_client_that_starts_only_with_a_key_starts_without_one(suite):
    suite.tests(
        """
        import together

        @pytest.fixture
        def sdk():
            return together.Together()

        @pytest.mark.vcr
        def test_it(sdk):
            assert sdk.chat.completions.create(**body("hi")).choices

        def test_without_a_cassette():
            assert "TOGETHER_API_KEY" not in os.environ
        """
    )
    suite.env("TOGETHER_API_KEY", "tgp_v1_some-key-that-opens-nothing")
    assert suite.run("--record-mode=once").outcomes == {"passed": 1, "failed": 1}
    suite.env("TOGETHER_API_KEY", None)
    assert suite.run().outcomes == {"passed": 2}


def test_recording_is_done_with_no_dummy_key(suite):
    suite.tests("import together\n@pytest.mark.vcr\ndef test_it():\n    together.Together()\n")
    assert suite.run("--record-mode=once").outcomes == {"failed": 1}
    assert suite.run().outcomes == {"passed": 1}


def test_disable_recording_leaves_everything_alone(suite):
    suite.tests("@pytest.mark.vcr\ndef test_it(vcr):\n    assert vcr is None\n    ask('hi')\n")
    run = suite.run("--disable-recording")
    assert (run.outcomes, run.hits) == ({"passed": 1}, 1)


def test_a_cassette_that_cannot_be_read_fails_its_test_and_stays(suite):
    suite.tests("@pytest.mark.vcr\ndef test_it():\n    ask('hi')\n")
    suite.write("cassettes/test_chat/test_it.yaml", "interactions: [}\n")
    run = suite.run("--record-mode=once")
    assert run.outcomes == {"errors": 1}
    assert run.hits == 0
    assert "git checkout -- cassettes/test_chat/test_it.yaml" in run.text
    assert (suite.root / "cassettes/test_chat/test_it.yaml").read_text() == "interactions: [}\n"


def test_redirects_are_followed_on_replay(suite):
    suite.tests(
        """
        import asyncio, aiohttp, http.server, threading

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(302 if self.path == "/old" else 200)
                self.send_header("location", "/new")
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"ok")
            def log_message(self, *args):
                pass

        async def by_aiohttp(address):
            async with aiohttp.ClientSession() as by:
                async with by.get(address) as response:
                    return (await response.text(), str(response.url)[-4:])

        CALLS = {
            "httpx": lambda address: (client.get(address, follow_redirects=True).text, "/new"),
            "requests": lambda address: (requests.get(address).text, "/new"),
            "aiohttp": lambda address: asyncio.run(by_aiohttp(address)),
        }

        @pytest.mark.vcr
        @pytest.mark.parametrize("call", CALLS)
        def test_it(call):
            address = "http://127.0.0.1:1/old"
            if os.environ.get("PORT"):
                address = "http://127.0.0.1:" + os.environ["PORT"] + "/old"
            assert CALLS[call](address) == ("ok", "/new")

        @pytest.fixture(scope="module", autouse=True)
        def served():
            if os.environ.get("LIVE"):
                server = http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler)
                threading.Thread(target=server.serve_forever, daemon=True).start()
                yield
                server.shutdown()
                server.server_close()
            else:
                yield
        """
    )
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        suite.env("PORT", str(server.getsockname()[1]))
    suite.env("LIVE", "1")
    recorded = suite.run("--record-mode=once")
    assert recorded.outcomes == {"passed": 3}, recorded.text
    suite.env("LIVE", None)
    played = suite.run()
    assert (played.outcomes, played.counts) == ({"passed": 3}, "6 replayed, 0 live, 0 missed"), played.text
