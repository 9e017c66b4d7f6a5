"""TLS for servers: an option for installations whose processes do not share one machine."""

from __future__ import annotations

import ssl
from pathlib import Path

CERTIFICATE, KEY = "tls.crt", "tls.key"  # as Kubernetes names them


def server_context(folder: Path) -> ssl.SSLContext:
    """Return a server's context with the certificate chain and key in ``folder``. Raise `ValueError`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(folder / CERTIFICATE, folder / KEY)
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror or type(error).__name__
        raise ValueError(f"must be a folder with {CERTIFICATE} and {KEY}, which belong together ({reason})") from None
    return context
