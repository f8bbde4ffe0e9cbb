"""Succession: what stays of a cassette when a test has recorded its part of it again.

Tests can share a cassette. A recording speaks for the tests that made it; what another test recorded is that one's,
and is nowhere else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from acetate.exchange import Exchange
from acetate.project import Project
from acetate.shelf import key

__all__ = ["staying"]


def staying(
    old: Sequence[Exchange], new: Sequence[Exchange], project: Project, *, fresh: Collection[str] = ()
) -> list[int]:
    """The positions of what stays of the `old` exchanges beside the `new` ones: that of other tests.

    A test may have been called otherwise when it recorded: as much as the new ones ask again, and not for what their
    own tests had asked before, goes too. The recordings of the tests that are `fresh` are as new as these. One that
    names no test is of nobody else, unless it may be of a test of the same run.
    """
    tests = {each.recording.test for each in new}
    others = [at for at, each in enumerate(old) if each.recording.test not in tests and (each.recording.test or fresh)]
    if not others:
        return []
    again = Counter(key(each.request, project) for each in new)
    again -= Counter(key(each.request, project) for each in old if each.recording.test in tests)
    stays = []
    for at in others:
        asked = key(old[at].request, project)
        if old[at].recording.test in fresh or not again[asked]:
            stays.append(at)
        else:
            again[asked] -= 1
    return stays
