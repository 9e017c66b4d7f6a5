"""The queries, one file for each aggregate. In web, only the access gate opens the rows of tenants.

`organisations`, `members`, `numbers` and their `number_orders`, `bundles` and `answering_plans`, `calls` and
`missed_calls`, the `audit` log. `mails` are those that wait to be sent, `rate_limits` counts requests. `retention`
deletes old calls; other old rows go by `purge` of their own files, when `provisioning.schedule` says so.

Packages: `billing/` what Stripe says, `contacts/` whom an organisation knows, `integrations/` its own programs,
`log/` the call log and how it is searched, `operators/` who runs the installation, `phone/` rooms of calls, presence,
offers and groups, `reports/` counts of calls, `rights/` what is exported, erased and closed, `sign_in/` how members
prove who they are, `words/` phrase rules and how numbers are heard.
"""
