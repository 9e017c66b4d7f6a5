"""Run ``python -S -m runtime.probe PORT [--tls]`` as a health check: is the process that listens on PORT ready?

Exit with 0 if ``/readyz`` answers 200, else with 1 and the reason in one line, for a container's health log. It runs
every few seconds in each container, so it imports almost nothing.
"""

from __future__ import annotations

import socket
import sys

_SECONDS = 4.0
_MOST_BYTES = 2000


def complaint(port: int, *, tls: bool = False, seconds: float = _SECONDS) -> str | None:
    """Return why the process on ``port`` is not ready, or None. With ``tls``, do not verify its certificate."""
    try:
        with _connection(port, tls, seconds) as connection:
            connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = b""
            while len(answer) < _MOST_BYTES and (some := connection.recv(_MOST_BYTES)):
                answer += some
    except OSError as error:
        return f"{type(error).__name__}: {error}"
    head, _, body = answer.decode(errors="replace").partition("\r\n\r\n")
    status = head.partition("\r\n")[0].partition(" ")[2]
    return None if status.startswith("200") else f"{status}: {body.strip()}"


def _connection(port: int, tls: bool, seconds: float) -> socket.socket:
    plain = socket.create_connection(("127.0.0.1", port), timeout=seconds)
    if not tls:
        return plain
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # the peer is this machine
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(plain)


def main() -> int:
    """Probe the port named on the command line. Return the exit status."""
    reason = complaint(int(sys.argv[1]), tls="--tls" in sys.argv[2:])
    if reason is not None:
        print(reason)  # noqa: T201 (the container engine keeps it)
    return 0 if reason is None else 1


if __name__ == "__main__":
    sys.exit(main())
