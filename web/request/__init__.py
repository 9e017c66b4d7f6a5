"""Around every request: the access gate, sign-in's cookie, errors, forms, rendering, limits."""
