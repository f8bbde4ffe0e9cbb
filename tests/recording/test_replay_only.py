"""With CI set, or --acetate-replay-only, nothing goes live: each way out is tried, and none reaches the provider."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

# The stand-in is where the provider is to be found: nothing may reach it, although it lies on this machine.
ESCAPES = {
    "vcr_config says once": "@pytest.fixture\ndef vcr_config():\n    return {'record_mode': 'once'}\n"
    "@pytest.mark.vcr\ndef test_it():\n    ask('hi')\n",
    "a mark says all": "@pytest.mark.vcr(record_mode='all')\ndef test_it():\n    ask('hi')\n",
    "the fixture record_mode says rewrite": "@pytest.fixture(scope='session')\n"
    "def record_mode():\n    return 'rewrite'\n"
    "@pytest.mark.vcr\ndef test_it():\n    ask('hi')\n",
    "no mark": "def test_it():\n    ask('hi')\n",
    "no mark, httpx2": "def test_it():\n    ask('hi', by=client2)\n",
    "no mark, requests": "def test_it():\n    ask('hi', by=requests)\n",
    "the client of together": "import together\ndef test_it():\n"
    "    together.Together(api_key='x', max_retries=0).chat.completions.create(**body('hi'))\n",
    "the client of openai": "import openai\ndef test_it():\n"
    "    openai.OpenAI(base_url=url(''), api_key='x').chat.completions.create(**body('hi'))\n",
    "aiohttp": "import aiohttp, asyncio\nasync def go():\n    async with aiohttp.ClientSession() as by:\n"
    "        await by.post(url(), json=body('hi'))\ndef test_it():\n    asyncio.run(go())\n",
    "http.client": "import http.client\ndef test_it():\n"
    "    http.client.HTTPConnection(url('')[7:-3]).request('GET', '/v1/models')\n",
    "urllib": "import urllib.request\ndef test_it():\n    urllib.request.urlopen(url('/models'))\n",
    "a socket": "import socket\ndef test_it():\n"
    "    socket.create_connection(('127.0.0.1', int(url('')[:-3].rpartition(':')[2])))\n",
    "a socket from before": "import _socket\ndef test_it():\n"
    "    _socket.socket().connect(('127.0.0.1', int(url('')[:-3].rpartition(':')[2])))\n",
    "a transport of one's own": "class Own(httpx.HTTPTransport):\n    def handle_request(self, request):\n"
    "        return super().handle_request(request)\n"
    "@pytest.mark.vcr\ndef test_it():\n    ask('hi', by=httpx.Client(transport=Own(verify=False)))\n",
    "a patcher skipped": "@pytest.mark.vcr(skip_patchers=['httpx', 'urllib3'])\ndef test_it():\n    ask('hi')\n",
    "a hook that drops": "@pytest.mark.vcr(before_record_request=lambda request: None)\n"
    "def test_it():\n    ask('hi')\n",
    "a host ignored": "@pytest.mark.vcr(ignore_hosts=['127.0.0.1'])\ndef test_it():\n    ask('hi')\n",
    "the network unblocked": "from pytest_recording import network\n"
    "def test_it():\n    network.unblock()\n    ask('hi')\n",
    "CI unset by the test": "def test_it(monkeypatch):\n    monkeypatch.delenv('CI', raising=False)\n    ask('hi')\n",
    "a cassette of vcrpy's own": "import vcr as vcrpy\ndef test_it():\n"
    "    with vcrpy.VCR(record_mode='all').use_cassette('own.yaml'):\n        ask('hi')\n",
    "a vcrpy context that was dropped": "import vcr as vcrpy, gc\n@pytest.mark.vcr\ndef test_it():\n"
    "    vcrpy.VCR(record_mode='all').use_cassette('own.yaml').__enter__()\n    gc.collect()\n    ask('hi')\n",
    "a thread": "import threading\n@pytest.mark.vcr\ndef test_it():\n    failed = []\n    def go():\n"
    "        try:\n            ask('hi')\n        except Exception as error:\n            failed.append(error)\n"
    "    thread = threading.Thread(target=go)\n    thread.start()\n    thread.join()\n    assert failed\n",
    "the fixture vcr": "@pytest.fixture(autouse=True)\ndef vcr():\n    yield None\n"
    "@pytest.mark.vcr\ndef test_it():\n    ask('hi')\n",
    "before the tests": "try:\n    ask('hi')\nexcept Exception:\n    pass\ndef test_it():\n    pass\n",
    "hosts allowed by a mark": "@pytest.mark.block_network(allowed_hosts=['.*'])\n@pytest.mark.vcr\n"
    "def test_it():\n    ask('hi')\n",
    "localhost ignored": "@pytest.mark.vcr(ignore_localhost=True)\ndef test_it():\n    ask('hi')\n",
    "another cassette inside of it": "import vcr as vcrpy\n@pytest.mark.vcr\ndef test_it():\n"
    "    with vcrpy.VCR(record_mode='all').use_cassette('own.yaml'):\n        ask('hi', by=requests)\n",
    "a fixture before the cassette": "@pytest.fixture(scope='session', autouse=True)\ndef early():\n    ask('hi')\n"
    "@pytest.mark.vcr\ndef test_it():\n    pass\n",
    "a fixture after the cassette": "@pytest.fixture(scope='session', autouse=True)\ndef late():\n    yield\n"
    "    ask('hi')\n@pytest.mark.vcr\ndef test_it():\n    pass\n",
    "a thread of a fixture": "import threading\n@pytest.fixture(scope='session')\ndef worker():\n"
    "    go = threading.Event()\n    def work():\n        go.wait()\n        try:\n            ask('hi')\n"
    "        except Exception:\n            pass\n    thread = threading.Thread(target=work)\n    thread.start()\n"
    "    yield lambda: (go.set(), thread.join())\n@pytest.mark.vcr\ndef test_it(worker):\n    worker()\n",
    "a thread that outlives its test": "import threading\n@pytest.fixture(scope='session')\ndef worker():\n"
    "    go = threading.Event()\n    def work():\n        go.wait()\n        try:\n            ask('hi')\n"
    "        except Exception:\n            pass\n    thread = threading.Thread(target=work)\n    thread.start()\n"
    "    yield\n    go.set()\n    thread.join()\n@pytest.mark.vcr\ndef test_it(worker):\n    pass\n",
    "an asyncio stream": "import asyncio\ndef test_it():\n"
    "    asyncio.run(asyncio.open_connection('127.0.0.1', int(url('')[:-3].rpartition(':')[2])))\n",
    "another address of this machine": "import socket\ndef test_it():\n"
    "    socket.create_connection(('0.0.0.0', int(url('')[:-3].rpartition(':')[2])))\n",
    "a name of this machine": "def test_it():\n"
    "    client.post(url().replace('127.0.0.1', 'localhost'), json=body('hi'))\n",
    "a public name looked up": "import socket\ndef test_it():\n    socket.getaddrinfo('api.together.ai', 443)\n",
    "an SDK that tries again and swallows": "import together\n@pytest.mark.vcr\ndef test_it():\n    try:\n"
    "        together.Together(api_key='x').chat.completions.create(**body('hi'))\n"
    "    except together.APIConnectionError:\n        pass\n",
    "a test that is expected to fail": "@pytest.mark.xfail\n@pytest.mark.vcr\ndef test_it():\n    ask('hi')\n",
}
ENDS = {
    "before the tests": {"passed": 1},
    "a fixture before the cassette": {"errors": 1},
    "a fixture after the cassette": {"passed": 1, "errors": 1},
    "a thread that outlives its test": {"passed": 1, "errors": 1},
}


@pytest.mark.parametrize("way", ESCAPES)
def test_nothing_reaches_the_provider(suite, way):
    suite.tests(ESCAPES[way])
    run = suite.run("--acetate-replay-only", "-W", "default")
    assert run.hits == 0
    assert not suite.has("cassettes")
    assert run.counts == "0 replayed, 0 live, 1 missed"
    assert run.outcomes == ENDS.get(way, {"failed": 1})
    assert run.code == 1


ELSEWHERE = "def test_it(monkeypatch):\n    {first}\n    client.post('{url}/v1/chat/completions', json=body('hi'))\n"


@pytest.mark.parametrize("way", ["a variable that the test sets", "the configuration"])
def test_a_private_address_is_a_providers_where_somebody_says_so(suite, way):
    url, first = suite.standin.url, "pass"
    suite.env("TOGETHER_BASE_URL", None)
    suite.tests(ELSEWHERE.format(url=url, first=first))
    assert suite.run("--acetate-replay-only").hits == 1
    if way == "the configuration":
        suite.write("acetate.toml", f'[providers.house]\nbase_urls = ["{url}/v1"]\n')
    else:
        first = f"monkeypatch.setenv('TOGETHER_BASE_URL', '{url}')"
    suite.tests(ELSEWHERE.format(url=url, first=first))
    run = suite.run("--acetate-replay-only")
    assert (run.hits, run.outcomes) == (0, {"failed": 1})


def test_a_private_name_is_not_looked_up_where_a_provider_answers_under_it(suite):
    suite.env("TOGETHER_BASE_URL", "http://llm:4000")
    suite.tests("def test_it():\n    ask('hi')\n")
    run = suite.run("--acetate-replay-only")
    assert run.block("REFUSED")[2] == "  llm:4000   test_chat.py::test_it"


def test_a_datagram_does_not_reach_a_provider(suite):
    suite.tests(
        """
        import socket
        from urllib.parse import urlsplit

        def test_it():
            place = urlsplit(url()).hostname, urlsplit(url()).port
            with socket.socket(type=socket.SOCK_DGRAM) as server, socket.socket(type=socket.SOCK_DGRAM) as sender:
                server.bind(place)
                server.setblocking(False)
                for send in (lambda: sender.sendto(b"hi", place), lambda: sender.sendmsg([b"hi"], [], 0, place)):
                    with pytest.raises(Exception, match="replay-only"):
                        send()
                with pytest.raises(BlockingIOError):
                    server.recv(9)
        """
    )
    run = suite.run("--acetate-replay-only")
    assert (run.outcomes, run.counts) == ({"failed": 1}, "0 replayed, 0 live, 1 missed")


def test_what_follows_the_last_recorded_answer_does_not_go_live(suite):
    suite.tests("@pytest.mark.vcr\ndef test_it():\n    ask('hi')\n    if os.environ.get('MORE'):\n        ask('hi')\n")
    suite.run("--record-mode=once")
    suite.env("MORE", "1")
    run = suite.run("--acetate-replay-only", "--record-mode=new_episodes")
    assert (run.hits, run.counts) == (0, "1 replayed, 0 live, 1 missed")


def test_a_damaged_cassette_is_neither_played_nor_recorded_anew(suite):
    suite.tests("@pytest.mark.vcr\ndef test_it():\n    ask('hi')\n")
    suite.run("--record-mode=once")
    path = suite.root / "cassettes/test_chat/test_it.yaml"
    path.write_bytes(path.read_bytes().replace(b"hi", b"\xff", 1))
    before = path.read_bytes()
    run = suite.run("--acetate-replay-only", "--record-mode=once")
    assert (run.hits, run.outcomes) == (0, {"errors": 1})
    assert path.read_bytes() == before


@pytest.mark.parametrize("mode", ["once", "new_episodes", "all", "rewrite"])
def test_ci_beats_the_record_mode_and_says_so(suite, mode):
    suite.tests("@pytest.mark.vcr\ndef test_it():\n    ask('hi')\n")
    suite.env("CI", "true")
    run = suite.run(f"--record-mode={mode}", "-v", "-v")
    assert (run.hits, run.outcomes) == (0, {"failed": 1})
    assert f"acetate: replay-only (CI is set); --record-mode={mode} is not followed" in run.text
    assert not suite.has("cassettes")


@pytest.mark.parametrize("said", ["", "0", "false", "False"])
def test_ci_that_says_no_is_no_ci(suite, said):
    suite.tests("@pytest.mark.vcr\ndef test_it():\n    ask('hi')\n")
    suite.env("CI", said)
    assert suite.run("--record-mode=once").hits == 1


def test_disable_recording_does_not_open_the_network(suite):
    suite.tests("@pytest.mark.vcr\ndef test_it():\n    ask('hi')\n")
    run = suite.run("--disable-recording", "--acetate-replay-only")
    assert (run.hits, run.outcomes) == (0, {"failed": 1})
    assert run.counts == "0 replayed, 0 live, 1 missed"


def test_what_is_recorded_is_played(suite):
    suite.tests("@pytest.mark.vcr\ndef test_it():\n    ask('hi')\n")
    suite.run("--record-mode=once")
    run = suite.run("--acetate-replay-only")
    assert (run.hits, run.counts) == (0, "1 replayed, 0 live, 0 missed")


def test_a_database_on_this_machine_is_reached_and_listed(suite):
    suite.tests(
        """
        import socket
        def test_it():
            with socket.create_server(("127.0.0.1", 0)) as server:
                with socket.create_connection(server.getsockname()):
                    pass
        @pytest.mark.vcr
        def test_nothing():
            pass
        """
    )
    run = suite.run("--acetate-replay-only", "-v", "-v")
    assert run.outcomes == {"passed": 2}
    assert "connections inside of this machine and its networks: 127.0.0.1:" in run.text


def test_a_connection_that_was_stopped_is_named_with_its_test(suite):
    suite.tests(
        """
        import socket
        def test_it():
            try:
                socket.getaddrinfo("api.together.ai", 443)
            except Exception:
                pass
        """
    )
    run = suite.run("--acetate-replay-only")
    assert run.outcomes == {"failed": 1}
    assert run.block("REFUSED")[:3] == [
        "REFUSED  1 connection was stopped: this run is replay-only",
        "",
        "  the name api.together.ai   test_chat.py::test_it",
    ]


def test_the_network_is_open_again_after_the_run(suite):
    suite.tests("def test_it():\n    pass\n")
    suite.run("--acetate-replay-only")
    suite.tests("def test_it():\n    assert ask('hi').status_code == 200\n")
    assert suite.run().hits == 1
