"""Order -> rented number: `orders` keeps the order going, `purchase` talks to Twilio, `bundles` are its papers."""
