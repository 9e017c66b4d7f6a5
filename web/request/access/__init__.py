"""Access control: the only way from a request to an organisation's rows.

What this package lists is all that others may use, as ``access.require``, ``access.rows``; a contract keeps these
files to themselves. No other module of `web` imports a class or function of `db.queries` that takes a session; types
of values are free. `tests/web/request/access/test_access.py` checks it, and names what is exempt: the commands
(`web.found`, `web.operate`, `web.unlock`), and queries of the whole installation (operators and what they write into
an organisation's audit log, rate limits, Stripe's events, the vocabularies of all numbers).

  roles        which role may do what: the permission table
  viewers      a page's request carries a cookie: `require` turns it into a `Viewer`
  pages        `rows`: the rows of the viewer's organisation (only the viewer's own calls, if the role sees no others)
  sign_ins     a sign-up has no organisation yet: `found` creates it; a mailed link says whose it is: `of_link`;
               `half`: who has yet to show a second factor
  providers    who comes from their organisation's own identity provider: `coming_back`, `by_provider`
  programs     a program of an organisation's own shows a key: `client`, `of_client`
  twilio       a webhook carries Twilio's signature: `by_number`, `by_member`, `by_call` and `by_room` find the
               organisation from Twilio's data, and refuse a request whose signature was not verified
  events       events from media come over NATS, where only media may publish them: `by_fact`; rooms after a request:
               `of_room`; a process that has just started asks which calls go on: `conversations`
  tenant_rows  `Rows`, which all of these open
"""

from web.request.access.events import by_fact, conversations, of_room, rooms_due, with_calls
from web.request.access.pages import of_organisation, presence, rows
from web.request.access.programs import Client, client, of_client
from web.request.access.providers import Coming, by_provider, coming_back, going, must_use_provider, provider_of
from web.request.access.roles import PERMISSIONS, Permission, must_have_factor
from web.request.access.sign_ins import (
    NextStep,
    arrived,
    declined,
    found,
    half,
    next_step,
    of_link,
    sign_out,
    use_link,
)
from web.request.access.tenant_rows import Rows
from web.request.access.twilio import SIGNED_BY_TWILIO, by_call, by_member, by_number, by_room
from web.request.access.viewers import VIEWER, Viewer, current, require, require_again

__all__ = [
    "PERMISSIONS",
    "SIGNED_BY_TWILIO",
    "VIEWER",
    "Client",
    "Coming",
    "NextStep",
    "Permission",
    "Rows",
    "Viewer",
    "arrived",
    "by_call",
    "by_fact",
    "by_member",
    "by_number",
    "by_provider",
    "by_room",
    "client",
    "coming_back",
    "conversations",
    "current",
    "declined",
    "found",
    "going",
    "half",
    "must_have_factor",
    "must_use_provider",
    "next_step",
    "of_client",
    "of_link",
    "of_organisation",
    "of_room",
    "presence",
    "provider_of",
    "require",
    "require_again",
    "rooms_due",
    "rows",
    "sign_out",
    "use_link",
    "with_calls",
]
