"""Every mail that Bilby sends: links, invitations, second factors, payments, numbers, webhooks, closing.

Whoever wants a mail sent puts it into `queue`, in the transaction that makes it necessary. `sender` is its job: what
was asked for is written by `links` (sign-in, sign-up, invitations), `factors`, `provisioning.billing.notices`,
`provisioning.billing.closing` or `provisioning.webhooks.letters`, filled into a template by `render`, with a
salutation and names that cannot become links (`names`), and sent over `smtp`. The token of a sign-in link is made
there, just before it is sent, so that the database never has it.
"""
