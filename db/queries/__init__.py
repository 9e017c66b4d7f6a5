"""The queries, one file for each aggregate. Of web, only the access gate may use them."""
