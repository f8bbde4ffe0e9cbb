"""Together changes one field after another: the change is named, the companion stands, and what its clients see of it
is named too."""

from __future__ import annotations

import pytest

from tests.journeys.companion_drift import PAGE, Case, Outcome, outcomes, page

DOCUMENTED = {"provider-malformed", "provider-cut", "provider-unavailable"}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[Case, Outcome]:
    return outcomes(tmp_path_factory.mktemp("drift"))


def test_every_change_of_a_field_is_named_at_its_place(found):
    """At the field or above or below it; of a stream, in its events or in the reply that they add up to."""
    assert [case.name for case, outcome in found.items() if not is_named(case, outcome)] == []
    assert len(found) > 100


def is_named(case: Case, outcome: Outcome) -> bool:
    paths = [path.replace("$reply", "$") for _, path in outcome.provider]
    return any(path.startswith(case.place) or case.place.startswith(path) for path in paths)


def test_the_companion_carries_on_or_says_a_documented_error(found):
    strange = {case.name: outcome for case, outcome in found.items() if outcome.status not in (200, 502)}
    assert strange == {}
    assert {outcome.code for outcome in found.values()} - DOCUMENTED == {None}


def test_what_its_own_clients_see_of_it_is_named(found):
    silent = [case.name for case, outcome in found.items() if outcome.status != 200 and not outcome.own]
    assert silent == []
    assert any(outcome.own for outcome in found.values() if outcome.code is None)


def test_the_page_says_the_same(found):
    assert PAGE.read_text(encoding="utf-8") == page(found), "next: python -m tests.journeys.companion_drift"
