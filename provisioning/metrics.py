"""Prometheus metrics of provisioning: jobs, the database, certificates, backups.

No label contains an organisation, a member, a phone number or a call. All provisioning processes report the same
figures: take their maximum in queries.
"""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector, generate_latest

from db.figures import Figures

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

JOBS_DUE = Gauge("bilby_jobs_due", "Jobs that should run now.", ["job"], registry=REGISTRY)
JOBS_HELD = Gauge("bilby_jobs_held", "Jobs given up after too many failures.", ["job"], registry=REGISTRY)
OLDEST_JOB = Gauge("bilby_jobs_oldest_seconds", "How long the oldest due job has waited.", registry=REGISTRY)
UNCOUNTED = Gauge(
    "bilby_uncounted_seconds",
    "For how long the dashboard has lacked the oldest change of a call.",
    registry=REGISTRY,
)
EVENTS_FAILED = Gauge("bilby_stripe_events_failed", "Stripe's events not acted on yet.", registry=REGISTRY)
DATABASE_UP = Gauge("bilby_database_up", "1 while the database answers.", registry=REGISTRY)
CONNECTIONS = Gauge("bilby_database_connections", "Connections to the database server.", registry=REGISTRY)
CONNECTIONS_LIMIT = Gauge("bilby_database_connections_limit", "Connections it grants.", registry=REGISTRY)
DATABASE_BYTES = Gauge("bilby_database_bytes", "Size of the database.", registry=REGISTRY)
BACKUP_AT = Gauge(
    "bilby_backup_timestamp_seconds", "When the newest proved backup was made; 0: never.", registry=REGISTRY
)
CERTIFICATE_EXPIRES = Gauge(
    "bilby_certificate_expires_timestamp_seconds",
    "When a public name's certificate ends.",
    ["name"],
    registry=REGISTRY,
)
CERTIFICATE_FAILURES = Counter(
    "bilby_certificate_looks_failed", "Checks of a certificate that failed.", ["name"], registry=REGISTRY
)
MAILS = Counter(
    "bilby_mails", "Mails that were asked for, by what became of each attempt.", ["result"], registry=REGISTRY
)
for _result in ("sent", "delayed", "refused", "dropped"):
    MAILS.labels(_result)  # start at 0, so that the first one shows as an increase
WEBHOOKS = Counter("bilby_webhooks", "Attempts to deliver a webhook.", ["result"], registry=REGISTRY)
for _result in ("delivered", "failed"):
    WEBHOOKS.labels(_result)


def export_zeros(jobs: Iterable[str]) -> None:
    """Start each job's figures at 0, so that the first waiting job shows as an increase."""
    for job in jobs:
        JOBS_DUE.labels(job)
        JOBS_HELD.labels(job)


def set_gauges(figures: Figures) -> None:
    """Set the gauges from one reading of the database."""
    DATABASE_UP.set(1)
    for gauge in (JOBS_DUE, JOBS_HELD):
        for metric in gauge.collect():
            for sample in metric.samples:
                gauge.labels(**sample.labels).set(0)
    for name, jobs in figures.jobs.items():
        JOBS_DUE.labels(name).set(jobs.due)
        JOBS_HELD.labels(name).set(jobs.held)
    OLDEST_JOB.set(figures.oldest_job_seconds)
    UNCOUNTED.set(figures.uncounted_seconds)
    EVENTS_FAILED.set(figures.events_failed)
    CONNECTIONS.set(figures.connections)
    CONNECTIONS_LIMIT.set(figures.connections_limit)
    DATABASE_BYTES.set(figures.bytes)
    BACKUP_AT.set(figures.backup_at.timestamp() if figures.backup_at else 0)


def render() -> bytes:
    """Return what ``GET /metrics`` answers."""
    return generate_latest(REGISTRY)
