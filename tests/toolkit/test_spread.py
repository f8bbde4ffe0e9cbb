"""The same work on many values, on all cores."""

from __future__ import annotations

import os
from typing import Any

import pytest

from acetate.change import ABSENT
from acetate.spread import MANY, spread


def test_results_come_in_the_order_of_the_values() -> None:
    offset = 7
    assert list(spread(lambda value: value + offset, range(MANY * 3))) == [n + offset for n in range(MANY * 3)]


@pytest.mark.skipif((os.cpu_count() or 1) < 2 or not hasattr(os, "fork"), reason="needs two cores and fork")
def test_many_values_are_worked_on_elsewhere() -> None:
    assert os.getpid() not in set(spread(lambda _: os.getpid(), range(MANY)))


def test_few_values_are_worked_on_here() -> None:
    assert set(spread(lambda _: os.getpid(), range(MANY - 1))) == {os.getpid()}


def test_one_core_does_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert set(spread(lambda _: os.getpid(), range(MANY))) == {os.getpid()}


def test_what_is_absent_stays_absent() -> None:
    assert all(value is ABSENT for value in spread(lambda _: ABSENT, range(MANY)))


def test_an_error_of_the_work_arrives() -> None:
    def fail(value: int) -> Any:
        raise ValueError(value)

    with pytest.raises(ValueError, match="0"):
        list(spread(fail, range(MANY)))


def test_many_cassettes_give_the_same_verdict_as_few(sandbox: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(MANY):
        sandbox.record(f"c{number:03}", sandbox.reply(), sandbox.reply())
    sandbox.accept()
    for number in range(0, MANY, 2):
        sandbox.record(f"c{number:03}", sandbox.reply(usage=None), sandbox.reply(metadata={}))
    (sandbox.root / "cassettes/c001.yaml").write_text("nothing")
    many = sandbox.check()
    (sandbox.root / ".acetate/cache/check").unlink()
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert many == sandbox.check()
    assert [len(each.occurrences) for each in many.changes] == [MANY // 2, MANY // 2]
