"""The dashboard: what goes on now, and how the calls of a period ended, beside the period before.

`page` answers with the page, its spreadsheet and its PDF; `summary` reads what they show. The rest is pure: `period`
says which days are asked for, `figures` names each figure and compares it with the one before, `tables` makes rows,
`chart` bars, `cells` the spreadsheet, `pdf` the PDF.
"""
