"""The form about an organisation's provider, as it is read and shown. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from db.base import Role
from db.email_addresses import AddressError, read as read_address
from db.models import IdentityProvider
from web.people.sso.identity import MAPPED
from web.request.typed import tidy

LENGTHS: Mapping[str, int] = {"issuer": 300, "client_id": 300, "client_secret": 500, "domains": 1000, "value": 200}
FIELDS = (
    *("issuer", "client_id", "client_secret", "domains", "role_claim", "other_role", "is_enforced"),
    *(f"value_{role}" for role in MAPPED),
)
MOST_DOMAINS = 20
_NONE = "none"


def read(sent: Mapping[str, str], before: IdentityProvider | None) -> tuple[IdentityProvider, Mapping[str, str]]:
    """Return the provider that was typed, and a sentence for each field that is wrong.

    A secret that is left empty is the one from ``before``.
    """
    claim = tidy(sent["role_claim"])
    values = {role: tidy(sent[f"value_{role}"]) for role in MAPPED} if claim else {}
    other = sent["other_role"]
    wanted = IdentityProvider(
        issuer=sent["issuer"].strip(),
        client_id=sent["client_id"].strip(),
        client_secret=sent["client_secret"].strip() or (before.client_secret if before is not None else ""),
        domains=_domains(sent["domains"]),
        role_claim=claim,
        role_values={role: value for role, value in values.items() if value},
        other_role=next((role for role in MAPPED if role == other), None),
        is_enforced=sent["is_enforced"] == "on",
    )
    return wanted, _wrong(wanted, before)


def typed(provider: IdentityProvider | None) -> Mapping[str, str]:
    """Return the fields of what is stored. The secret is never shown again."""
    if provider is None:
        return dict.fromkeys(FIELDS, "") | {"other_role": "agent"}
    values: Mapping[Role, str] = provider.role_values
    return {
        "issuer": provider.issuer,
        "client_id": provider.client_id,
        "client_secret": "",
        "domains": ", ".join(provider.domains),
        "role_claim": provider.role_claim,
        "other_role": provider.other_role or _NONE,
        "is_enforced": "on" if provider.is_enforced else "",
        **{f"value_{role}": values.get(role, "") for role in MAPPED},
    }


def audited(provider: IdentityProvider) -> Mapping[str, str | bool]:
    """Return what the audit log says of a change: everything but the secret."""
    roles = ", ".join(f"{value}: {role}" for role, value in provider.role_values.items())
    return {
        "provider": urlsplit(provider.issuer).hostname or "",
        "client": provider.client_id,
        "domains": ", ".join(provider.domains),
        "role_claim": provider.role_claim,
        "roles": roles,
        "others": provider.other_role or "refused",
        "enforced": provider.is_enforced,
    }


def _domains(text: str) -> list[str]:
    """Return the domains in ASCII; one that is none as it was typed."""
    return list(dict.fromkeys(_domain(each) for each in re.split(r"[\s,;]+", tidy(text)) if each))


def _domain(text: str) -> str:
    try:
        return read_address(f"somebody@{text.removeprefix('@')}").key.rpartition("@")[2]
    except AddressError:
        return text


def _wrong(wanted: IdentityProvider, before: IdentityProvider | None) -> Mapping[str, str]:
    sentences = {
        "issuer": _issuer_problem(wanted),
        "client_id": _client_problem(wanted),
        "client_secret": _secret_problem(wanted, before),
        "domains": _domains_problem(wanted),
        "role_claim": _role_problem(wanted),
    }
    return {name: sentence for name, sentence in sentences.items() if sentence}


def _issuer_problem(wanted: IdentityProvider) -> str:
    if wanted.issuer and len(wanted.issuer) <= LENGTHS["issuer"] and "?" not in wanted.issuer:
        return ""
    return "Enter the issuer that your provider shows, such as https://login.example.com.au."


def _client_problem(wanted: IdentityProvider) -> str:
    if 0 < len(wanted.client_id) <= LENGTHS["client_id"] and wanted.client_id.isprintable():
        return ""
    return "Enter the client id that your provider shows."


def _secret_problem(wanted: IdentityProvider, before: IdentityProvider | None) -> str:
    secret = wanted.client_secret
    if not 0 < len(secret) <= LENGTHS["client_secret"] or not secret.isprintable():
        return "Enter the client secret that your provider shows."
    if before is not None and wanted.issuer != before.issuer and secret == before.client_secret:
        return "A different issuer has a different secret. Enter the new one."
    return ""


def _domains_problem(wanted: IdentityProvider) -> str:
    are_domains = all("." in each and _domain(each) == each for each in wanted.domains)
    if are_domains and 0 < len(wanted.domains) <= MOST_DOMAINS:
        return ""
    return f"Enter your email domains, at most {MOST_DOMAINS}, such as example.com.au."


def _role_problem(wanted: IdentityProvider) -> str:
    if wanted.role_claim and not wanted.role_values:
        return "Enter which value stands for which role, or leave it empty."
    if any(len(each) > LENGTHS["value"] for each in (wanted.role_claim, *wanted.role_values.values())):
        return f"At most {LENGTHS['value']} characters each."
    return ""
