"""Pages that let a person be the telephone network.

`phone` is the telephone, `numbers` the page of bundles and numbers, `faults` what a person may have go wrong;
`origin` refuses requests of other origins.
"""
