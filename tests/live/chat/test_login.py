"""How the bot logs in: bound to the TLS channel where that can be had."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

import pytest

from tests.servers.xmpp import Login

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
