"""What can't be switched in the chat says so, and where to change it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.domain.accounts import AccountState
from bridge.domain.deliveries import State
from bridge.store import accounts

if TYPE_CHECKING:
    from tests.unit.commands.conftest import Bench


async def admin(bench: Bench, text: str) -> str:
    """Return the answer; every room that is told comes after it."""
    return (await bench.direct(text, who="ana"))[0]


async def test_what_the_configuration_disables_stays_disabled(bench: Bench) -> None:
    bench.accounts.change("x", enabled=False, barred=True)
    assert await admin(bench, "account enable x") == (
        "x is disabled in the configuration, which the chat can't overrule: set `enabled = true` in [accounts.x] "
        "there, then `reload`. Nothing was changed."
    )
    assert await admin(bench, "account disable x") == (
        "x is disabled already, in the configuration. Nothing was changed."
    )
    assert await admin(bench, "account check x") == (
        "x is disabled in the configuration, so its plugin isn't loaded: set `enabled = true` in [accounts.x] first. "
        "Nothing was changed."
    )
    assert await bench.audited() == []


async def test_what_lacks_its_secrets_says_what_is_missing(bench: Bench) -> None:
    await admin(bench, "account disable x")
    bench.accounts.change("x", mistake="config.toml: accounts.x.access_token: is missing")
    assert await admin(bench, "account enable x") == (
        "x can't be entered: config.toml: accounts.x.access_token: is missing; mend that, then `reload`. "
        "Nothing was changed."
    )
    assert "x" in (await bench.store.read(accounts.stops)).off


async def test_one_that_is_enabled_and_down_says_why(bench: Bench) -> None:
    bench.accounts.change("x", up=False, problem="the token was revoked")
    assert await admin(bench, "account enable x") == (
        "x is enabled already, but is down: the token was revoked. Nothing was changed."
    )


async def test_it_is_audited(bench: Bench) -> None:
    for text in ("account disable x", "account disable x", "account enable x"):
        await admin(bench, text)
    assert [row[:4] for row in await bench.audited()] == [
        ("ana@example.org", "account disable", None, "x"),
        ("ana@example.org", "account enable", None, "x"),
    ]


async def test_enabling_is_reason_enough_for_a_new_probe(bench: Bench) -> None:
    await admin(bench, "account disable x")
    state = AccountState(account="x", failures=9, open_step=9, probe_at=bench.clock.now(), open_cause="503")
    await bench.store.write(lambda tx: accounts.put(tx, state))
    await bench.clock.advance(60)
    await admin(bench, "account enable x")
    after = await bench.store.read(lambda tx: accounts.get(tx, "x"))
    assert (after.probe_at, after.open_cause) == (bench.clock.now(), "503")


async def test_more_than_a_few_are_counted(bench: Bench) -> None:
    for number in range(7):
        await bench.direct(f"to x post {number}")
        await bench.become(number + 1, State.SENDING)
    assert "already on the wire: 1, 2, 3, 4, 5 and 2 more." in await admin(bench, "account disable x")


async def test_only_admins_may(bench: Bench) -> None:
    for text in ("account disable x", "account enable x", "account check x"):
        (line,) = await bench.direct(f"!{text}", who="tom")
        assert line == "`account` needs the role admin; you are an approver. Nothing was posted."
