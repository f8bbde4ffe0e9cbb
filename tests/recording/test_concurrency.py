"""Workers, threads and tasks record and play without losing or mixing anything."""

from __future__ import annotations

import signal
import time

import pytest

from tests.recording.conftest import content

pytest_plugins = ["pytester"]

SHARED = """
@pytest.mark.vcr
@pytest.mark.default_cassette("shared")
@pytest.mark.parametrize("n", range(8))
def test_it(n):
    for part in "ab":
        assert f"question {n}{part}" in said(f"question {n}{part}")
"""
EVERY = sorted(f"question {n}{part}" for n in range(8) for part in "ab")


@pytest.mark.parametrize("mode", ["once", "new_episodes", "rewrite", "all"])
def test_a_cassette_that_tests_share_holds_what_all_of_them_recorded(suite, mode):
    suite.tests(SHARED)
    for _ in range(2 if mode in ("rewrite", "all") else 1):
        recorded = suite.run(f"--record-mode={mode}")
        assert (recorded.outcomes, recorded.hits) == ({"passed": 8}, 16)
        assert sorted(map(content, suite.exchanges("test_chat/shared"))) == EVERY
    played = suite.run()
    assert (played.outcomes, played.counts) == ({"passed": 8}, "16 replayed, 0 live, 0 missed")


def test_workers_that_share_a_cassette_lose_nothing(suite):
    suite.tests(SHARED)
    for mode in ("once", "rewrite"):
        recorded = suite.spawn(f"--record-mode={mode}", "-n", "2")
        assert (recorded.outcomes, recorded.counts) == ({"passed": 8}, "0 replayed, 16 live, 0 missed")
        assert sorted(map(content, suite.exchanges("test_chat/shared"))) == EVERY
    assert suite.run().counts == "16 replayed, 0 live, 0 missed"


def test_threads_record_and_play_each_their_own(suite):
    suite.tests(
        """
        from concurrent.futures import ThreadPoolExecutor

        @pytest.mark.vcr
        def test_it():
            with ThreadPoolExecutor(8) as pool:
                said_each = list(pool.map(lambda n: said(f"question {n}."), range(40)))
            assert all(f"question {n}." in each for n, each in enumerate(said_each))
        """
    )
    assert suite.run("--record-mode=once").outcomes == {"passed": 1}
    assert len({content(each) for each in suite.exchanges()}) == 40
    played = suite.run()
    assert (played.outcomes, played.counts) == ({"passed": 1}, "40 replayed, 0 live, 0 missed")


def test_tasks_record_and_play_each_their_own(suite):
    suite.tests(
        """
        import asyncio

        async def go():
            async with httpx.AsyncClient(verify=False) as by:
                async def one(n):
                    answer = await by.post(url(), json=body(f"question {n}."), headers=HEADERS)
                    return answer.json()["choices"][0]["message"]["content"]
                return await asyncio.gather(*map(one, range(40)))

        @pytest.mark.vcr
        def test_it():
            assert all(f"question {n}." in each for n, each in enumerate(asyncio.run(go())))
        """
    )
    assert suite.run("--record-mode=once").outcomes == {"passed": 1}
    assert [content(each) for each in suite.exchanges()] == [f"question {n}." for n in range(40)]
    played = suite.run()
    assert (played.outcomes, played.counts) == ({"passed": 1}, "40 replayed, 0 live, 0 missed")


def test_a_kill_loses_nothing_that_the_client_had_in_full(suite):
    suite.tests(
        """
        @pytest.mark.vcr
        def test_it():
            with open("had.txt", "a") as file:
                for n in range(1000):
                    said(f"question {n}")
                    file.write(f"question {n}\\n")
                    file.flush()
        """
    )
    process = suite.start("--record-mode=once")
    had = suite.root / "had.txt"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and (not had.exists() or had.read_text().count("\n") < 25):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not suite.has("cassettes")
    suite.tests("def test_nothing():\n    pass\n", "test_other.py")
    run = suite.run("test_other.py")
    assert "its test was killed" in run.text
    kept = [content(each) for each in suite.staged()]
    known = had.read_text().splitlines()
    assert len(known) >= 25
    assert kept[: len(known)] == known
    assert not list((suite.root / ".acetate/journal").glob("*.jsonl"))
    assert "its test was killed" not in suite.run("test_other.py").text
