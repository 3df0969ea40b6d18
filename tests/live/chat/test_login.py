"""How the bot finds its server and logs in: by DNS, with TLS first where that is offered, bound to the channel."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.servers.ports import HOST, claim_port, release_port
from tests.servers.prosody import Prosody
from tests.servers.xmpp import Login, XmppServer, make_certificate

pytestmark = pytest.mark.live


async def test_the_password_is_bound_to_the_channel_where_server_and_tls_can(
    new_login: Callable[[str], Login], new_bot: Callable[..., Any]
) -> None:
    bot = new_bot(new_login("bot"))
    await bot.start(wait=False)
    client = bot.chat._session._client
    # Python can't export keying material, which the binding to TLS 1.3 takes (RFC 9266).
    client.ssl_context.maximum_version = ssl.TLSVersion.TLSv1_2
    await bot.is_in(1)
    mechanisms = client.plugin["feature_mechanisms"]
    offered = {name for name in mechanisms.mech_list if name.endswith("-PLUS")}
    assert offered
    assert mechanisms.mech.name in offered


async def test_over_tls_1_3_it_is_logged_in_without_a_binding(
    new_login: Callable[[str], Login], new_bot: Callable[..., Any]
) -> None:
    bot = new_bot(new_login("bot"))
    await bot.start()
    client = bot.chat._session._client
    assert client.transport.get_extra_info("ssl_object").version() == "TLSv1.3"
    assert client.plugin["feature_mechanisms"].mech.name.startswith("SCRAM-")


async def found_by_dns(bot: Any, *records: tuple[str, int]) -> Any:
    """Start a bot without a host, let DNS name these services and ports, and return its connection once it is in."""
    await bot.start(wait=False)
    client = bot.chat._session._client
    asked: list[str] = []

    async def look_up(domain: str, _: int | None = None) -> list[tuple[str, str, str, int]]:
        asked.append(domain)
        return [(service, domain, HOST, port) for service, port in records]

    client.get_dns_records = look_up
    await bot.is_in(1)
    assert set(asked) == {"example.org"}
    return client.transport


async def test_without_a_host_dns_names_the_server_and_tls_comes_first(
    xmpp: XmppServer, new_login: Callable[[str], Login], new_bot: Callable[..., Any]
) -> None:
    bot = new_bot(new_login("bot"), host=None)
    transport = await found_by_dns(bot, ("xmpps-client", xmpp.direct_port), ("xmpp-client", xmpp.port))
    assert transport.get_extra_info("peername")[1] == xmpp.direct_port
    assert transport.get_extra_info("ssl_object").version() == "TLSv1.3"


async def test_a_service_that_is_away_gives_way_to_the_next(
    xmpp: XmppServer, new_login: Callable[[str], Login], new_bot: Callable[..., Any]
) -> None:
    nobody = claim_port()
    try:
        bot = new_bot(new_login("bot"), host=None)
        transport = await found_by_dns(bot, ("xmpps-client", nobody), ("xmpp-client", xmpp.port))
        assert transport.get_extra_info("peername")[1] == xmpp.port
        assert transport.get_extra_info("ssl_object").version() == "TLSv1.3"
    finally:
        release_port(nobody)


@pytest.mark.parametrize(
    ("host", "days", "why"),
    [
        ("other.example.net", 30, "Hostname mismatch, certificate is not valid for 'example.org'"),
        ("example.org", -1, "certificate has expired"),
    ],
)
async def test_a_certificate_for_another_name_or_past_its_time_is_not_trusted(
    require: Callable[[str], None], new_bot: Callable[..., Any], host: str, days: int, why: str
) -> None:
    require("prosody")
    server = Prosody({"bot": "secret"})
    make_certificate(server.folder, host, [host], days=days)
    async with server:
        bot = new_bot(server.login("bot"))
        with capture_logs() as logs:
            await bot.start(wait=False)
            for _ in range(3):
                await asyncio.wait_for(bot.chat._session._client.wait_until("disconnected", 10), 11)
        told = [entry["event"] for entry in logs if entry["log_level"] == "warning"]
        assert len(told) == 1
        assert f"isn't trusted ({why}" in told[0]
        assert not bot.running.done()
        await bot.stop()
