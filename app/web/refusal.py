"""Refusal: why a form was not taken, in words, on the page that it came from and with all that was typed into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from app.errors import NotFound, Problem
from app.web.page_route import unfitting

__all__ = ["Refusal", "refusal"]

FORMS: Final[dict[str, str]] = {
    "username": "A name is made of letters, digits and `. _ @ + -`, begins with a letter or a digit and has 100 "
    "characters at most.",
    "handles": "A person has 20 names in CI at most, each of 200 characters at most.",
    "repository": "A repository is said as `owner/name`: of `https://github.com/acme/chat` that is `acme/chat`.",
    "project": "A project has a name of 100 characters at most, on one line.",
    "name": "Say on one line what it is for, in 100 characters at most.",
}
"""What a field takes, as people say it: a pattern is for programs."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """`form` is the name that the page gives to the one of its forms that was sent."""

    form: str
    status: int
    detail: str
    typed: Mapping[str, Any]


def refusal(error: Problem | ValidationError, form: str, **typed: Any) -> Refusal:
    """What the page says. Raises what cannot be said beside a form: that what it was about is not there."""
    if isinstance(error, NotFound):
        raise error
    problem = error if isinstance(error, Problem) else unfitting(error)
    field = "" if isinstance(error, Problem) else str(error.errors(include_input=False)[0]["loc"][0])
    return Refusal(form, problem.status, FORMS.get(field, problem.detail), typed)
