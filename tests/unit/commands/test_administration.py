"""What admins ask about the accounts from a direct chat."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from bridge.commands.accounts import Installed
from bridge.domain.accounts import Off
from bridge.domain.deliveries import State
from bridge.domain.posts import Money, Spending
from bridge.store import accounts

if TYPE_CHECKING:
    from tests.unit.commands.conftest import Bench

ADMIN = "ana"


def usd(amount: str | int) -> Money:
    return Money(amount=Decimal(amount), currency="USD")


ROOMS = "ops@rooms.example.org, sales@rooms.example.org"


async def admin(bench: Bench, text: str) -> list[str]:
    """Return the lines of the one answer."""
    (answer,) = await bench.direct(text, who=ADMIN)
    return answer.splitlines()


async def test_every_account_and_its_backlog_in_one_line_each(bench: Bench) -> None:
    for text in ("post one", "post two", "post three", "post four"):
        await bench.direct(text)
    await bench.become(1, State.SENT, account="mastodon")
    await bench.become(2, State.DEAD, account="x")
    await bench.become(3, State.ASKED, account="x")
    await bench.become(4, State.READY, account="x")
    await bench.clock.advance(600)
    assert await admin(bench, "account list") == [
        "mastodon is up · 3 held · last published 10 min ago",
        "x is up · 1 waiting · 1 held · 1 failed · 1 in doubt, left to you",
    ]


async def test_when_something_was_published_last(bench: Bench) -> None:
    await bench.direct("to mastodon post one")
    await bench.become(1, State.SENT)
    await bench.clock.advance(600)
    assert (await admin(bench, "account list"))[0] == "mastodon is up · last published 10 min ago"


async def test_what_is_wrong_with_an_account_is_said(bench: Bench) -> None:
    bench.accounts.change("mastodon", up=False, problem="the token\nis not valid (any more).")
    state = accounts.AccountState(account="x", probe_at=bench.clock.now(), open_cause="503 from x")
    await bench.store.write(lambda tx: accounts.put(tx, state))
    assert await admin(bench, "account list") == [
        "mastodon is down: the token is not valid (any more)",
        "x is paused: 503 from x",
    ]
    bench.accounts.change("mastodon", up=True, problem=None, enabled=False, barred=True)
    deaf = replace(state, probe_at=None, open_cause=None, deaf_told_at=bench.clock.now())
    await bench.store.write(lambda tx: accounts.put(tx, deaf))
    await bench.clock.advance(180)
    assert await admin(bench, "account list") == [
        "mastodon is disabled in the configuration",
        "x is up, not heard for 3 min",
    ]


async def test_all_about_one_account(bench: Bench) -> None:
    assert await admin(bench, "account info X") == [
        "x is up",
        "| enabled in the configuration",
        "| plugin x",
        "| it finds, repeats, favours",
        "| takes 280 characters and no pictures a post",
        f"| posted to from {ROOMS}; heard in {ROOMS}",
    ]
    bench.accounts.change("x", limits=None, finds=False, repeats=False, favours=False, signature="^%s")
    assert (await admin(bench, "plugin info x"))[3:] == [
        "| it only posts",
        f"| posted to from {ROOMS}; heard in {ROOMS}",
        "| signs with ^%s",
    ]


@pytest.mark.parametrize(
    ("spending", "line"),
    [
        (Spending(today=usd("0.315"), month=usd("4.20")), "spent 0.315 USD today; 4.2 USD this month"),
        (
            Spending(
                today=usd(0), month=usd("4.2"), daily_budget=usd(1), monthly_budget=usd(20), forecast=usd("9.1259")
            ),
            (
                "spent 0 USD today (1 USD left of 1 USD); 4.2 USD this month (15.8 USD left of 20 USD); "
                "about 9.13 USD by its end"
            ),
        ),
        (
            Spending(today=usd("1.01"), month=usd("1.01"), daily_budget=usd(1), forecast=usd("0.004")),
            "spent 1.01 USD today (0 USD left of 1 USD); 1.01 USD this month; about 0.004 USD by its end",
        ),
    ],
)
async def test_what_was_spent_is_said(bench: Bench, spending: Spending, line: str) -> None:
    bench.accounts.change("x", spending=lambda: spending)
    assert (await admin(bench, "account info x"))[5] == f"| {line}"


async def test_only_admins_and_only_in_a_direct_chat(bench: Bench) -> None:
    assert await bench.direct("!account list") == ["`account` needs the role admin; you are staff. Nothing was posted."]
    (line,) = await bench.room("!account list", who=ADMIN)
    assert line.startswith("`account` works in a direct chat with me")


async def test_what_is_not_there_says_so(bench: Bench) -> None:
    assert await admin(bench, "!account info friendica") == [
        "There is no account called `friendica`: accounts are named as in the configuration. Nothing was posted."
    ]


async def test_where_the_switch_comes_from_is_said(bench: Bench) -> None:
    off = Off(actor="ana@example.org", at=bench.clock.now())
    bench.accounts.change("mastodon", enabled=False, off=off)
    bench.accounts.change("x", enabled=False, barred=True, off=off)
    await bench.clock.advance(7200)
    assert await admin(bench, "account list") == [
        "mastodon was disabled by ana 2 h ago",
        "x is disabled in the configuration",
    ]
    when = f"{off.at:%Y-%m-%d %H:%M} UTC"
    assert (await admin(bench, "account info mastodon"))[1:3] == [
        "| enabled in the configuration",
        f"| disabled in the chat by ana@example.org on {when}",
    ]
    assert (await admin(bench, "account info x"))[1:3] == [
        "| disabled in the configuration: `enabled` in [accounts.x]",
        f"| disabled in the chat by ana@example.org on {when}",
    ]


async def test_what_breaks_is_said(bench: Bench) -> None:
    bench.accounts.change("mastodon", up=False, starting=timedelta(seconds=12))
    bench.accounts.change("x", deaf="the plugin failed (KeyError)")
    assert await admin(bench, "account list") == [
        "mastodon is starting: its plugin has been entered for 12 s and isn't ready yet",
        "x is up, not heard: the plugin failed (KeyError)",
    ]
    bench.accounts.change("x", stuck="sending failed (KeyError), see the log")
    assert (await admin(bench, "account list"))[1] == "x is paused: sending failed (KeyError), see the log"


async def test_plugins_with_their_versions_and_what_is_missing(bench: Bench) -> None:
    bench.accounts.plugins = (
        Installed(name="mastodon", package="statusbridge", version="0.1.0"),
        Installed(name="odd", package="statusbridge-odd", version="2.0", needs="statusbridge>=0.1"),
        Installed(name="plain", package="plain.module:Plain", version=None),
    )
    bench.accounts.change("mastodon", enabled=False)
    assert await admin(bench, "plugin list") == [
        "mastodon · statusbridge 0.1.0 · used by mastodon (disabled)",
        "odd · statusbridge-odd 2.0, made for statusbridge>=0.1 · used by no account",
        "plain · plain.module:Plain · used by no account",
        "x is NOT installed · wanted by x",
    ]
    bench.accounts.change("x", plugin="odd", mistake="it can't be loaded: ImportError: no SDK", loaded=False)
    assert (await admin(bench, "plugin list"))[1] == (
        "odd · statusbridge-odd 2.0, made for statusbridge>=0.1 · used by x · "
        "can't be used: it can't be loaded: ImportError: no SDK"
    )
    bench.accounts.change("x", mistake="config.toml: accounts.x.token: is missing", loaded=True)
    assert (await admin(bench, "plugin list"))[1].endswith("used by x")


async def test_without_any_plugin(bench: Bench) -> None:
    bench.accounts.views.clear()
    assert await admin(bench, "plugin list") == ["No plugin is installed."]
