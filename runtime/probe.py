"""``python -m runtime.probe PORT``: is the process that listens on PORT of this machine ready? For health checks.

Exit status 0 if ``/readyz`` answers 200, else 1 and the reason in one line, as a container's health log shows it.
"""

from __future__ import annotations

import http.client
import sys

_SECONDS = 4.0


def complaint(port: int, seconds: float = _SECONDS) -> str | None:
    """Return why the process on ``port`` is not ready, or None."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        said = answer.read(500).decode(errors="replace").strip()
        return None if answer.status == http.HTTPStatus.OK else f"{answer.status}: {said}"
    except (OSError, http.client.HTTPException) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        connection.close()


def main() -> int:
    """Probe the port that the command line names; the exit status."""
    reason = complaint(int(sys.argv[1]))
    if reason is not None:
        print(reason)  # noqa: T201 (this is what the engine keeps)
    return 0 if reason is None else 1


if __name__ == "__main__":
    sys.exit(main())
