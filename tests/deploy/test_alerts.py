"""Every alert fires when it should and is silent when all is well: Prometheus' own `promtool` runs the rules."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

_FILE = Path(__file__).parents[2] / "deploy" / "prometheus" / "alerts.yaml"
_RULES: dict[str, dict[str, Any]] = {
    rule["alert"]: rule for group in yaml.safe_load(_FILE.read_text())["groups"] for rule in group["rules"]
}
_DAY = 24 * 60

Series = Mapping[str, str]
"""Values a minute, in promtool's notation (``start+step x times``), by series."""


def _histogram(name: str, labels: str, slow: str, quick: str = "0x60") -> Series:
    """A histogram whose observations all lie above its second bucket, but for ``quick``."""
    return {
        f'{name}_bucket{{le="0.01"{labels}}}': quick,
        f'{name}_bucket{{le="30.0"{labels}}}': slow,
        f'{name}_bucket{{le="+Inf"{labels}}}': slow,
    }


FIRES: Mapping[str, tuple[int, Series, Mapping[str, str]]] = {
    # alert: minutes, what is measured, labels of the alert beside its severity
    "BilbyMediaDown": (3, {'up{job="bilby-media", instance="a"}': "0x10"}, {"job": "bilby-media", "instance": "a"}),
    "BilbyCallsWaitForSlots": (5, {"bilby_transcribe_slots_waiting": "0 1x10"}, {}),
    "BilbySlotsUnshared": (
        4,
        {f'bilby_transcribe_slots_leader{{instance="{each}"}}': "1x10" for each in "ab"} | {"bilby_cut_off": "0x10"},
        {},
    ),
    "BilbyTranscribeFails": (
        15,
        {'bilby_transcribe_failures_total{kind="LimitExceededException"}': "0+3x20"},
        {"kind": "LimitExceededException"},
    ),
    "BilbyWordsAreLate": (15, _histogram("bilby_result_latency_seconds", "", "0+60x30"), {}),
    "BilbyLoopLags": (15, _histogram("bilby_loop_lag_seconds", ', instance="a"', "0+600x30"), {"instance": "a"}),
    "BilbyGaps": (6, {'bilby_gaps_total{cause="bilby"}': "0 0 20x20"}, {"cause": "bilby"}),
    "BilbyStreamsRefused": (
        6,
        {'bilby_refused_total{socket="stream", why="signature"}': "0 0 9x20"},
        {"why": "signature"},
    ),
    "BilbyStreamsNotRestarted": (6, {'bilby_web_stream_restarts_total{result="failed"}': "0 0 6x20"}, {}),
    "BilbyNodeSilent": (5, {'bilby_web_calls_of_silent_nodes_total{instance="a"}': "0 0 2x20"}, {"instance": "a"}),
    "BilbyMemoryGrows": (
        14 * 60,
        {
            'process_resident_memory_bytes{job="bilby-media", instance="a"}': "100000000+300000x1000",
            'bilby_live_calls{job="bilby-media", instance="a"}': "100x1000",
        },
        {"job": "bilby-media", "instance": "a"},
    ),
    "BilbyWebDown": (3, {'up{job="bilby-web", instance="a"}': "0x10"}, {"job": "bilby-web", "instance": "a"}),
    "BilbyWebErrors": (
        5,
        {'bilby_web_requests_total{route="/console", method="GET", status="500"}': "0 0 8x20"},
        {"route": "/console"},
    ),
    "BilbyWebhooksAreSlow": (
        15,
        _histogram("bilby_web_request_seconds", ', route="/twilio/voice/inbound"', "0+60x30"),
        {"route": "/twilio/voice/inbound"},
    ),
    "BilbyNatsDown": (4, {'bilby_web_nats_connected{instance="a"}': "1 0x10"}, {}),
    "BilbyFactsDropped": (5, {"bilby_web_facts_dropped_total": "0 0 3x20", "bilby_bus_dropped_total": "0x20"}, {}),
    "BilbyProvisioningDown": (
        8,
        {'up{job="bilby-provisioning", instance="a"}': "0x10"},
        {"job": "bilby-provisioning", "instance": "a"},
    ),
    "BilbyJobsAreLate": (20, {"bilby_jobs_oldest_seconds": "0+60x30"}, {}),
    "BilbyJobsHeld": (8, {'bilby_jobs_held{job="order"}': "0 1x10"}, {"job": "order"}),
    "BilbyCountsAreLate": (25, {"bilby_uncounted_seconds": "0+60x30"}, {}),
    "BilbyStripeEventsFail": (20, {"bilby_stripe_events_failed": "0 1x30"}, {}),
    "BilbyDatabaseDown": (3, {"bilby_database_up": "1 0x10"}, {}),
    "BilbyDatabaseConnections": (
        8,
        {"bilby_database_connections": "90x10", "bilby_database_connections_limit": "97x10"},
        {},
    ),
    "BilbyCertificateEnds": (
        90,
        {'bilby_certificate_expires_timestamp_seconds{name="web"}': f"{10 * 86_400}x100"},
        {"name": "web"},
    ),
    "BilbyCertificateUnseen": (
        _DAY // 4,
        {'bilby_certificate_looks_failed_total{name="media"}': "0 1x60 2x60 3x60 4x60 5x60 6x60"},
        {"name": "media"},
    ),
    "BilbyBackupIsOld": (31 * 60, {"bilby_backup_timestamp_seconds": "60x2000"}, {}),
}

