"""Who runs the installation: `accounts`, how they sign in, second `factors`, `tenants` as they see them, a `log`."""
