"""Order -> rented number: `orders` runs the jobs, `purchase` the steps at Twilio, `bundles` the regulatory bundle.

`ordering` is what web may do, in its own transaction; `twilio_config` are the settings of a number at Twilio.
"""