WELL: Series = {
    **{f'up{{job="bilby-{job}"}}': "1x3000" for job in ("media", "web", "provisioning")},
    "bilby_transcribe_slots_waiting": "0x3000",
    'bilby_transcribe_slots_leader{instance="a"}': "1x3000",
    'bilby_transcribe_slots_leader{instance="b"}': "0x3000",
    "bilby_cut_off": "0x3000",
    'bilby_transcribe_failures_total{kind="Broken"}': "0x3000",
    **_histogram("bilby_result_latency_seconds", "", "0+60x3000", "0+59x3000"),
    **_histogram("bilby_loop_lag_seconds", ', instance="a"', "0+600x3000", "0+599x3000"),
    **_histogram("bilby_web_request_seconds", ', route="/twilio/voice/inbound"', "0+60x3000", "0+59x3000"),
    'bilby_gaps_total{cause="twilio"}': "0+0.1x3000",
    'bilby_refused_total{socket="stream", why="signature"}': "0x3000",
    'bilby_web_stream_restarts_total{result="failed"}': "0x3000",
    "bilby_web_calls_of_silent_nodes_total": "0x3000",
    'process_resident_memory_bytes{job="bilby-media", instance="a"}': "100000000+100x3000",
    'bilby_live_calls{job="bilby-media", instance="a"}': "100x3000",
    'bilby_web_requests_total{route="/console", method="GET", status="500"}': "0x3000",
    "bilby_web_nats_connected": "1x3000",
    "bilby_web_facts_dropped_total": "0x3000",
    "bilby_bus_dropped_total": "0x3000",
    "bilby_jobs_oldest_seconds": "5x3000",
    'bilby_jobs_held{job="order"}': "0x3000",
    "bilby_uncounted_seconds": "60x3000",
    "bilby_stripe_events_failed": "0x3000",
    "bilby_database_up": "1x3000",
    "bilby_database_connections": "40x3000",
    "bilby_database_connections_limit": "97x3000",
    'bilby_certificate_expires_timestamp_seconds{name="web"}': f"{90 * 86_400}x3000",
    'bilby_certificate_looks_failed_total{name="web"}': "0x3000",
    "bilby_backup_timestamp_seconds": "0+60x3000",
}


def _filled(annotations: Mapping[str, str], labels: Mapping[str, str]) -> dict[str, str]:
    def fill(found: re.Match[str]) -> str:
        return labels[found[1]]

    return {name: re.sub(r"\{\{ \$labels\.(\w+) \}\}", fill, text) for name, text in annotations.items()}


def _run(folder: Path, series: Series, minutes: int, expected: Mapping[str, list[dict[str, Any]]]) -> None:
    test = {
        "rule_files": [str(_FILE)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "alert_rule_test": [
                    {"eval_time": f"{minutes}m", "alertname": alert, "exp_alerts": alerts}
                    for alert, alerts in expected.items()
                ],
            }
        ],
    }
    file = folder / "test.yaml"
    file.write_text(yaml.safe_dump(test))
    ran = subprocess.run(
        ["promtool", "test", "rules", file], capture_output=True, text=True, timeout=280, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("alert", _RULES)
def test_each_alert_fires(alert: str, tmp_path: Path) -> None:
    minutes, series, labels = FIRES[alert]
    rule = _RULES[alert]
    fired = {"exp_labels": {**rule["labels"], **labels}, "exp_annotations": _filled(rule["annotations"], labels)}
    _run(tmp_path, series, minutes, {alert: [fired]})


def test_all_are_silent_when_all_is_well(tmp_path: Path) -> None:
    for minutes in (60, 48 * 60):
        _run(tmp_path, WELL, minutes, {alert: [] for alert in _RULES})
