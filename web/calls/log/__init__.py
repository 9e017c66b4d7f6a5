"""The call log: what may be known of calls afterwards, and never what was said.

`listing` is the page with filters and its spreadsheet; `view` parses the filters and formats the rows, `number_typed`
what is typed to find a number, `page_cursors` where a page begins, `cells` the spreadsheet. `call_page` is the page
of one call, whose course `course` puts in order; from it, `customer` blocks the caller and notes what they wish.
"""
