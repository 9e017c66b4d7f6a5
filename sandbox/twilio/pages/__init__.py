"""Pages that let a person be the telephone network.

`phone` is the page of the network, and `telephone` the telephone on it; `network` has its troubles, `numbers` bundles
and numbers, `faults` what a person may have go wrong. `origin` refuses requests of other origins.
"""
