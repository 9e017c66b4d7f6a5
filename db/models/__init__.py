"""The rows, and the constraints that keep them true whatever the code above does.

Times are ``timestamptz``, UTC. `Encrypted` columns are readable only with ``ENCRYPTION_KEYS``; a ``…_hash``
beside one is what finds it. A row of a tenant carries ``organisation_id``, and refers to another row of a
tenant by both keys, so that the database itself refuses to mix two organisations. Nothing here can hold what
was said.

One file for each group of nouns, so that a table is found by what it is about; everybody imports the rows from here,
which also shows Alembic all of them:

  organisations  Organisation, AuditEntry, Closure, Erasure
  people         Member, MemberGroup, GroupMember
  sign_in        SignInLink, SignOut, SecondFactor, RecoveryCode, IdentityProvider, IdentityRequest;
                 Authenticator and OneTimeCode are what members' and operators' second factors have in common
  numbers        Number, AnsweringPlan, RingingPlan, RingingPlanGroup, NumberHearing
  purchases      NumberOrder, Bundle
  calls          Call, Leg, CallMoment, CallTag
  phone          Conference, Offer, Presence, Choice
  contacts       Contact, ContactNote, BlockedNumber
  phrases        PhraseRuleRow, PhraseHit, UnsaidPhrase
  reports        CallCount, Recount
  billing        Subscription, StripeEvent, Notice
  integrations   ApiKey, KeptAnswer, WebhookEndpoint, WebhookEvent, WebhookDelivery
  operators      Operator, OperatorLink, OperatorFactor, OperatorRecoveryCode, OperatorEntry
  installation   Mail, RateLimit, Backup

The words that columns may hold, and the base class, are `db.base`.
"""

from db.base import Base
from db.models.billing import Notice, StripeEvent, Subscription
from db.models.calls import TO_FILL, Call, CallMoment, CallTag, Leg
from db.models.contacts import BlockedNumber, Contact, ContactNote
from db.models.installation import Backup, Mail, RateLimit
from db.models.integrations import ApiKey, KeptAnswer, WebhookDelivery, WebhookEndpoint, WebhookEvent
from db.models.numbers import AnsweringPlan, Number, NumberHearing, RingingPlan, RingingPlanGroup
from db.models.operators import Operator, OperatorEntry, OperatorFactor, OperatorLink, OperatorRecoveryCode
from db.models.organisations import AuditEntry, Closure, Erasure, Organisation
from db.models.people import GroupMember, Member, MemberGroup
from db.models.phone import Choice, Conference, Offer, Presence
from db.models.phrases import PhraseHit, PhraseRuleRow, UnsaidPhrase
from db.models.purchases import Bundle, NumberOrder
from db.models.reports import CallCount, Recount
from db.models.sign_in import (
    Authenticator,
    IdentityProvider,
    IdentityRequest,
    OneTimeCode,
    RecoveryCode,
    SecondFactor,
    SignInLink,
    SignOut,
)

__all__ = [
    "TO_FILL",
    "AnsweringPlan",
    "ApiKey",
    "AuditEntry",
    "Authenticator",
    "Backup",
    "Base",
    "BlockedNumber",
    "Bundle",
    "Call",
    "CallCount",
    "CallMoment",
    "CallTag",
    "Choice",
    "Closure",
    "Conference",
    "Contact",
    "ContactNote",
    "Erasure",
    "GroupMember",
    "IdentityProvider",
    "IdentityRequest",
    "KeptAnswer",
    "Leg",
    "Mail",
    "Member",
    "MemberGroup",
    "Notice",
    "Number",
    "NumberHearing",
    "NumberOrder",
    "Offer",
    "OneTimeCode",
    "Operator",
    "OperatorEntry",
    "OperatorFactor",
    "OperatorLink",
    "OperatorRecoveryCode",
    "Organisation",
    "PhraseHit",
    "PhraseRuleRow",
    "Presence",
    "RateLimit",
    "Recount",
    "RecoveryCode",
    "RingingPlan",
    "RingingPlanGroup",
    "SecondFactor",
    "SignInLink",
    "SignOut",
    "StripeEvent",
    "Subscription",
    "UnsaidPhrase",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookEvent",
]
