"""The benchmark: many calls against one media process, and a plain bridge beside it."""
