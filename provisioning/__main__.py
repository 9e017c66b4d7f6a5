"""``python -m provisioning``: run until SIGTERM or SIGINT, then finish running jobs."""

from __future__ import annotations

from runtime import garbage

garbage.pause()  # before the imports below

import structlog
import uvloop

from db import pooling
from provisioning import config, metrics
from provisioning.config import Settings
from provisioning.schedule import open_handlers
from provisioning.status import status
from provisioning.watch import watched
from provisioning.webhooks.dispatch import dispatched
from provisioning.worker import CONNECTIONS, work
from runtime import signals
from runtime.process import observed

_log = structlog.get_logger(__name__)


def main() -> None:
    """Run the process."""
    settings = config.read()
    with observed("provisioning", settings):
        pooling.check("provisioning", settings.database_url.get_secret_value())
        uvloop.run(_work(settings))


async def _work(settings: Settings) -> None:
    stop = signals.watched().first
    database = settings.database("bilby provisioning", pool_size=CONNECTIONS)
    try:
        async with (
            status(settings, database),
            open_handlers(settings, database) as handlers,
            dispatched(database, settings.web_public_url),
            watched(settings, database),
        ):
            metrics.export_zeros([*handlers.jobs, *handlers.urgent])
            garbage.tune()
            await work(settings.database_url.get_secret_value(), database, handlers, stop)
    finally:
        await database.close()
        _log.info("stopped")


if __name__ == "__main__":
    main()
