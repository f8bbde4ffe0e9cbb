"""The report as the comment on a pull request."""

from __future__ import annotations

import re

import pytest

from acetate.change import Evidence
from acetate.report import render
from acetate.report.markdown import MARKER
from acetate.verdict import Problem

CELL = re.compile(r"(?:\\[!-/:-@\[-`{-~]|[^|\\]|\\(?![!-/:-@\[-`{-~]))+")
CODE = re.compile(r"(?<!`)(`+)(?!`)(.*?)(?<!`)\1(?!`)")


def rows(text: str) -> list[list[str]]:
    """The cells of the table as GitHub's parser splits them: a backslash escapes any punctuation, also a backslash."""
    return [CELL.findall(line[1:-1]) for line in text.splitlines() if line.startswith("|")][2:]


def test_no_change_is_the_marker_and_one_line(verdict):
    assert render(verdict(), "markdown") == f"{MARKER}\nAcetate: no change, 31 examined.\n"


def test_a_whole_comment(verdict, change):
    evidence = Evidence("20 of 20", None, "2026-11-22", "2026-10-11", (("a", "20 of 20"), ("b", "0 of 3")))
    breaking = change(before="eos", after="stop", evidence=evidence)
    new = change("c07a52e1", kind="field-added", severity="info", path="$.usage.cached", after="integer")
    where = {"commit": "9f8e7d6aaaaaaaa", "branch": "fix", "base": "main", "ci_url": "https://ci.example/77"}
    assert (
        render(verdict(breaking, new, **where), "markdown", link="https://acetate.example/runs/412")
        == f"""\
{MARKER}
### Acetate: 1 breaking and 1 harmless change wait for a reviewer

`main` → `fix` at `9f8e7d6`

| | Change | Edge | Seen | Since | Decision |
|---|---|---|---|---|---|
| **Breaking** `4be1d9f2` | `$.choices[].finish_reason`: `"eos"` → `"stop"`, `enum-value-replaced` | \
`together` → `chat`, `chat.completions` 200 | 20 of 20, 1 of 2 models | between 2026-10-11 and 2026-11-22 | waiting |
| Harmless `c07a52e1` | `$.usage.cached` `integer` added, `field-added` | `together` → `chat`, \
`chat.completions` 200 |  |  | waiting |

**[Review 2 changes](https://acetate.example/runs/412)**

<sub>2 of 2 changes shown · 31 examined, 118 replayed, 0 live, 0 missed · [job](https://ci.example/77)</sub>
"""
    )


@pytest.mark.parametrize(
    ("levels", "title"),
    [
        (["error"], "1 breaking change waits for a reviewer"),
        (["warn"], "1 unclear change waits for a reviewer"),
        (["error", "error"], "2 breaking changes wait for a reviewer"),
        (["error", "warn", "info"], "1 breaking, 1 unclear and 1 harmless change wait for a reviewer"),
        (["error", "info", "info"], "1 breaking and 2 harmless changes wait for a reviewer"),
    ],
)
def test_the_title_says_what_waits(levels, title, verdict, change):
    changes = [change(str(number), severity=level) for number, level in enumerate(levels)]
    assert f"### Acetate: {title}\n" in render(verdict(*changes), "markdown")


def test_the_title_says_what_was_decided(verdict, change):
    approved, rejected = change("a", decision="approved"), change("b", decision="rejected", reason="no")
    assert "### Acetate: every change is approved\n" in render(verdict(approved), "markdown")
    assert "### Acetate: 1 rejected change still there\n" in render(verdict(rejected), "markdown")
    text = render(verdict(approved, rejected, change("c")), "markdown")
    assert "### Acetate: 1 rejected change still there; 1 breaking change waits for a reviewer\n" in text
    assert [row[-1].strip() for row in rows(text)] == ["waiting", "rejected: `no`", "approved"]


