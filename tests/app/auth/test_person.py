"""What a person's role includes, and by which names an author is known to be that person."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from app.auth.person import Person
from app.models import Role

IN_ORDER = [Role.VIEWER, Role.DEVELOPER, Role.REVIEWER, Role.ADMIN]
MARA = Person(uuid4(), "Mara", Role.VIEWER, frozenset({"mara", "mara@example.com"}), "jti", datetime.now(UTC))


@pytest.mark.parametrize(("have", "need"), [(have, need) for have in Role for need in Role])
def test_a_role_includes_the_ones_before_it(have, need):
    assert have.includes(need) == (IN_ORDER.index(have) >= IN_ORDER.index(need))


@pytest.mark.parametrize("author", ["mara", "MARA", " mara@Example.com "])
def test_an_author_is_known_by_any_name_in_any_case(author):
    assert MARA.wrote(author)


@pytest.mark.parametrize("author", [None, "", "maria", "mara <mara@example.com>"])
def test_another_author_is_somebody_else(author):
    assert not MARA.wrote(author)
