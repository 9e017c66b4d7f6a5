"""Define the Prometheus metrics of this process.

No label carries a phone number, a word, an organisation or a call.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
_LATENCIES = (0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
_QUICK = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0)

LIVE_CALLS = Gauge("bilby_live_calls", "Calls on this node.", registry=REGISTRY)
FRAMES = Counter("bilby_frames", "Audio frames received.", registry=REGISTRY)
BAD_FRAMES = Counter("bilby_bad_frames", "Frames that could not be used.", ["kind"], registry=REGISTRY)
LATE_FRAMES = Counter("bilby_late_frames", "Frames that came after their chunk was sent.", registry=REGISTRY)
GAPS = Counter("bilby_gaps", "Gaps in the audio, as shown on consoles.", ["cause"], registry=REGISTRY)
REFUSED = Counter("bilby_refused", "Sockets refused.", ["socket", "why"], registry=REGISTRY)
TRANSCRIBE_OPENS = Counter("bilby_transcribe_opens", "Connections to Transcribe opened.", registry=REGISTRY)
TRANSCRIBE_FAILURES = Counter(
    "bilby_transcribe_failures", "Connections to Transcribe refused or broken.", ["kind"], registry=REGISTRY
)
TRANSCRIBE_UNREADABLE = Counter(
    "bilby_transcribe_unreadable", "Events of Transcribe that could not be read and were skipped.", registry=REGISTRY
)
RESULT_LATENCY = Histogram(
    "bilby_result_latency_seconds",
    "Age of the newest audio when its words arrived; of each call, one result a second.",
    buckets=_LATENCIES,
    registry=REGISTRY,
)
CHUNK_LATENCY = Histogram(
    "bilby_chunk_latency_seconds",
    "Age of audio when it was sent to Transcribe; one chunk of ten.",
    buckets=(*_QUICK, 2.5, 5.0, 10.0, 30.0),
    registry=REGISTRY,
)
SLOTS_HELD = Gauge("bilby_transcribe_slots_held", "Transcribe slots in use by this node.", registry=REGISTRY)
SLOTS_WAITING = Gauge("bilby_transcribe_slots_waiting", "Calls of this node waiting for a slot.", registry=REGISTRY)
SLOTS_LEADER = Gauge("bilby_transcribe_slots_leader", "1 on the node that grants slots.", registry=REGISTRY)
SLOTS_LEADER_OLD_NAME = Gauge(
    "bilby_transcribe_slots_warden", "As bilby_transcribe_slots_leader, for older dashboards.", registry=REGISTRY
)
CUT_OFF = Gauge("bilby_cut_off", "1 while NATS is away: the node uses its share of the slots.", registry=REGISTRY)
NODES = Gauge("bilby_nodes", "Live media nodes, as far as this one knows.", registry=REGISTRY)
CONSOLES = Gauge("bilby_consoles", "Consoles watching.", registry=REGISTRY)
CONSOLES_DROPPED = Counter("bilby_consoles_dropped", "Consoles disconnected because they lagged.", registry=REGISTRY)
LOOP_LAG = Histogram("bilby_loop_lag_seconds", "Delay of the event loop's ticker.", buckets=_QUICK, registry=REGISTRY)
BUS_DROPPED = Counter("bilby_bus_dropped", "Events for other nodes dropped while NATS was away.", registry=REGISTRY)

_KNOWN: dict[Counter, tuple[tuple[str, ...], ...]] = {
    BAD_FRAMES: (
        ("too_large",),
        ("no_event",),
        ("not_json",),
        ("bad_media",),
        ("bad_start",),
        ("bad_stop",),
        ("before_start",),
        ("second_start",),
        ("wrong_stream",),
        ("binary",),
    ),
    GAPS: (("twilio",), ("bilby",), ("transcribe",)),
    REFUSED: (
        ("connection", "crowded"),
        ("console", "crowded"),
        ("console", "origin"),
        ("console", "subscription"),
        ("console", "ticket"),
        ("stream", "draining"),
        ("stream", "signature"),
        ("stream", "ticket"),
    ),
    TRANSCRIBE_FAILURES: (
        ("AccessDeniedException",),
        ("AudioTimeout",),
        ("BadRequestException",),
        ("ConflictException",),
        ("ConnectionRefusedError",),
        ("ConnectionResetError",),
        ("Credentials",),
        ("Dropped",),
        ("ExpiredTokenException",),
        ("InternalFailureException",),
        ("InvalidSignatureException",),
        ("LimitExceededException",),
        ("Mute",),
        ("NoAnswer",),
        ("SSLCertVerificationError",),
        ("ServiceUnavailableException",),
        ("Stuck",),
        ("Timeout",),
        ("UnreadableAnswer",),
        ("UnrecognizedClientException",),
        ("gaierror",),
    ),
}
for _counter, _series in _KNOWN.items():
    for _labels in _series:
        _counter.labels(*_labels)  # export 0: a series that begins with its first burst shows no increase


def render() -> bytes:
    """Return the body of ``GET /metrics``."""
    return generate_latest(REGISTRY)
