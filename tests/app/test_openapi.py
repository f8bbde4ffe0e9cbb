"""Every operation of the OpenAPI document answers as it says, whatever is sent: no 5xx, no undocumented response. Those
of the companion are asked in tests/app/companion/test_fuzz.py, with a model behind them."""

from __future__ import annotations

import os

import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from app.models import Role
from tests.app.companion.test_fuzz import OURS
from tests.app.engines import ONLY_SQLITE

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "150")) // 30
LEFT_OUT = {"/logout"}
"""Afterwards nobody is signed in."""
EXCLUDED = [positive_data_acceptance, ignored_auth]
"""Valid requests may be refused for what no schema says. Who may do what is held by tests/app/auth/test_access.py."""


@ONLY_SQLITE
def test_every_answer_is_as_the_openapi_document_says(app, client, as_role):
    me = as_role(Role.ADMIN)
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    every = [each.ok() for each in schema.get_all_operations()]
    operations = [each for each in every if not OURS.match(each.path) and each.path not in LEFT_OUT]
    assert len(operations) > 25
    for operation in operations:

        @settings(max_examples=max(EXAMPLES, 3), deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def answered(case):
            case.call_and_validate(headers=me, excluded_checks=EXCLUDED)

        answered()
