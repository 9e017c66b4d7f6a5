"""The second factor: codes of an authenticator app (TOTP), asked for after the mailed link.

`totp` knows the codes, `verifying` verifies one that was typed, an operator's too; `checking` counts and audits a
member's. `asking` asks after the link, and leads members who must have one to `enrolment`, which is also reached
from the account page. `resetting` is for owners: they reset the second factor of a member who lost it.
"""
