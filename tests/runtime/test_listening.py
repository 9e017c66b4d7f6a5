"""Listen on IPv6 and IPv4 by default, on IPv4 where there is no IPv6, else on the configured host."""

from __future__ import annotations

import asyncio
import errno
import socket
from contextlib import closing

import pytest

from runtime.listening import ANYWHERE, raise_descriptor_limit, server_arguments


async def _reached(at: dict[str, object], *hosts: str) -> list[str]:
    """Return those of ``hosts`` at which a server at ``at`` answers."""
    server = await asyncio.get_running_loop().create_server(asyncio.Protocol, **at)  # type: ignore[call-overload]
    port = server.sockets[0].getsockname()[1]
    found = []
    for host in hosts:
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            continue
        writer.close()
        found.append(host)
    server.close()
    return found


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
async def test_by_default_both_families_are_answered() -> None:
    assert await _reached(server_arguments(ANYWHERE, 0), "127.0.0.1", "::1") == ["127.0.0.1", "::1"]


@pytest.mark.parametrize("number", [errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL])
async def test_without_ipv6_the_other_one_is_answered(number: int) -> None:
    def make(family: socket.AddressFamily, kind: socket.SocketKind) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(number, "no IPv6 here")
        return socket.socket(family, kind)

    assert await _reached(server_arguments(ANYWHERE, 0, make=make), "127.0.0.1", "::1") == ["127.0.0.1"]


async def test_a_named_host_alone_is_answered() -> None:
    assert await _reached(server_arguments("127.0.0.1", 0), "127.0.0.1", "::1") == ["127.0.0.1"]


def test_a_taken_port_is_an_error_and_leaves_no_socket_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError) as refused:  # noqa: PT011 (its number is looked at)
        server_arguments(ANYWHERE, taken.getsockname()[1])
    assert refused.value.errno == errno.EADDRINUSE


def test_several_processes_can_share_a_port() -> None:
    with closing(server_arguments(ANYWHERE, 0, shared=True)["sock"]) as first:
        first.listen()
        with closing(server_arguments(ANYWHERE, first.getsockname()[1], shared=True)["sock"]) as second:
            second.listen()


def test_the_limit_on_descriptors_is_raised_as_far_as_it_may_be() -> None:
    assert raise_descriptor_limit() == raise_descriptor_limit() >= 1024
