"""Fingerprints: what a change is, and nothing else of the run."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from acetate.change import ABSENT, Difference, fingerprint

REMOVED = Difference("field-removed", "$.usage", "$.usage", "object")


def test_a_fingerprint_is_the_first_digits_of_the_hash_of_the_canonical_json():
    canonical = '["consume","together","chat.completions",200,false,"$.usage","field-removed","object"]'
    expected = hashlib.sha256(canonical.encode()).hexdigest()[:16]
    assert fingerprint("consume", "together", "chat.completions", 200, False, REMOVED) == expected


@pytest.mark.parametrize(
    "other",
    [
        {"kind": "optional-field-removed"},
        {"path": "$.seed"},
        {"before": "integer"},
        {"before": None},
        {"before": ABSENT},
        {"after": "null"},
        {"before": {"b": 1, "a": 2}},
    ],
)
def test_another_fact_has_another_fingerprint(other):
    place = ("consume", "together", "chat.completions", 200, False)
    assert fingerprint(*place, REMOVED) != fingerprint(*place, replace(REMOVED, **other))


def test_the_place_in_one_response_and_the_order_of_keys_are_no_part_of_it():
    place = ("provide", "chat", "GET /items", 200, True)
    one = Difference("value-changed", "$.items[]", "$.items[0]", {"a": 1, "b": 2})
    other = Difference("value-changed", "$.items[]", "$.items[7]", {"b": 2, "a": 1})
    assert fingerprint(*place, one) == fingerprint(*place, other)


def test_a_text_that_has_no_utf_8_has_a_fingerprint():
    lone = Difference("field-added", '$["\ud800"]', '$["\ud800"]', ABSENT, "\udfff")
    assert len(fingerprint("consume", "together", "chat.completions", 200, False, lone)) == 16


def test_absence_says_what_it_is():
    assert repr(ABSENT) == "ABSENT"
