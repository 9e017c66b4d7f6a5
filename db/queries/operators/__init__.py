"""Who runs the installation: `accounts` and how they sign in, second `factors`, `tenants` as they see them, a `log`."""
