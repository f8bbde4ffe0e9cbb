"""What is installed anywhere is pinned, with hashes, and comes out the same with every pip."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import distribution

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.repository.lock import REQUIREMENTS, pinned

FILES = ["dev.txt", "service.txt"]


def test_every_dependency_is_pinned():
    project = tomllib.loads((REQUIREMENTS.parent / "pyproject.toml").read_text())
    groups = [each for group in project["dependency-groups"].values() for each in group if isinstance(each, str)]
    wanted = project["project"]["dependencies"] + groups + project["build-system"]["requires"]
    names = {canonicalize_name(Requirement(each).name) for each in wanted}
    assert names - set(pinned("dev.txt")) == set(), "next: make lock"


@pytest.mark.parametrize("file", FILES)
def test_every_pin_has_a_hash(file):
    assert pinned(file)
    assert re.findall(r"^\S+==.*\n(?!    --hash=)", (REQUIREMENTS / file).read_text(), re.MULTILINE) == []


@pytest.mark.parametrize("file", FILES)
def test_what_somebody_asks_for_with_an_extra_is_pinned_with_it(file):
    """pip before 23.3, which new environments of Python 3.11 have, takes `coverage[toml]` for another package than a
    pinned `coverage`: it installs the newest, and fails on the day when that is not the one that is pinned."""
    pins = pinned(file)
    asked = {
        (canonicalize_name(each.name), extra)
        for name, wanted in pins.items()
        if any(pin.marker is None or pin.marker.evaluate() for pin in wanted)
        for each in map(Requirement, distribution(name).requires or ())
        if each.marker is None or any(each.marker.evaluate({"extra": one}) for one in ("", *wanted[0].extras))
        for extra in each.extras
    }
    assert asked
    assert {(name, extra) for name, extra in asked if any(extra not in pin.extras for pin in pins[name])} == set()


def test_the_versions_of_the_image_are_those_that_are_tested():
    def versions(file: str) -> set[tuple[str, str]]:
        return {(name, str(pin.specifier)) for name, pins in pinned(file).items() for pin in pins}

    assert versions("service.txt") - versions("dev.txt") == set()
