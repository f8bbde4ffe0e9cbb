"""The catalogue of kinds: whole, explained, and a severity for each edge."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from acetate.kind import KINDS, UNCLASSIFIED, Edge, Group, Severity, severity

SEVERITIES = {
    "field-removed": ("error", "error"),
    "optional-field-removed": ("warn", "warn"),
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
    assert kind.seen_in in ("exchange", "library", "document")
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
