"""Where webhooks may go, however an address is written; and that a name is looked at before it is connected to."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from provisioning.egress.targets import WrongUrlError, refused, target
from provisioning.webhooks.sending import send

PUBLIC, LOCAL = "https://app.example.com.au", "http://127.0.0.1:8080"
FORBIDDEN = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "100.100.100.200", "168.63.129.16", "192.0.0.192", "224.0.0.1", "255.255.255.255", "198.18.0.1", "192.0.2.1",
    "::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8",
    "64:ff9b::7f00:1", "64:ff9b::808:808", "2002:7f00:1::", "2001:0:1::1", "2001:db8::1",
]  # fmt: skip


@pytest.mark.parametrize("address", FORBIDDEN)
def test_what_is_not_the_public_internet_is_refused(address: str) -> None:
    found = ip_address(address)
    assert refused([found], own_url=PUBLIC)
    assert refused([ip_address("8.8.8.8"), found], own_url=PUBLIC)
    assert refused([found], own_url=LOCAL) == (not found.is_loopback)


def test_the_public_internet_is_not() -> None:
    assert not refused([ip_address("8.8.8.8"), ip_address("2606:4700::1111")], own_url=PUBLIC)


@pytest.mark.parametrize(
    "url",
    [
        "", "example.com.au", "ftp://example.com.au", "http://example.com.au", "https://", "https://:443/",
        "https://example.com.au:8443/", "https://example.com.au:x/", "https://a:b@example.com.au/", "https://a@b/",
        "https://example.com.au/#a", "https://example.com.au/a b", "https://exämple.com.au/", "https://127.0.0.1/",
        "https://[::1]/", "https://[fe80::1%25eth0]/", "https://169.254.169.254/latest", "http://127.0.0.1:8080/",
        "http://localhost/", f"https://example.com.au/{'x' * 500}", "https://example.com.au/\n",
        "javascript:alert(1)", "https://[",
    ],
)  # fmt: skip
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(WrongUrlError):
        target(url, own_url=PUBLIC)


def test_an_address_that_is_one() -> None:
    assert target("https://hooks.example.com.au/a?b=c", own_url=PUBLIC).host == "hooks.example.com.au"
    assert target("https://8.8.8.8:443/", own_url=PUBLIC).port == 443


def test_only_an_installation_on_loopback_tells_programs_there() -> None:
    assert target("http://127.0.0.1:9000/a", own_url=LOCAL).port == 9000
    for url in ("http://10.0.0.1/", "http://example.com.au/", "https://example.com.au:8443/"):
        with pytest.raises(WrongUrlError):
            target(url, own_url=LOCAL)


@pytest.mark.parametrize("host", ["localhost", "127.1", "0x7f000001", "2130706433", "0177.0.0.1"])
async def test_a_name_of_loopback_is_not_connected_to(host: str) -> None:
    result = await send(f"https://{host}/", b"{}", {}, own_url=PUBLIC)
    assert result.status is None
    assert result.error in ("forbidden_address", "no_such_host")
