"""Set up what every process needs around its work: logs, and where configured error reports and traces."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from runtime import error_reports, logs, tracing
from runtime.settings import ProcessSettings, stop


@contextmanager
def observed(process: str, settings: ProcessSettings, *, handles_speech: bool = False) -> Iterator[None]:
    """Log, report errors and record traces while the block runs.

    ``handles_speech``: speech passes through this process. The block starts threads: enter it after the last fork.
    """
    logs.configure(settings.log_level, handles_speech=handles_speech)
    error_reports.start(settings.error_report_url.get_secret_value(), process)
    try:
        end = tracing.start(settings.otel_exporter_otlp_endpoint, process)
    except ImportError:
        stop(process, "OTEL_EXPORTER_OTLP_ENDPOINT: needs the extra `tracing`, which is not installed")
    try:
        yield
    finally:
        end()
