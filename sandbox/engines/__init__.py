"""Real Postgres and NATS under supervision."""
