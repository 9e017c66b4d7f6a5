"""What may be asked about stored data: `exports` shows it, `erasures` deletes it, `closures` ends an organisation."""
