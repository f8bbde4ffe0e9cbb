"""The files of requirements/, as what they pin."""

from __future__ import annotations

import re
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

__all__ = ["REQUIREMENTS", "pinned"]

REQUIREMENTS = Path(__file__).parents[2] / "requirements"
_PIN = re.compile(r"^\S+==[^\\\n]+", re.MULTILINE)


def pinned(file: str) -> dict[str, list[Requirement]]:
    """By canonical name. What has other versions on other machines is there several times."""
    found: dict[str, list[Requirement]] = {}
    for line in _PIN.findall((REQUIREMENTS / file).read_text(encoding="utf-8")):
        requirement = Requirement(line)
        found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return found
