"""Where a request comes from, as far as it can be believed."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from web.config import SETTINGS, Settings
from web.request import limits


def _network(hops: int, *forwarded: str, peer: str = "198.51.100.7") -> str:
    app = web.Application()
    app[SETTINGS] = Settings.model_construct(web_proxy_hops=hops)
    headers = [("X-Forwarded-For", line) for line in forwarded]
    request = make_mocked_request("GET", "/", headers=headers, app=app)
    return limits.network(request.clone(remote=peer))


@pytest.mark.parametrize(
    ("hops", "forwarded", "network"),
    [
        (0, [], "198.51.100.7"),
        (0, ["203.0.113.9"], "198.51.100.7"),  # nobody of ours wrote it
        (1, ["203.0.113.9"], "203.0.113.9"),
        (1, ["1.2.3.4, 203.0.113.9"], "203.0.113.9"),  # the first is what the client claims
        (1, ["1.2.3.4", "203.0.113.9"], "203.0.113.9"),
        (2, ["1.2.3.4, 203.0.113.9, 10.0.0.1"], "203.0.113.9"),
        (2, ["203.0.113.9"], "198.51.100.7"),
        (1, [], "198.51.100.7"),
        (1, ["2001:db8:1:2:3:4:5:6"], "2001:db8:1:2::/64"),
        (1, ["::ffff:203.0.113.9"], "203.0.113.9"),
        (1, ["203.0.113.9:51234"], "203.0.113.9"),
        (1, ["[2001:db8:1:2::9]:443"], "2001:db8:1:2::/64"),
        (1, ["[2001:db8:1:2::9]"], "2001:db8:1:2::/64"),
        (1, ['"[2001:db8:1:2::9]:443"'], "2001:db8:1:2::/64"),
        (1, ["fe80::1%eth0"], "fe80::/64"),
        (1, ["64:ff9b::203.0.113.9"], "203.0.113.9"),
        (1, ["2002:cb00:7109:1::1"], "203.0.113.9"),
        # What is no address counts as the proxy that passed it on: junk is no way round a limit.
        (1, ["unknown"], "198.51.100.7"),
        (1, ["_hidden"], "198.51.100.7"),
        (1, ["203.0.113.9.9"], "198.51.100.7"),
        (1, ["[203.0.113"], "198.51.100.7"),
        (2, ["junk, 10.0.0.1"], "10.0.0.1"),
    ],
)
def test_the_network_of_a_request(hops: int, forwarded: list[str], network: str) -> None:
    assert _network(hops, *forwarded) == network
