"""Journals: what was heard survives a kill; what was damaged is said."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from acetate.errors import AcetateError
from acetate.exchange import Exchange, Recording, RedactedExchange, Request, Response
from acetate.journal import Journal, Recovered, recover

CASSETTE = "tests/cassettes/test_chat/test_hello[llama]"


def exchange(number: int) -> RedactedExchange:
    request = Request("POST", f"https://api.together.ai/v1/{number}", (("a", "é"), ("a", "2")), b'{"q": 1}')
    response = Response(200, "OK", (("b", ""),), bytes([number, 255]))
    recording = Recording("2026-11-22T10:00:00Z", "api.together.xyz", 12, "tests/a.py::b", ((3, 2),))
    return RedactedExchange(Exchange(request, response, recording))


def small(number: int) -> RedactedExchange:
    return RedactedExchange(Exchange(Request("GET", f"{number}"), Response(200)))


def abandoned(root: Path, *exchanges: RedactedExchange) -> Path:
    """A journal whose process is gone: its bytes, with a lock that nobody holds."""
    journal = Journal(root, CASSETTE)
    for each in exchanges:
        journal.append(each)
    content = journal.path.read_bytes()
    journal.remove()
    journal.path.write_bytes(content)
    return journal.path


def only(root: Path) -> Recovered:
    [recovered] = recover(root)
    return recovered


WRITER = """
import sys
from collections.abc import Iterator
from pathlib import Path
from acetate.exchange import Exchange, Recording, RedactedExchange, Request, Response
from acetate.journal import Journal
journal = Journal(Path(sys.argv[1]), "chat")
for number in range(100_000):
    journal.append(RedactedExchange(Exchange(Request("GET", f"https://x/{number}"), Response(200))))
    print(number, flush=True)
