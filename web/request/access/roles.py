"""Which role may do what: the permission table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from db.base import Role
from db.models import Organisation

Permission = Literal[
    "console",  # watch live calls: one's own, or with calls.all everybody's
    "softphone",  # be rung, dial out
    "calls",  # the call log: one's own calls, or with calls.all everybody's
    "calls.all",
    "supervise",  # read, listen to, speak in and end others' calls, write to agents, switch absent ones off
    "callers",  # say whom not to call or transcribe, and whose calls are refused
    "words.stop",  # stop the words of a live call: one's own, or with calls.all anybody's
    "numbers",
    "team",
    "settings",
    "integrations",  # keys of the API, webhooks
    "audit",
    "billing",
    "data",  # export and erase what is stored, close the organisation
    "sign_in",  # how members sign in: who needs a second factor, the organisation's own provider
]
_AGENT: frozenset[Permission] = frozenset({"console", "softphone", "calls", "words.stop"})
_SUPERVISOR: frozenset[Permission] = _AGENT | {"calls.all", "supervise", "callers"}
_ADMIN: frozenset[Permission] = _SUPERVISOR | {"numbers", "team", "settings", "integrations", "audit"}
_OWNER: frozenset[Permission] = _ADMIN | {"billing", "data", "sign_in"}
PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    "agent": _AGENT,
    "supervisor": _SUPERVISOR,
    "admin": _ADMIN,
    "owner": _OWNER,
}
"""The permissions of each role, defined here only."""


def must_have_factor(organisation: Organisation, role: Role) -> bool:
    """Return whether whoever has ``role`` in ``organisation`` needs a second factor."""
    return organisation.second_factor_required and role in ("owner", "admin")
