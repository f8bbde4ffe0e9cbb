"""Rulebook: the redaction rules that a project wrote itself, and which of them find something in what is recorded. One
that finds nothing may be misspelt, and what it should hide may be written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from urllib.parse import parse_qsl

from acetate.config import Redact
from acetate.exchange import Exchange
from acetate.hallmark import THEN, plain_name

__all__ = ["Rulebook"]


class Rulebook:
    """Rules are named as the configuration names them: `redact.fields: ssn`."""

    def __init__(self, said: Redact) -> None:
        self._said = said

    @cached_property
    def names(self) -> list[str]:
        said = {
            "headers": self._said.headers,
            "fields": self._said.fields,
            "query": self._said.query,
            "patterns": self._said.patterns,
        }
        return [f"redact.{kind}: {each}" for kind, every in said.items() for each in every]

    def matched(self, exchange: Exchange) -> set[str]:
        """The rules that find something in an exchange from which nothing was taken yet."""
        return set(self._matched(exchange)) if self.names else set()

    def _matched(self, exchange: Exchange) -> Iterator[str]:
        headers = [*exchange.request.headers, *exchange.response.headers]
        bodies = [each.decode("utf-8", "replace") for each in (exchange.request.body, exchange.response.body)]
        text = "\n".join([exchange.request.uri, *(f"{name}: {value}" for name, value in headers), *bodies])
        called = {name.lower() for name, _ in headers}
        asked = {plain_name(name) for name, _ in parse_qsl(exchange.request.uri.partition("?")[2], True)}
        for name in self._said.headers:
            if name.lower() in called:
                yield f"redact.headers: {name}"
        for name, pattern in self._fields.items():
            if pattern.search(text):
                yield f"redact.fields: {name}"
        for name in self._said.query:
            if plain_name(name) in asked:
                yield f"redact.query: {name}"
        for regex in self._said.patterns:
            if re.search(regex, text):
                yield f"redact.patterns: {regex}"

    @cached_property
    def _fields(self) -> dict[str, re.Pattern[str]]:
        """What finds a field of that name, however its words are joined: in JSON, a form, a header."""
        plain = {name: "[^a-z0-9]?".join(map(re.escape, plain_name(name))) for name in self._said.fields}
        return {name: re.compile(rf"(?i)(?<![a-z0-9]){found}{THEN}") for name, found in plain.items()}
