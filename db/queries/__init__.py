"""The queries, one file for each aggregate. Of web, only the access gate may use them.

`organisations`, `members`, `numbers` and their `number_orders`, `bundles` and `answering_plans`, `calls` with their
`conferences` and `missed_calls`, the `audit` log. `mails` are those that wait to be sent, `retention` deletes old
calls, `rate_limits` counts requests.

Rooms: `billing/` what Stripe says, `integrations/` an organisation's own programs, `log/` the call log and how it
is searched, `operators/` who runs the installation, `phone/` presence, offers, groups and contacts, `reports/`
counts of calls, `rights/` what is exported, erased and closed, `sign_in/` how members prove who they are, `words/`
phrase rules and how numbers are heard.
"""
