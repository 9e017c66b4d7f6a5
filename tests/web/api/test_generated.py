"""Requests that schemathesis makes up from the document, right ones and wrong ones: none is answered by a 5xx."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings as examples
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import delete

from db.engine import Database
from db.models import RateLimit
from tests.kit.integrations.program import Program
from tests.kit.web.cast import Cast
from tests.kit.web.site import Site
from web.api.document import document
from web.api.table import OPERATIONS

EXAMPLES = 12
"""Of each operation and kind."""
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def _operations(url: str) -> list[Any]:
    schema = schemathesis.openapi.from_dict(dict(document(OPERATIONS, url)))
    return [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]


def _sent(site: Site, token: str, operation: Any, mode: GenerationMode, statuses: set[int]) -> Callable[[], None]:
    @examples(
        max_examples=EXAMPLES,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case: Case[Any]) -> None:
        answer = case.call(base_url=f"{site.url}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=60)
        statuses.add(answer.status_code)
        case.validate_response(answer, checks=CHECKS)

    return send


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["right", "wrong"])
async def test_no_request_fails_and_every_answer_is_as_described(
    site: Site, crm: Program, cast: Cast, database: Database, mode: GenerationMode
) -> None:
    await crm.ask("POST", "/contacts", json={"name": "Mia Moore", "number": "0412345678"})
    statuses: set[int] = set()
    operations = _operations(site.url)
    assert len(operations) == len(OPERATIONS)
    for operation in operations:
        async with database.begin() as session:
            await session.execute(delete(RateLimit))
        await asyncio.to_thread(_sent(site, crm.token, operation, mode, statuses))
    assert statuses >= ({200, 404} if mode is GenerationMode.POSITIVE else {400})
