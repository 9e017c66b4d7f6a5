"""No secret, spoken word or phone number is in a log, whoever logs it and how."""

from __future__ import annotations

import json
import logging
import string
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, strategies as st

from runtime.logs import Lines, describe, described, redact

CANARY = "wallaby-pineapple-0412345678"

_LOGS = """
import logging, structlog
from runtime import logs
logs.configure("INFO")
log = structlog.get_logger("ours")
log.info("call opened", call="CA1", seconds=1.5, caller="+61400123456")
log.debug("not shown")
logging.getLogger("theirs").warning("mail to %s refused", "bob@acacia.example")
logging.getLogger("theirs").info("not shown")
try:
    raise LookupError("token eyJhbGciOi.eyJhdWQi.c2lnbg for +61400123456")
except LookupError:
    log.exception("failed")
    logging.getLogger("theirs").exception("failed too")
"""

# Every way by which a text may come out of a process, with the canary in it.
_WAYS = """
import asyncio, gc, json, logging, sys, threading, warnings
import structlog, uvloop
from aiohttp import web
from runtime import logs

CANARY = sys.argv[1]
logs.configure("DEBUG", handles_speech=True)

def fail(words):
    local = words
    raise ValueError(f"cannot read {words!r}")

def theirs():
    log = logging.getLogger("picows")
    log.warning("got " + CANARY)
    log.error("got %s", CANARY, extra={"words": CANARY})
    log.error("got %d", CANARY)  # cannot be filled in
    log.error({"words": CANARY})
    try:
        fail(CANARY)
    except ValueError:
        logging.getLogger("nats.aio.client").exception("nats: encountered error " + CANARY, stack_info=True)

def ours():
    log = structlog.get_logger("media.speech.call")
    try:
        fail(CANARY)
    except ValueError as error:
        error.add_note(CANARY)
        log.exception("call failed", error=error, payload=[error, object()], words={"error": error})
        log.warning("call failed", exc_info=error)

class Finalised:
    def __del__(self):
        fail(CANARY)

async def loops():
    loop = asyncio.get_running_loop()
    loop.call_exception_handler({"message": CANARY, "exception": ValueError(CANARY)})
    loop.call_soon(fail, CANARY)
    task = loop.create_task(failing())
    await asyncio.sleep(0.01)
    del task
    gc.collect()
    reader_of_http = web.Server(answer)
    server = await loop.create_server(reader_of_http, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    for sent in (f"GET /sign-in/{CANARY} HTTP/9.\\r\\n\\r\\n", f"GET /{CANARY} HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent.encode())
        await reader.read(10)
        writer.close()
    server.close()
    await reader_of_http.shutdown(1)

async def failing():
    fail(CANARY)

async def answer(request):
    fail(request.path)

theirs()
ours()
warnings.warn("about " + CANARY)
thread = threading.Thread(target=fail, args=(CANARY,))
thread.start()
thread.join()
Finalised()
asyncio.run(loops())
uvloop.run(loops())
logging.shutdown()
raise ExceptionGroup(CANARY, [RuntimeError(CANARY), OSError(2, CANARY)])
"""


# A connection that is given up while its host's name is looked up, and a task that fails for the same reason.
_LOOKUPS = """
import asyncio, gc, socket, sys
import uvloop
from runtime import logs

async def connect():
    await asyncio.get_running_loop().create_connection(asyncio.Protocol, "nowhere.invalid", 4222)

async def main():
    connecting = asyncio.create_task(connect())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    connecting.cancel()
    try:
        await connecting
    except asyncio.CancelledError:
        print("given up", flush=True)
    ended = False
    while not ended:  # the lookup goes on in a thread of libuv's, of which one is free
        try:
            await asyncio.get_running_loop().getaddrinfo("nowhere.invalid", 4222)
        except socket.gaierror:
            ended = True
    if sys.argv[1] == "task":
        failed = asyncio.create_task(connect())
        await asyncio.wait([failed])
        del failed
    del connecting
    gc.collect()

logs.configure("INFO", handles_speech=sys.argv[2] == "True")
uvloop.run(main())
"""


@pytest.mark.parametrize("handles_speech", [True, False])
def test_a_lookup_that_fails_after_nobody_waits_for_it_is_no_error(handles_speech: bool) -> None:
    ran = _run(_LOOKUPS, "lookup", str(handles_speech))
    assert ran.stdout.split("\n") == ["given up", ""], ran.stderr


def test_a_task_that_failed_by_a_lookup_and_that_nobody_awaited_is_one() -> None:
    _, line = _run(_LOOKUPS, "task", "False").stdout.strip().split("\n")
    assert json.loads(line)["exception"][0]["type"] == "socket.gaierror"


