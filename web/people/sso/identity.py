"""Whom a provider vouches for, and in which role. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from db import email_addresses
from db.base import Role
from db.email_addresses import AddressError
from web.request.typed import tidy

MAPPED: tuple[Role, ...] = ("admin", "supervisor", "agent")
"""The roles that a provider may give, the one with most rights first. Owners are made by owners alone."""
LONGEST_NAME = 80
_VERIFIED = ("email_verified", "xms_edov")  # the second is Microsoft's: the domain's owner has verified it

Objection = Literal["no_email", "unverified_email", "other_domain", "no_role"]


class NotVouchedError(Exception):
    """The provider does not say what it takes to let somebody in."""

    def __init__(self, objection: Objection) -> None:
        super().__init__(objection)
        self.objection = objection


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody for whom the organisation's provider vouches."""

    email: str
    name: str
    role: Role | None
    """What the provider says that they are; None: it does not say, and their role is kept."""
    new_role: Role | None
    """What they become if they are new; None: then they may not come in."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What an organisation wants of its provider."""

    domains: Collection[str]
    role_claim: str
    role_values: Mapping[str, str]
    other_role: Role | None


def read(claims: Mapping[str, Any], rules: Rules) -> Identity:
    """Return whom the claims are about. Raise `NotVouchedError`."""
    email = _email(claims)
    if not any(claims.get(each) in (True, "true", 1, "1") for each in _VERIFIED):
        raise NotVouchedError("unverified_email")
    if email.key.rpartition("@")[2] not in rules.domains:
        raise NotVouchedError("other_domain")
    given = _role(claims, rules)
    if rules.role_claim and given is None:
        given = rules.other_role
        if given is None:
            raise NotVouchedError("no_role")
    return Identity(email.shown, _name(claims, email.shown), given, given or rules.other_role)


def _email(claims: Mapping[str, Any]) -> email_addresses.Address:
    try:
        return email_addresses.read(str(claims.get("email") or ""))
    except AddressError:
        raise NotVouchedError("no_email") from None


def _name(claims: Mapping[str, Any], email: str) -> str:
    name = claims.get("name")
    said = tidy(name)[:LONGEST_NAME] if isinstance(name, str) else ""
    return said or email.partition("@")[0][:LONGEST_NAME]


def _role(claims: Mapping[str, Any], rules: Rules) -> Role | None:
    said = claims.get(rules.role_claim) if rules.role_claim else None
    values = {str(each) for each in said} if isinstance(said, list) else {str(said)}
    return next((role for role in MAPPED if rules.role_values.get(role) and rules.role_values[role] in values), None)