"""


def test_every_acknowledged_exchange_survives_a_kill(tmp_path: Path) -> None:
    acknowledged = 0
    for count in (1, 7, 30, 80):
        root = tmp_path / str(count)
        root.mkdir()
        with subprocess.Popen([sys.executable, "-c", WRITER, str(root)], stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for _ in range(count):
                acknowledged = int(writer.stdout.readline())
            assert list(recover(root)) == []  # its process lives: nobody takes it away
            os.kill(writer.pid, signal.SIGKILL)
            rest = writer.stdout.read().split()
        found = only(root)
        last = int(rest[-1]) if rest else acknowledged
        assert [each.request.uri for each in found.exchanges[: last + 1]] == [f"https://x/{n}" for n in range(last + 1)]
        assert found.cassette == "chat"


def test_what_is_recovered_is_what_was_appended(tmp_path: Path) -> None:
    path = abandoned(tmp_path, exchange(0), exchange(1))
    assert only(tmp_path) == Recovered(path, CASSETTE, (exchange(0), exchange(1)), None)


def test_whether_it_was_to_replace_a_recording_is_known_afterwards(tmp_path: Path) -> None:
    journal = Journal(tmp_path, CASSETTE, anew=True)
    journal.append(exchange(0))
    content = journal.path.read_bytes()
    journal.remove()
    journal.path.write_bytes(content)
    assert only(tmp_path).anew


def test_a_journal_that_lives_is_left_alone(tmp_path: Path) -> None:
    journal = Journal(tmp_path, CASSETTE)
    journal.append(exchange(0))
    assert list(recover(tmp_path)) == []
    assert journal.path.exists()
    journal.remove()


def test_a_journal_of_nothing_leaves_nothing(tmp_path: Path) -> None:
    Journal(tmp_path, CASSETTE).remove()
    assert list(tmp_path.iterdir()) == []
    assert list(recover(tmp_path)) == []


def test_a_journal_is_gone_once_it_is_removed(tmp_path: Path) -> None:
    journal = Journal(tmp_path, CASSETTE)
    journal.append(exchange(0))
    journal.remove()
    assert list(recover(tmp_path)) == []
    assert not list((tmp_path / ".acetate" / "journal").iterdir())


def test_a_journal_can_go_on_after_it_was_removed(tmp_path: Path) -> None:
    journal = Journal(tmp_path, CASSETTE)
    journal.append(exchange(0))
    journal.remove()
    journal.append(exchange(1))
    content = journal.path.read_bytes()
    journal.remove()
    journal.path.write_bytes(content)
    assert only(tmp_path).exchanges == (exchange(1),)


def test_a_journal_that_is_closed_is_recovered_by_whoever_comes(tmp_path: Path) -> None:
    journal = Journal(tmp_path, CASSETTE)
    journal.close()
    journal.append(exchange(0))
    assert list(recover(tmp_path)) == []
    journal.close()
    assert only(tmp_path).exchanges == (exchange(0),)


def test_what_was_dealt_with_is_not_recovered_again(tmp_path: Path) -> None:
    abandoned(tmp_path, exchange(0))
    only(tmp_path).remove()
    assert list(recover(tmp_path)) == []
    assert not list((tmp_path / ".acetate" / "locks").iterdir())


def test_while_one_deals_with_a_journal_nobody_else_recovers_it(tmp_path: Path) -> None:
    abandoned(tmp_path, exchange(0))
    for recovered in recover(tmp_path):
        assert list(recover(tmp_path)) == []
        recovered.remove()


def test_a_journal_that_somebody_else_has_dealt_with_meanwhile_is_passed_over(tmp_path: Path) -> None:
    abandoned(tmp_path, exchange(0))
    abandoned(tmp_path, exchange(0))
    for recovered in recover(tmp_path):
        for path in (tmp_path / ".acetate" / "journal").iterdir():
            path.unlink()
        assert recovered.exchanges == (exchange(0),)


def test_two_journals_of_one_cassette_are_two(tmp_path: Path) -> None:
    abandoned(tmp_path, exchange(0))
    abandoned(tmp_path, exchange(0), exchange(1))
    assert sorted(len(each.exchanges) for each in recover(tmp_path)) == [1, 2]


def test_cut_at_every_byte_the_whole_exchanges_are_recovered(tmp_path: Path) -> None:
    written = [small(number) for number in range(20)]
    path = abandoned(tmp_path, *written)
    content = path.read_bytes()
    ends = [offset + 1 for offset, byte in enumerate(content) if byte == 10]
    for cut in range(len(content) + 1):
        path.write_bytes(content[:cut])
        found = Recovered.read(path)
        whole = sum(end <= cut for end in ends)
        assert list(found.exchanges) == written[:whole]
        torn = cut not in (0, *ends)
        assert found.damage == (f"exchange {whole} was cut off while it was written" if torn else None)
        assert found.cassette == (CASSETTE if whole else None)


def test_with_every_byte_flipped_once_the_prefix_is_recovered_and_the_damage_is_said(tmp_path: Path) -> None:
    written = [small(number) for number in range(20)]
    path = abandoned(tmp_path, *written)
    content = path.read_bytes()
    for offset in range(len(content)):
        damaged = bytearray(content)
        damaged[offset] ^= 1 << offset % 8
        path.write_bytes(damaged)
        found = Recovered.read(path)
        whole = content.count(b"\n", 0, offset)
        assert list(found.exchanges) == written[:whole]
        assert found.damage is not None
        assert f"exchange {whole} " in found.damage
        assert found.cassette == CASSETTE


def test_a_line_that_is_missing_ends_what_can_be_recovered(tmp_path: Path) -> None:
    path = abandoned(tmp_path, *map(exchange, range(4)))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[2] + lines[3])
    found = only(tmp_path)
    assert found.exchanges == (exchange(0),)
    assert found.damage == "exchange 1 is damaged, or a newer Acetate wrote it; 1 behind it cannot be placed"


@contextlib.contextmanager
def full_disk(size: int) -> Iterator[None]:
    """No file of this process grows beyond `size`: a write behind it is cut short, the next one fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_said_and_tears_no_line(tmp_path: Path) -> None:
    journal = Journal(tmp_path, CASSETTE)
    journal.append(exchange(0))
    room = journal.path.stat().st_size + 20
    with full_disk(room), pytest.raises(AcetateError, match="cannot be written: File too large") as caught:
        journal.append(exchange(1))
    journal.append(exchange(1))
    found = Recovered.read(journal.path)
    journal.remove()
    assert caught.value.next.startswith("make room there")
    assert (found.exchanges, found.damage) == ((exchange(0), exchange(1)), None)


def test_a_journal_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".acetate").write_text("a file where the folder should be")
    with pytest.raises(AcetateError, match="the journal of this recording cannot be written"):
        Journal(tmp_path, CASSETTE).append(exchange(0))
