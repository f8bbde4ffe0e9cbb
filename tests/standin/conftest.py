from __future__ import annotations

from tests.standin.fixture import together as together
