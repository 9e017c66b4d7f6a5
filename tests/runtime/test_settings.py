"""Origins, server URLs and connection URLs: normalised in one way for every process, or refused at the start."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
from hypothesis import given, strategies as st
from pydantic import SecretStr, TypeAdapter, ValidationError
from pydantic_settings import BaseSettings

from db.engine import asyncpg_dsn
from db.settings import DatabaseUrl, OwnerSettings
from media.config import Settings as MediaSettings
from provisioning.config import Settings as ProvisioningSettings
from runtime.settings import HttpOrigin, NatsUrl, SmtpUrl, WebSocketOrigin, nats_servers, origin, vendor
from web.config import Settings as WebSettings

_PAGE, _SOCKET = TypeAdapter(HttpOrigin).validate_python, TypeAdapter(WebSocketOrigin).validate_python
_MAIL, _BUS = TypeAdapter(SmtpUrl).validate_python, TypeAdapter(NatsUrl).validate_python
_DATABASE = TypeAdapter(DatabaseUrl).validate_python


@pytest.mark.parametrize(
    ("given_", "read"),
    [
        ("https://app.example.com.au", "https://app.example.com.au"),
        ("https://app.example.com.au/", "https://app.example.com.au"),
        ("https://app.example.com.au:443", "https://app.example.com.au"),
        ("https://app.example.com.au:443/", "https://app.example.com.au"),
        ("HTTPS://App.Example.COM.au", "https://app.example.com.au"),
        ("  https://app.example.com.au \n", "https://app.example.com.au"),
        ("https://app.example.com.au:8443", "https://app.example.com.au:8443"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://LOCALHOST:8080", "http://localhost:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://[2001:DB8::1]", "https://[2001:db8::1]"),
        ("https://büro.example", "https://xn--bro-hoa.example"),
    ],
)
def test_an_origin_is_read_as_browsers_write_it(given_: str, read: str) -> None:
    assert _PAGE(given_) == read


@pytest.mark.parametrize(
    ("given_", "read"),
    [
        ("wss://Media.example.com.au:443", "wss://media.example.com.au"),
        ("ws://127.0.0.1:80/", "ws://127.0.0.1"),
        ("ws://127.0.0.1:8081", "ws://127.0.0.1:8081"),
    ],
)
def test_a_websocket_origin_likewise(given_: str, read: str) -> None:
    assert _SOCKET(given_) == read


_ADDRESSES = [
    *(f"{scheme}://127.0.0.1:{{port}}" for scheme in ("https", "http", "wss", "ws", "smtp", "smtps")),
    *(f"{scheme}://user:password@127.0.0.1:{{port}}" for scheme in ("nats", "tls", "postgresql")),
    "https://127.0.0.1:{port}/file",
    "postgresql:///name?host=127.0.0.1&port={port}",
]


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        (settings, name)
        for settings in (MediaSettings, WebSettings, ProvisioningSettings, OwnerSettings)
        for name in settings.model_fields
        if name.endswith(("_url", "_base", "_endpoint"))
    ],
)
def test_a_port_that_nothing_can_listen_on_is_refused_in_every_setting(
    settings: type[BaseSettings], name: str
) -> None:
    accepts = TypeAdapter(settings.model_fields[name].rebuild_annotation())

    def is_accepted(address: str, port: str) -> bool:
        try:
            accepts.validate_python(address.format(port=port))
        except ValidationError:
            return False
        return True

    fitting = [address for address in _ADDRESSES if is_accepted(address, "8443")]
    assert fitting
    for port in ("0", "00", "65536", "port", "-1"):
        assert not any(is_accepted(address, port) for address in fitting), port


@pytest.mark.parametrize("annotated", [MediaSettings, WebSettings])
def test_every_process_reads_the_public_urls_by_the_same_type(annotated: type) -> None:
    fields = annotated.model_fields  # type: ignore[attr-defined]
    assert all(fields[name].metadata for name in ("web_public_url", "media_public_url"))
    for name, value, read in [
        ("web_public_url", "https://A.example:443", "https://a.example"),
        ("media_public_url", "wss://M.example:443", "wss://m.example"),
    ]:
        assert TypeAdapter(fields[name].rebuild_annotation()).validate_python(value) == read


@pytest.mark.parametrize(
    "value",
    [
        *("https://", "https://a.example/path", "https://a.example?x", "https://a.example#x", "https://u@a.example"),
        *("https://a.example:", "https://a.example:port", "https://a.example:70000", "http://a.example", "a.example"),
        *("https://a b.example", "https://a.example;script-src *", "https://[::1", "https://-.example"),
    ],
)
def test_what_is_no_origin_is_refused(value: str) -> None:
    with pytest.raises(ValidationError):
        _PAGE(value)


@given(st.text(max_size=40))
def test_any_text_is_an_origin_or_a_value_error(text: str) -> None:
    try:
        once = origin(f"https://{text}", "https", "http")
    except ValueError:
        return
    assert origin(once, "https", "http") == once, "reading it again changes nothing"
    assert once.isascii()
    assert once == once.lower()


def test_a_vendors_address_is_its_own_or_loopback() -> None:
    real = "https://api.vendor.example"
    assert vendor("https://API.vendor.example:443/", real) == real
    assert vendor("http://127.0.0.1:8090/", real) == "http://127.0.0.1:8090"
    for other in (
        "https://api.vendor.example.evil.example",
        "http://api.vendor.example",
        "http://127.0.0.1@evil.example",
    ):
        with pytest.raises(ValueError, match=re.escape(real)):
            vendor(other, real)


@pytest.mark.parametrize(
    "password", ["ab/cd", "/abcd", "ab#cd", "ab?cd", "ab@cd", "ab/cd@ef", "ab[cd", "12/34", "ab:/cd", "ab#1?2/3"]
)
@pytest.mark.parametrize(
    ("read", "url"),
    [
        (_MAIL, "smtp://AKIAEXAMPLE:{}@email-smtp.ap-southeast-2.amazonaws.com:587"),
        (_MAIL, "smtps://AKIAEXAMPLE:{}@email-smtp.ap-southeast-2.amazonaws.com"),
        (_BUS, "nats://media:{}@nats:4222"),
        (_DATABASE, "postgresql://bilby:{}@postgres:5432/bilby"),
    ],
)
def test_a_password_that_ends_its_url_early_is_refused_and_not_shown(read: object, url: str, password: str) -> None:
    with pytest.raises(ValidationError) as refused:
        read(SecretStr(url.format(password)))  # type: ignore[operator]
    said = refused.value.errors(include_input=False)[0]["msg"]
    assert password not in said
    assert "cd" not in said


@pytest.mark.parametrize(
    ("urls", "servers"),
    [
        ("nats://web:old@nats:4222", ["nats://web:old@nats:4222"]),
        ("nats://web:old@nats, tls://web:new@nats", ["nats://web:old@nats", "tls://web:new@nats"]),
        ("nats://web:o,ld@nats:4222,nats://web:new@nats", ["nats://web:o,ld@nats:4222", "nats://web:new@nats"]),
    ],
)
def test_two_passwords_of_nats_are_two_urls(urls: str, servers: list[str]) -> None:
    assert nats_servers(_BUS(SecretStr(urls)).get_secret_value()) == servers


@pytest.mark.parametrize(
    "urls", ["nats://a:b@nats,", "nats://a:b@nats,http://x", "nats://a:b@nats,nats://", "nats://a:b/c@n,nats://a:b@n"]
)
def test_each_url_of_nats_must_be_one(urls: str) -> None:
    with pytest.raises(ValidationError):
        _BUS(SecretStr(urls))


def test_a_percent_encoded_password_is_accepted() -> None:
    assert _MAIL(SecretStr("smtp://AKIA:ab%2Fcd+ef%3D@mail.example:587"))
    assert _DATABASE(SecretStr("postgresql://bilby:ab%2Fcd%40@postgres/bilby"))


@pytest.mark.parametrize("url", ["smtp://mail.example:25", "smtps://me%40a.example:x@mail.example"])
def test_mail_servers(url: str) -> None:
    assert _MAIL(SecretStr(url)).get_secret_value() == url


@pytest.mark.parametrize(
    "url", ["smtp://user@mail.example", "smtp://:x@mail.example", "smtp://mail.example:smtp", "mail"]
)
def test_mail_servers_that_could_never_be_used(url: str) -> None:
    with pytest.raises(ValidationError):
        _MAIL(SecretStr(url))


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("", ""),
        ("sslmode=require", "sslmode=require"),
        ("ssl=require", "sslmode=require"),
        ("ssl=true", "sslmode=require"),
        ("sslmode=require&channel_binding=prefer", "sslmode=require"),
        ("channel_binding=disable&connect_timeout=10", ""),
        ("target_session_attrs=read-write", "target_session_attrs=read-write"),
        ("application_name=x&keepalives=1", ""),
        ("sslmode=require&sslnegotiation=direct", "sslmode=require&sslnegotiation=direct"),
        ("ssl_min_protocol_version=TLSv1.2", "ssl_min_protocol_version=TLSv1.2"),
    ],
)
def test_connection_parameters_are_kept_or_dropped(query: str, kept: str) -> None:
    read = _DATABASE(SecretStr(f"postgresql://u:p@h/d?{query}")).get_secret_value()
    assert read == f"postgresql://u:p@h/d{'?' if kept else ''}{kept}"


@pytest.mark.parametrize(
    "query",
    [
        *("channel_binding=require", "sslmode=require&channel_binding=require", "gssencmode=require"),
        *("sslmode=required", "pgbouncer=true", "schema=public", "sslmode=verify-full"),
        *("sslmode=verify-full&sslrootcert=/nowhere", "sslmode=verify-ca&sslrootcert=system"),
        *("target_session_attrs=master", "ssl_min_protocol_version=1.2", "ssl_max_protocol_version=TLSv4"),
        *("sslnegotiation=direct", "sslnegotiation=tls&sslmode=require", "sslcert=/nowhere", "passfile=/nowhere"),
        *("hostaddr=10.0.0.1", "require_auth=scram-sha-256", "load_balance_hosts=random", "sslcrl=/nowhere"),
    ],
)
def test_a_connection_parameter_that_cannot_be_honoured_is_refused(query: str) -> None:
    with pytest.raises(ValidationError):
        _DATABASE(SecretStr(f"postgresql://u:p@h/d?{query}"))


def test_a_root_certificate_that_exists_is_accepted(tmp_path: Path) -> None:
    root = tmp_path / "root.crt"
    root.write_text("")
    url = f"postgresql://u:p@h/d?sslmode=verify-full&sslrootcert={root}"
    assert "verify-full" in _DATABASE(SecretStr(url)).get_secret_value()


@pytest.mark.parametrize(
    "query",
    [
        *(f"target_session_attrs={each}" for each in ("any", "primary", "standby", "read-only", "prefer-standby")),
        *(f"ssl_{end}_protocol_version=TLSv1{minor}" for end in ("min", "max") for minor in (".2", ".3")),
        *("sslnegotiation=postgres", "sslmode=require&sslnegotiation=direct", "options=-c%20jit%3Doff"),
    ],
)
async def test_what_is_kept_is_understood_when_it_connects(query: str, free_port: Callable[[], int]) -> None:
    url = _DATABASE(SecretStr(f"postgresql://u:p@127.0.0.1:{free_port()}/d?{query}")).get_secret_value()
    with pytest.raises(ConnectionRefusedError):  # nobody listens there: no parameter was refused before
        await asyncpg.connect(url, timeout=60)


def test_a_folder_of_sockets_stays_a_url() -> None:
    assert asyncpg_dsn(_DATABASE(SecretStr("postgresql:///d?host=/run/pg")).get_secret_value()).startswith(
        "postgresql:///d?host="
    )


@pytest.mark.parametrize("url", ["postgresql://u:p@a:5432,b:5433/d", "postgresql:///d?host=/run/pg", "postgres://h"])
def test_hosts_of_a_database(url: str) -> None:
    assert _DATABASE(SecretStr(url))


@pytest.mark.parametrize(
    "url", ["postgresql://u:p@h:port/d", "postgresql://u:p@h:70000/d", "postgresql://h:1,h:x/d", "postgresql://h:0/d"]
)
def test_ports_of_a_database_are_numbers(url: str) -> None:
    with pytest.raises(ValidationError):
        _DATABASE(SecretStr(url))
