"""What every process has around its work: logs, and where they are asked for reports of errors and traces."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from runtime import error_reports, logs, tracing
from runtime.settings import ProcessSettings, stop


@contextmanager
def observed(process: str, settings: ProcessSettings, *, hears: bool = False) -> Iterator[None]:
    """Log, report errors and record traces while the block runs. ``hears``: speech passes through this process.

    Threads are started: enter it after the last fork.
    """
    logs.configure(settings.log_level, hears=hears)
    error_reports.start(settings.error_report_url.get_secret_value(), process)
    try:
        end = tracing.start(settings.otel_exporter_otlp_endpoint, process)
    except ImportError:
        stop(process, "OTEL_EXPORTER_OTLP_ENDPOINT: needs the extra `tracing`, which is not installed")
    try:
        yield
    finally:
        end()
