"""One OpenTelemetry trace for each call over all processes, and none at all unless it is configured."""

from __future__ import annotations

import http.server
import queue
import threading
from collections.abc import Iterator

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from runtime import tracing

CALL = "CA" + "0" * 32


class Collector(http.server.BaseHTTPRequestHandler):
    """Takes what an exporter posts."""

    taken: queue.Queue[tuple[str, bytes]] = queue.Queue()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.taken.put((self.path, body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def endpoint() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def _spans(process: str, endpoint: str) -> list[Span]:
    """What ``process`` sends of one request, one job and one call."""
    end = tracing.start(endpoint, process)
    tracing.record("POST /twilio/voice/inbound", 0.02, CALL, status=200)
    tracing.record("job order", 1.5, attempt=2)
    end()
    path, body = Collector.taken.get(timeout=60)
    assert path == "/v1/traces"
    sent = ExportTraceServiceRequest.FromString(body)
    (resource,) = sent.resource_spans
    names = {each.key: each.value.string_value for each in resource.resource.attributes}
    assert names["service.name"] == f"bilby-{process}"
    return list(resource.scope_spans[0].spans)


def test_a_calls_spans_of_all_processes_share_one_trace(endpoint: str) -> None:
    web, media = _spans("web", endpoint), _spans("media", endpoint)
    of_call = [span for span in (*web, *media) if span.name.startswith("POST")]
    assert {int.from_bytes(span.trace_id, "big") for span in of_call} == {tracing.trace_of(CALL)}
    (job,) = (span for span in web if span.name == "job order")
    assert int.from_bytes(job.trace_id, "big") != tracing.trace_of(CALL)
    assert 1_400_000_000 <= job.end_time_unix_nano - job.start_time_unix_nano <= 1_600_000_000
    assert {each.key for each in of_call[0].attributes} == {"call", "status"}


def test_nothing_is_recorded_unless_asked_for() -> None:
    tracing.start("", "web")()
    tracing.record("POST /", 1.0, CALL)
    assert Collector.taken.empty()