def _run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_every_line_is_json_and_clean() -> None:
    ran = _run(_LOGS)
    lines: list[dict[str, Any]] = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [line["event"] for line in lines] == ["call opened", "mail to %s refused", "failed", "failed too"]
    assert lines[0] | {"timestamp": ""} == {
        "call": "CA1", "caller": "+61***456", "event": "call opened", "level": "info",
        "logger": "ours", "seconds": 1.5, "timestamp": "",
    }  # fmt: skip
    assert lines[1]["at"].endswith(":8")
    for line in lines[2:]:
        assert [(error["type"], len(error["at"])) for error in line["exception"]] == [("LookupError", 1)]
    assert "eyJ" not in ran.stdout
    assert (ran.returncode, ran.stderr) == (0, "")


def test_no_text_of_a_library_or_an_exception_comes_out_of_a_process_that_hears() -> None:
    ran = _run(_WAYS, CANARY)
    assert ran.returncode == 1
    assert ran.stderr == ""
    lines: list[dict[str, Any]] = [json.loads(line) for line in ran.stdout.splitlines()]
    assert not [line for line in ran.stdout.splitlines() if CANARY in line]
    found = [error["type"] for line in lines for error in line.get("exception", [])]
    # Ours twice, nats', the thread, the finaliser, and in each of two loops the handler, the callback, the task
    # that nobody awaited and the request that failed.
    assert found.count("ValueError") == 5 + 2 * 4
    assert {"ExceptionGroup", "RuntimeError", "FileNotFoundError", "aiohttp.http_exceptions.BadStatusLine"} <= {
        *found
    }
    ours = {line["event"] for line in lines} - {"message of a library"}
    assert len(ours) >= 3  # at least of a warning, of the process and of a thread
    assert {"picows", "nats.aio.client", "asyncio", "aiohttp.server"} <= {line["logger"] for line in lines}


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("password", "hunter2", "***"),
        ("stream_token", "abc", "***"),
        ("database_url", "postgresql://a:b@c/d", "***"),
        ("error", "cannot reach postgresql://u:p@host/db", "cannot reach postgresql://***@host/db"),
        ("event", "call CA0123456789 from +61255501234.", "call CA0123456789 from +61***234."),
        ("payload", {"to": "bob@acacia.example"}, {"to": "***@***"}),
        ("payload", {"to": [{"token": "short"}]}, {"to": [{"token": "***"}]}),
        ("payload", b"bytes may hold words", "bytes"),
        ("error", ValueError("words"), "ValueError"),
        ("path", "/sign-in/short?x=y z", "/sign-in/*** z"),
        ("route", "/sign-in/{token}", "/sign-in/{token}"),
        ("note", "Fernet gAAAAABh_QgzBb1OVaU3h-rXw8UZVxZl2yqW0tY== ended", "Fernet *** ended"),
        ("note", "0123456789abcdef0123456789abcdef", "***"),  # as Twilio's Auth Tokens look
        ("note", "sk_live_0123456789abcdefghijklmnopqrst", "***"),
        ("call", f"CA{'0a' * 16}", f"CA{'0a' * 16}"),
        ("id", "cs_test_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6", "cs_test_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6"),
        ("member", "0b8f6f0e-4f6e-4c5f-9d53-0f3f2f6b8a11", "0b8f6f0e-4f6e-4c5f-9d53-0f3f2f6b8a11"),
        ("error", "ClientConnectorCertificateErrors", "ClientConnectorCertificateErrors"),
        ("status", 200, 200),
        ("reason", None, None),
    ],
)
def test_redaction(name: str, value: object, kept: object) -> None:
    assert redact(None, "", {name: value}) == {name: kept}


def test_an_exception_shows_what_caused_it_and_where() -> None:
    def lose() -> None:
        raise OSError(111, "words")

    try:
        try:
            lose()
        except OSError as error:
            raise LookupError("more words") from error
    except LookupError as error:
        outer, inner = describe(error)
    assert (outer["type"], inner["type"], inner["errno"]) == ("LookupError", "ConnectionRefusedError", 111)
    here = "tests/runtime/test_logs.py:"
    assert [place.startswith(here) for place in inner["at"]] == [True, True]
    assert inner["at"][-1].endswith(" lose")


_canaries = st.text(string.ascii_letters + string.digits, min_size=16).map(lambda text: f"zq{text}")
_wraps = st.sampled_from([lambda word: word, lambda word: [word], lambda word: {"at": word}, str.encode])


@given(_canaries, _wraps, st.sampled_from(["%s", "%r", "%d", "no place", "%(a)s"]), st.booleans())
def test_whatever_a_library_logs_stays_inside(word: str, wrap: Any, form: str, groups: bool) -> None:
    error: Exception = ValueError(wrap(word))
    error.__cause__ = KeyError(wrap(word))
    if groups:
        error = ExceptionGroup(word, [error, RuntimeError(word)])
    information = (type(error), error, None)
    record = logging.LogRecord(
        "theirs", logging.ERROR, f"/x/{'y'}.py", 1, f"{form} {word}", (wrap(word),), information
    )
    assert word not in Lines(handles_speech=True).format(record)
    record.msg = form
    assert word not in Lines(handles_speech=False).format(record)
    line = described(None, "", {"event": "failed", "error": error, "exc_info": error})
    assert word not in json.dumps(redact(None, "", line))
