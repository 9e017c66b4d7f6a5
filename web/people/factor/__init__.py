"""The second factor: codes of an authenticator app (TOTP), asked for after the mailed link.

`totp` knows the codes, `verifying` verifies one that was typed, an operator's too; `checking` counts and audits a
member's. `asking` asks after the link, and leads who must have a second factor to `enrolment`, which is also reached
from the account page. `resetting`: an owner, for who has lost their phone.
"""
