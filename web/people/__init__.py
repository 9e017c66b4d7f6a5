"""Sign-up, sign-in, and the people of an organisation.

`sign_up` founds an organisation by a mailed link (`sign_up_link`). `sign_in` mails links too; `link_tokens` reads
them as they come back, `requesting_browser` knows which browser asked, `signed_in` tells an open page how long it
lasts. `team` invites and removes (`team_page`, `team_view`), `groups` are who answers the same numbers, `account` is
a member's own page. `browser_cookies` are those by which a browser is known again. `public_pages` need no sign-in.
`factor`: the code that is asked for beside the link. `sso`: sign-in at the organisation's own provider.
"""
