"""Record optional OpenTelemetry traces.

What a process did, when, and for which call. No word, name or number is in them.

All spans of a call share one trace, whose id is derived from the CallSid, so that no context has to be passed between
processes. A span is recorded when its work is over. Without ``OTEL_EXPORTER_OTLP_ENDPOINT`` nothing is recorded.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from typing import Any

Attributes = Mapping[str, str | int | float | bool]
_Record = Callable[[str, float, str | None, Attributes], None]
_record: _Record | None = None


def start(endpoint: str, process: str) -> Callable[[], None]:
    """Send spans of ``process`` to ``endpoint`` from now on. Return a function that stops this and sends the rest.

    Raise `ImportError` if the packages of the extra ``tracing`` are not installed. With an empty endpoint, do
    nothing.
    """
    global _record
    if not endpoint:
        return lambda: None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource({"service.name": f"bilby-{process}"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{endpoint}/v1/traces", timeout=5)))
    _record = _recorder(provider.get_tracer("bilby"))

    def end() -> None:
        global _record
        _record = None
        provider.shutdown()

    return end


def record(name: str, seconds: float, call: str | None = None, **attributes: str | int | float | bool) -> None:
    """Record that ``name`` has just ended after ``seconds``, for the call with this CallSid if given."""
    if _record is not None:
        _record(name, seconds, call, attributes)


def trace_of(call: str) -> int:
    """Return the trace id (128 bits) of the call with this CallSid."""
    return int.from_bytes(hashlib.sha256(call.encode()).digest()[:16], "big")


def _recorder(tracer: Any) -> _Record:
    from opentelemetry import trace

    def under(call: str) -> Any:
        """Return a parent that no process has: the call itself."""
        identity = hashlib.sha256(call.encode()).digest()
        parent = trace.SpanContext(
            trace_of(call), int.from_bytes(identity[16:24], "big"), is_remote=True, trace_flags=trace.TraceFlags(1)
        )
        return trace.set_span_in_context(trace.NonRecordingSpan(parent))

    def made(name: str, seconds: float, call: str | None, attributes: Attributes) -> None:
        now = time.time_ns()
        span = tracer.start_span(
            name, context=under(call) if call else None, start_time=now - int(seconds * 1e9), attributes=attributes
        )
        if call:
            span.set_attribute("call", call)
        span.end(now)

    return made
