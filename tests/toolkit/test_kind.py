"""The catalogue of kinds: whole, explained, and a severity for each edge."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import get_args

import pytest

import acetate
from acetate.kind import KINDS, UNCLASSIFIED, Edge, Group, Place, Severity, severity
from acetate.retyping import type_kind

SEVERITIES = {
    "field-removed": ("error", "error"),
    "optional-field-removed": ("warn", "error"),
    "field-added": ("info", "warn"),
    "undocumented-field": ("info", "error"),
    "became-nullable": ("error", "error"),
    "null-only": ("warn", "error"),
    "type-narrowed": ("info", "info"),
    "enum-value-added": ("warn", "error"),
    "enum-value-replaced": ("error", "error"),
    "array-may-be-empty": ("warn", "error"),
    "order-changed": ("none", "info"),
    "status-added": ("warn", "info"),
    "status-removed": ("error", "error"),
    "error-status-added": ("warn", "info"),
    "error-status-removed": ("info", "warn"),
    "header-removed": ("warn", "error"),
    "stream-terminator-missing": ("error", "error"),
    "exchange-unapproved": ("warn", "warn"),
    "request-drift": ("info", "info"),
    "unclassified": ("error", "error"),
}


@pytest.mark.parametrize(("kind", "levels"), SEVERITIES.items())
def test_a_kind_has_a_severity_for_each_edge(kind, levels):
    assert (severity(kind, "consume", {}), severity(kind, "provide", {})) == levels


def test_an_override_counts_on_both_edges():
    overrides: dict[str, Severity] = {"field-added": "none"}
    assert [severity("field-added", edge, overrides) for edge in get_args(Edge)] == ["none", "none"]


def test_an_override_for_one_edge_wins_over_one_for_both():
    overrides: dict[str, Severity] = {"field-added": "none", "provide.field-added": "error"}
    assert severity("field-added", "provide", overrides) == "error"
    assert severity("field-added", "consume", overrides) == "none"


@pytest.mark.parametrize("edge", get_args(Edge))
def test_a_kind_that_nobody_knows_is_never_silent(edge):
    assert severity("made-up", edge, {}) == severity(UNCLASSIFIED, edge, {}) == "error"


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.id)
def test_a_row_of_the_catalogue_is_whole(kind):
    assert KINDS[kind.id] is kind
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.id)
    assert kind.group in get_args(Group)
    assert {kind.consume, kind.provide} <= set(get_args(Severity))
    assert kind.seen_in in get_args(Place)
    assert kind.sides in ("words", "values", "paths")


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.id)
def test_an_explanation_is_a_few_plain_sentences_that_end_with_what_to_do(kind):
    assert kind.explanation.endswith(".")
    assert 2 <= len(re.findall(r"[.!?](?: |$)", kind.explanation)) <= 5
    assert re.search(r"[Aa]ccept|[Dd]ocument it|`acetate ", kind.explanation)


def test_no_two_explanations_are_the_same():
    assert len({kind.explanation for kind in KINDS.values()}) == len(KINDS)


def test_kinds_of_one_group_stand_together():
    groups = [kind.group for kind in KINDS.values()]
    assert [group for at, group in enumerate(groups) if groups[at - 1 : at] != [group]] == list(get_args(Group))


@pytest.mark.parametrize("kind", ["field-renamed", "field-moved", "body-wrapped", "body-unwrapped"])
def test_a_fact_about_two_places_has_paths_on_its_sides(kind):
    assert KINDS[kind].sides == "paths"


@pytest.mark.parametrize("kind", ["value-changed", "enum-value-added", "enum-value-replaced", "const-changed"])
def test_a_fact_about_values_has_values_on_its_sides(kind):
    assert KINDS[kind].sides == "values"


@pytest.mark.parametrize("kind", ["field-removed", "type-changed", "became-nullable", "format-changed"])
def test_a_fact_about_shape_has_words_on_its_sides(kind):
    assert KINDS[kind].sides == "words"


# Where each kind is raised: what the catalogue promises is there. Two modules have a hand in some.
RAISED = {
    "folding": (
        "field-removed", "optional-field-removed", "field-added", "body-wrapped", "body-unwrapped", "field-renamed",
        "field-moved",
    ),
    "retyping": ("type-changed", "type-widened"),
    "keying": ("object-became-map", "map-became-object", "array-became-map", "map-became-array"),
    "comparison": (
        "became-nullable", "enum-value-added", "enum-value-replaced", "const-changed", "format-changed", "format-lost",
        "array-may-be-empty", "value-changed",
    ),
    "sequence": ("order-changed", "length-changed"),
    "course": (
        "stream-event-type-added", "stream-event-type-removed", "stream-terminator-missing",
        "stream-field-phase-moved", "enum-value-removed",
    ),
    "examine": (
        "exchange-unapproved", "status-added", "error-status-added", "content-type-changed", "header-removed",
    ),
    "census": ("presence-dropped", "presence-rose", "null-only", "status-removed", "observation-lost"),
    "violation": (UNCLASSIFIED,),
    "amendment": ("became-optional", "became-required"),
    "evolution": (
        "became-not-nullable", "type-narrowed", "became-open-string", "became-enum", "const-added", "format-gained",
        "pattern-changed", "pattern-lost", "range-widened", "range-narrowed", "default-changed", "deprecated",
        "undeprecated", "sunset-set", "additional-properties-opened", "additional-properties-closed",
        "map-key-pattern-changed", "tuple-length-changed", "union-variant-added", "union-variant-removed",
        "discriminator-changed", "header-became-optional", "endpoint-removed", "endpoint-added",
    ),
    "provide": ("undocumented-field", "error-status-removed"),
    "drift": ("request-drift",),
    "session": ("redaction-unmatched",),
}  # fmt: skip

COMPOSED = {
    ("string", "object"): "scalar-became-object",
    ("object", "string"): "object-became-scalar",
    ("string", "array"): "scalar-became-array",
    ("array", "string"): "array-became-scalar",
}


@pytest.mark.parametrize(("module", "kind"), [(module, kind) for module, kinds in RAISED.items() for kind in kinds])
def test_a_kind_is_raised_by_the_module_that_is_named_for_it(module: str, kind: str) -> None:
    written = ast.parse((Path(acetate.__file__).parent / f"{module}.py").read_text(encoding="utf-8"))
    assert kind in {each.value for each in ast.walk(written) if isinstance(each, ast.Constant)}


@pytest.mark.parametrize(("types", "kind"), COMPOSED.items())
def test_a_kind_whose_name_is_put_together_comes_of_these_types(types: tuple[str, str], kind: str) -> None:
    before, now = types
    assert type_kind(frozenset({before}), frozenset({now})) == kind


def test_every_kind_is_raised_by_something_or_says_that_it_is_not() -> None:
    raised = {kind for kinds in RAISED.values() for kind in kinds} | set(COMPOSED.values())
    later = {kind.id for kind in KINDS.values() if kind.seen_in == "later version"}
    assert raised | later == set(KINDS)
    assert raised & later == set()


VALUE = re.compile(r"`[^`]*[\"{\[][^`]*`")


@pytest.mark.parametrize("kind", [each for each in KINDS.values() if VALUE.search(each.explanation)])
def test_an_example_says_that_it_is_one(kind):
    """An explanation is printed beside another change of its kind, which may be the opposite."""
    before, _, _ = kind.explanation.partition(VALUE.search(kind.explanation)[0])
    assert "for example" in before
