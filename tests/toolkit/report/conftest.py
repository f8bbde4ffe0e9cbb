"""Verdicts to write reports of, built from values."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from acetate.change import Change, Evidence, Occurrence
from acetate.verdict import Context, Counts, Fault, Mock, Problem, Verdict, judged

HOSTILE = (
    "two\nlines",
    "\r\n::error::taken over",
    "::error::taken over ##[error] ##vso[task.complete]",
    "\x1b[31mred\x1b[0m\x07",
    "a | b \\| c",
    "`code` ``more` ```",
    "<script>alert(1)</script><!-- -->",
    "@octocat **bold** [link](javascript:x) #88",
    "\u202egnp.exe\u2066",
    "\x00\x0b\ufffe\ud800",
    "%0A%25 , : ,title=x",
    "日本語のテキスト " * 9,
    "e" + "\u0301" * 500,
    "x" * 50_000,
    "---\n# heading\n```\n",
    "",
)
"""What a provider, a test name or a person could put into any field."""


def change_of(fingerprint: str = "4be1d9f2", **fields: object) -> Change:
    held = {
        "kind": "enum-value-replaced",
        "severity": "error",
        "edge": "consume",
        "provider": "together",
        "operation": "chat.completions",
        "status": 200,
        "stream": False,
        "path": "$.choices[].finish_reason",
    }
    return Change(fingerprint.ljust(16, "0"), **(held | fields))  # type: ignore[arg-type]


def mock_of(*severities: str, **fields: object) -> Mock:
    """A mock with a fault of each of these severities."""
    held = {
        "test": "tests/test_chat.py::test_stale",
        "provider": "together",
        "operation": "chat.completions",
        "status": 200,
        "stream": False,
        "contract": "contracts/together/chat.completions/200.json",
        "faults": tuple(
            Fault("field-removed", each, f"$.f{at}", before="object") for at, each in enumerate(severities)
        ),
    }
    return Mock(**(held | fields))  # type: ignore[arg-type]


def verdict_of(
    *changes: Change,
    examined: int = 31,
    problems: tuple[Problem, ...] = (),
    notes: tuple[str, ...] = (),
    mocks: tuple[Mock, ...] = (),
    **context: str,
) -> Verdict:
    counts = Counts(cassettes=23, exchanges=31, examined=examined, replayed=118)
    outcome = judged(changes, problems, examined)
    where = Context(**({"project": "chat", "acetate": "0.1.0"} | context))
    return Verdict(outcome, where, counts, changes, problems, notes, mocks)


def hostile_verdict(text: str) -> Verdict:
    """The same text in every field that comes from outside, in every group of changes."""
    evidence = Evidence(text, text, text, text, ((text, text), ("model", "0 of 3")))
    occurrences = tuple(Occurrence(f"{text}{number}", number, text, text, text, text) for number in range(3))
    common = {
        "provider": text,
        "operation": text,
        "path": f"$.{text}",
        "evidence": evidence,
        "occurrences": occurrences,
    }
    changes = (
        change_of("a1", before=text, after={text: [text]}, **common),
        change_of("a2", kind="field-renamed", before=text, after=text, **common),
        change_of("a3", kind="field-removed", before=text, decision="rejected", reason=text, **common),
        change_of("a4", kind="exchange-unapproved", severity="warn", **common),
        change_of("a5", kind="field-added", severity="info", after=text, edge="provide", **common),
        change_of("a6", kind=text, decision="approved", reason=text, before=text, after=None, **common),
    )
    names = ("project", "commit", "branch", "base", "author")
    url = f"https://ci.example/{text}"
    told = {
        "problems": (Problem(text, text, text),),
        "notes": (text,),
        "mocks": (
            mock_of(
                test=text, provider=text, operation=text, contract=text, faults=(Fault(text, "error", text, text),)
            ),
            mock_of(test=text, provider=text, operation=text, contract=None),
        ),
    }
    return verdict_of(*changes, ci_url=url, **told, **dict.fromkeys(names, text))  # type: ignore[arg-type]


@pytest.fixture
def change() -> Callable[..., Change]:
    return change_of


@pytest.fixture
def mock() -> Callable[..., Mock]:
    return mock_of


@pytest.fixture
def verdict() -> Callable[..., Verdict]:
    return verdict_of


@pytest.fixture
def everywhere() -> Callable[[str], Verdict]:
    return hostile_verdict


@pytest.fixture(params=HOSTILE, ids=lambda text: ascii(text[:16]))
def hostile(request: pytest.FixtureRequest) -> Verdict:
    return hostile_verdict(request.param)
