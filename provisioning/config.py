"""Settings of the provisioning process, read once from the environment."""

from __future__ import annotations

from db.settings import DatabaseSettings, load


class Settings(DatabaseSettings):
    """Names and defaults as the README's table lists them."""


def read() -> Settings:
    """The settings, or one line on stderr and exit status 2."""
    return load("provisioning", Settings)
