"""A new exchange is taken whole: what else is in it is decided with it, or before."""

from __future__ import annotations

from typing import Any

import pytest

from acetate.errors import Refused
from acetate.review import accept, reject
from acetate.whole import NEW, taken_with


@pytest.fixture
def broken(sandbox: Any) -> Any:
    """An approved cassette, and a new one whose answer breaks the contract in two places."""
    sandbox.record("a", sandbox.reply())
    sandbox.accept()
    reply = sandbox.reply(created="today")
    reply["usage"].pop("total_tokens")
    sandbox.record("b", reply)
    assert [each.kind for each in sandbox.check().changes] == ["type-changed", "field-removed", NEW]
    return sandbox


def picked(sandbox: Any, *kinds: str) -> list[Any]:
    return [each for each in sandbox.check().changes if each.kind in kinds]


def test_what_breaks_a_contract_is_not_approved_with_the_exchange_that_holds_it(broken: Any) -> None:
    before = broken.approved()
    with pytest.raises(Refused, match="field-removed") as error:
        accept(broken.project(), picked(broken, NEW), by="Ada", why="new test")
    assert broken.approved() == before
    names = [each.fingerprint[:8] for each in broken.check().changes]
    assert sorted(error.value.next.removeprefix("acetate accept ").split(" --reason")[0].split()) == sorted(names)


def test_a_rejected_change_stays_rejected(broken: Any) -> None:
    reject(broken.project(), picked(broken, "type-changed"), by="Ada", why="no")
    with pytest.raises(Refused, match=r"type-changed \(rejected\)"):
        accept(broken.project(), picked(broken, NEW, "field-removed"), by="Ada", why="")
    assert broken.check().outcome == "failed"


def test_what_was_approved_before_or_is_chosen_too_stands_in_nobodys_way(broken: Any) -> None:
    accept(broken.project(), picked(broken, "type-changed"), by="Ada", why="known")
    accept(broken.project(), picked(broken, NEW, "field-removed"), by="Ada", why="")
    assert broken.check().changes == ()


def test_all_takes_everything(broken: Any) -> None:
    broken.accept()
    assert broken.check().changes == ()


def test_what_is_broken_elsewhere_is_another_matter(sandbox: Any) -> None:
    sandbox.record("a", sandbox.reply())
    sandbox.accept()
    sandbox.record("a", sandbox.reply(created="today"))
    sandbox.record("b", sandbox.reply())
    accept(sandbox.project(), picked(sandbox, NEW), by="Ada", why="")
    assert [each.kind for each in sandbox.check().changes] == ["type-changed"]


def test_the_cassettes_apart_are_not_asked(broken: Any) -> None:
    seen = broken.check().changes
    assert len(taken_with(picked(broken, NEW), seen)) == 3
    assert taken_with(picked(broken, NEW), seen, {"cassettes/b"}) == {}
