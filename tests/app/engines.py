"""Each test that stands on a database runs on both; these marks choose one, where the database is not the subject."""

from __future__ import annotations

import pytest

__all__ = ["ONLY_POSTGRESQL", "ONLY_SQLITE"]

ONLY_SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
ONLY_POSTGRESQL = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
