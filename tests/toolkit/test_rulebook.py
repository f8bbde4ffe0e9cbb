"""Which of a project's own redaction rules find something."""

from __future__ import annotations

import pytest

from acetate.config import Redact
from acetate.exchange import Exchange, Request, Response
from acetate.rulebook import Rulebook


def said(body: bytes = b"", uri: str = "https://api.together.ai/v1/x", **headers: str) -> Exchange:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Exchange(Request("POST", uri, named, body), Response(200, "OK", (("X-Trace", "1"),), b"ok"))


def test_without_rules_nothing_is_looked_at() -> None:
    book = Rulebook(Redact(allow=("response.body $.key",)))
    assert (book.names, book.matched(said())) == ([], set())


def test_a_header_of_either_side_counts_in_any_case() -> None:
    book = Rulebook(Redact(headers=("x-account", "x-trace", "x-other")))
    assert book.matched(said(X_Account="7")) == {"redact.headers: x-account", "redact.headers: x-trace"}


@pytest.mark.parametrize(
    "body",
    [b'{"customerNumber": 1}', b'{"customer_number":1}', b"customer-number=1", b'{"a": "{\\"customerNumber\\": 1}"}'],
)
def test_a_field_counts_however_its_words_are_joined(body: bytes) -> None:
    assert Rulebook(Redact(fields=("customer_number",))).matched(said(body)) == {"redact.fields: customer_number"}


@pytest.mark.parametrize("body", [b'{"text": "a customer number"}', b'{"my_customer_numbering": 1}'])
def test_a_word_that_is_no_field_does_not(body: bytes) -> None:
    assert Rulebook(Redact(fields=("customer_number",))).matched(said(body)) == set()


def test_a_query_parameter_and_a_pattern_count() -> None:
    book = Rulebook(Redact(query=("session",), patterns=("ACME-[0-9]+", "ACNE-[0-9]+")))
    assert book.names == ["redact.query: session", "redact.patterns: ACME-[0-9]+", "redact.patterns: ACNE-[0-9]+"]
    found = book.matched(said(b"order ACME-12", uri="https://api.together.ai/v1/x?Session="))
    assert found == {"redact.query: session", "redact.patterns: ACME-[0-9]+"}
