"""Who runs the installation: `accounts` and how they sign in, `tenants` as they see them, and their own `log`."""
