"""The stand-in as a pytest fixture. A folder takes it with one line in its `conftest.py`:

from tests.standin.fixture import together as together
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.standin.server import Standin

__all__ = ["together"]


@pytest.fixture
def together() -> Iterator[Standin]:
    """A stand-in of one's own; the test fails if the stand-in itself does."""
    with Standin() as standin:
        yield standin
