"""Entering an account: its settings, its login, and who it is."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from bridge.plugin import UnauthorizedError, UnavailableError
from bridge.testing import FakeClock, MemoryKeep
from plugins.x import XPlugin, XSettings
from plugins.x.settings import SECRETS
from tests.platforms.x.shop import entered, make, only
from tests.servers import faults, x_faults
from tests.servers.x import X


async def test_one_request_tells_who_the_account_is(x: X, clock: FakeClock) -> None:
    async with entered(x, clock) as shop:
        assert [(call.method, call.path) for call in x.calls] == [("GET", "/2/users/me")]
        assert (shop._account, shop._username) == ("1001", "shop")
        assert (shop.limits.text, shop.limits.media, shop.limits.key_lifetime) == (280, 4, timedelta(0))
    async with entered(x, clock, premium=True) as shop:
        assert shop.limits.text == 25_000


@pytest.mark.parametrize("name", SECRETS)
async def test_without_its_login_an_account_waits(x: X, clock: FakeClock, name: str) -> None:
    for value in (None, "", "  "):
        more: dict[str, Any] = {name: value}
        with pytest.raises(UnauthorizedError, match=f"set its {name}"):
            await make(x, clock, **more).__aenter__()
    assert x.calls == []


async def test_all_that_is_missing_is_named_at_once(clock: FakeClock) -> None:
    with pytest.raises(UnauthorizedError, match=", ".join(SECRETS)):
        await XPlugin(XSettings(), MemoryKeep(), clock).__aenter__()


@pytest.mark.parametrize("value", ["tökén", "to\nken", "to ken"])
async def test_what_can_be_no_token_is_not_sent(x: X, clock: FakeClock, value: str) -> None:
    with pytest.raises(UnauthorizedError, match="aren't any"):
        await make(x, clock, access_token=value).__aenter__()
    assert x.calls == []


async def test_a_wrong_secret_is_unauthorized(x: X, clock: FakeClock) -> None:
    with pytest.raises(UnauthorizedError, match=r"keys and tokens \(401\)"):
        await make(x, clock, access_token_secret="another").__aenter__()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (x_faults.suspended(), "suspended"),
        (x_faults.locked(), "locked"),
        (x_faults.not_permitted(), "developer console"),
        (x_faults.forbidden(), "refused it"),
        (x_faults.skewed(-1200), "wrong by 20 minutes"),
    ],
)
async def test_what_people_must_mend_makes_the_account_wait(
    x: X, clock: FakeClock, fault: faults.Fault, words: str
) -> None:
    x.outage(fault, everything=True)
    with pytest.raises(UnauthorizedError, match=words):
        await make(x, clock).__aenter__()


@pytest.mark.parametrize(
    "fault",
    [
        x_faults.out_of_credits(),
        x_faults.over_capacity(),
        x_faults.page(),
        x_faults.empty(),
        x_faults.no_data(),
        x_faults.answer(200, {"data": {"id": "1"}}),
        x_faults.answer(200, {"data": []}),
        x_faults.limited(x_rate_limit_reset="soon"),
    ],
)
async def test_what_mends_itself_is_tried_again(x: X, clock: FakeClock, fault: faults.Fault) -> None:
    x.decide = only("GET", "/2/users/me", fault)
    with pytest.raises(UnavailableError):
        await make(x, clock).__aenter__()


async def test_another_server_is_not_taken_for_x(x: X, clock: FakeClock) -> None:
    x.outage(x_faults.answer(404, "<html>"), everything=True)
    with pytest.raises(UnavailableError, match=rf"refused it \(404\)\. Is {x.base_url} X's API"):
        await make(x, clock).__aenter__()


def test_the_sdk_is_loaded_with_the_plugin_only() -> None:
    look = "import sys, bridge.app, bridge.cli.commands; print('tweepy' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"base_url": "ftp://x.example.org"}, "must be an address"),
        ({"base_url": "https://api.x.com/2"}, "nothing but the server's address"),
        ({"base_url": "https://kim@api.x.com"}, "nothing but the server's address"),
        ({"base_url": "https://api.x.com:port"}, "port"),
        ({"base_url": "http://x.example.org"}, "set allow_http"),
        ({"monthly_budget": "-1"}, "greater than or equal to 0"),
        ({"daily_budget": "much"}, "decimal"),
        ({"poll_interval": "1s"}, "seconds=15"),
        ({"token": "x"}, "Extra inputs"),
    ],
    ids=str,
)
def test_settings_that_are_no_good(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        XSettings.model_validate(given)
    assert words in str(caught.value)


def test_settings_that_are_good() -> None:
    assert XSettings().base_url == "https://api.x.com"
    assert XSettings(base_url="http://localhost:8080/").base_url == "http://localhost:8080"
    assert XSettings(base_url="http://x.example.org", allow_http=True).allow_http
    assert XSettings.model_validate({"monthly_budget": "0", "poll_interval": "2m"}).monthly_budget == 0
