"""The second factor: codes of an authenticator app (TOTP), asked for after the mailed link.

`totp` knows the codes, `taking` takes one that was typed, an operator's as well; `checking` counts and audits a
member's. `asking` asks after the link, and leads who must have a second factor to `enrolment`, which is also reached
from the account page. `resetting`: an owner, for who has lost their phone.
"""