def test_what_could_not_be_looked_at_comes_before_the_changes(verdict, change):
    text = render(verdict(change(), problems=(Problem("a.yaml", "is not YAML", "mend it"),)), "markdown")
    assert "### Acetate: 1 problem kept it from looking\n" in text
    assert text.index("- `a.yaml`: `is not YAML`. Next: `mend it`") < text.index("| | Change")


def test_nothing_examined_is_said(verdict):
    assert "### Acetate: nothing was examined\n" in render(verdict(examined=0), "markdown")


def test_without_a_page_the_comment_says_what_to_type(verdict, change):
    text = render(verdict(change()), "markdown")
    assert "`acetate accept FINGERPRINT" in text
    assert "acetate accept" not in render(verdict(change(decision="approved")), "markdown", link="https://a.example")


@pytest.mark.parametrize("link", ["javascript:alert(1)", "https://" + "a" * 3000])
def test_a_link_that_is_not_for_a_browser_is_left_out(link, verdict, change):
    text = render(verdict(change(), ci_url=link), "markdown", link=link)
    assert link not in text
    assert "](" not in text


@pytest.mark.parametrize(
    ("fields", "cell"),
    [
        ({"kind": "field-removed", "path": "$.a", "before": "object"}, "`$.a` `object` removed, `field-removed`"),
        ({"kind": "field-renamed", "before": "$.a", "after": "$.b"}, "`$.a` → `$.b`, `field-renamed`"),
        ({"kind": "exchange-unapproved", "path": "$"}, "`exchange-unapproved`"),
        ({"before": "a|b", "after": "`"}, '`$.choices[].finish_reason`: `"a\\|b"` → ``"`"``, `enum-value-replaced`'),
    ],
)
def test_a_change_is_said_in_one_cell(fields, cell, verdict, change):
    ((_, shown, *_),) = rows(render(verdict(change(**fields)), "markdown"))
    assert shown.strip() == cell


def test_the_edge_says_who_reads(verdict, change):
    own = change(edge="provide", provider="chat", operation="GET /items", stream=True)
    ((_, _, edge, *_),) = rows(render(verdict(own), "markdown"))
    assert edge.strip() == "`chat` → its clients, `GET /items` 200 stream"


def test_the_day_it_was_first_seen_stands_alone_where_nothing_was_approved(verdict, change):
    ((_, _, _, _, since, _),) = rows(
        render(verdict(change(evidence=Evidence(first_recorded="2026-11-22T10:00:00Z"))), "markdown")
    )
    assert since.strip() == "2026-11-22"


def test_a_comment_is_never_longer_than_github_takes(verdict, change):
    changes = [change(f"{number:016x}", before="é" * 200, after="日" * 200) for number in range(2000)]
    text = render(verdict(*changes), "markdown")
    assert 40_000 < len(text.encode()) <= 65_000
    shown = len(rows(text))
    assert f"{shown} of 2000 changes shown" in text


def test_many_problems_are_counted(verdict):
    text = render(verdict(problems=tuple(Problem(str(each), "b", "c") for each in range(25))), "markdown")
    assert "- `19`" in text
    assert "- `20`" not in text
    assert "- and 5 more\n" in text


def test_hostile_text_stays_inside_its_cell_and_inside_code(hostile):
    text = render(hostile, "markdown", link="https://acetate.example/1")
    table = rows(text)
    assert [len(row) for row in table] == [6] * 6
    lines = [line for line in text.splitlines() if line.startswith(("|", "- ", "`", "**1 of 1 mock"))]
    outside = " ".join(CODE.sub("", line) for line in lines)
    assert not set("<>@*#[]") & set(re.sub(r"\*\*(Breaking\*\*|Rejected\*\*|1 of 1 mock )|\*\* ", "", outside))
    assert text.count("<sub>") == text.count("</sub>") == 1
    assert text.count("<") == 3 + sum(match[2].count("<") for line in lines for match in CODE.finditer(line))
