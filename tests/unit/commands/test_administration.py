"""What admins ask about the accounts from a direct chat."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bridge.domain.deliveries import State
from bridge.store import accounts

if TYPE_CHECKING:
    from tests.unit.commands.conftest import Bench

ADMIN = "ana"
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
    bench.accounts.change("mastodon", up=True, problem=None, enabled=False)
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
        "| plugin x",
        "| it finds, repeats, favours",
        "| takes 280 characters and no pictures a post",
        f"| posted to from {ROOMS}; heard in {ROOMS}",
    ]
    bench.accounts.change("x", limits=None, finds=False, repeats=False, favours=False, signature="^%s")
    assert (await admin(bench, "plugin info x"))[2:] == [
        "| it only posts",
        f"| posted to from {ROOMS}; heard in {ROOMS}",
        "| signs with ^%s",
    ]


async def test_only_admins_and_only_in_a_direct_chat(bench: Bench) -> None:
    assert await bench.direct("!account list") == ["`account` needs the role admin; you are staff. Nothing was posted."]
    (line,) = await bench.room("!account list", who=ADMIN)
    assert line.startswith("`account` works in a direct chat with me")


async def test_what_is_not_there_and_not_built_says_so(bench: Bench) -> None:
    assert await admin(bench, "!account info friendica") == [
        "There is no account called `friendica`: accounts are named as in the configuration. Nothing was posted."
    ]
    assert await admin(bench, "account enable x") == ["`account enable` is not in this version. Nothing was posted."]
    assert await admin(bench, "plugin list") == ["`plugin list` is not in this version. Nothing was posted."]
