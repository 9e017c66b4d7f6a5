"""Who uses Bilby: sign-up, sign-in, the team, and the pages that anybody may read."""
