"""Order -> rented number: `orders` runs the jobs, `purchase` the steps at Twilio, `bundles` the regulatory bundle."""
