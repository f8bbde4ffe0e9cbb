"""A run stands as `acetate report` would say it does."""

from __future__ import annotations

from collections import Counter
from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as some

from acetate.change import Change, Decision, Severity
from acetate.verdict import Problem, judged
from app.runs.judgement import _outcome

severities = some.sampled_from(get_args(Severity))
decisions = some.sampled_from([None, *get_args(Decision)])


def made(severity: Any, decision: Any) -> Change:
    return Change("f", "k", severity, "consume", "p", "o", 200, False, "$", decision=decision)


@given(some.lists(some.tuples(severities, decisions), max_size=6), some.booleans(), some.integers(0, 2))
def test_the_service_judges_as_the_toolkit_does(seen, problems, examined):
    changes = tuple(made(*each) for each in seen)
    found = (Problem("w", "p", "n"),) if problems else ()
    assert _outcome(Counter(seen), problems, examined) == judged(changes, found, examined)
