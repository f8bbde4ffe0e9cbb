"""The report for machines: `acetate.report/1`."""

from __future__ import annotations

import json

from acetate.verdict import Verdict, as_json

__all__ = ["render"]


def render(verdict: Verdict) -> str:
    """ASCII, because JSON can hold what UTF-8 cannot (lone surrogates)."""
    return json.dumps(as_json(verdict), indent=2) + "\n"
