from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from bridge.domain.accounts import AccountState, Off, Panic, Stops
from bridge.domain.people import Place, Target
from bridge.store import Store, Tx, accounts, errands, figures

if TYPE_CHECKING:
    from datetime import datetime


async def test_an_account_without_trouble_has_a_fresh_state(store: Store) -> None:
    assert await store.read(lambda tx: accounts.get(tx, "one")) == AccountState(account="one")


async def test_a_state_is_kept_and_replaced(store: Store, now: datetime) -> None:
    trouble = AccountState(
        account="one", failures=7, open_cause="no answer", open_step=3, probe_at=now, told_at=now + timedelta(seconds=1)
    )
    await store.write(lambda tx: accounts.put(tx, trouble))
    assert await store.read(lambda tx: accounts.get(tx, "one")) == trouble
    await store.write(lambda tx: accounts.put(tx, AccountState(account="one", failures=1)))
    assert await store.read(lambda tx: accounts.get(tx, "one")) == AccountState(account="one", failures=1)
    assert await store.read(lambda tx: accounts.get(tx, "two")) == AccountState(account="two")


async def test_the_first_to_panic_is_remembered_until_it_ends(store: Store, now: datetime) -> None:
    def twice(tx: Tx) -> list[bool]:
        first = accounts.set_panic(tx, actor="ana@example.org", at=now)
        return [first, accounts.set_panic(tx, actor="raj@example.org", at=now + timedelta(seconds=1))]

    assert await store.read(accounts.panic) is None
    assert await store.write(twice) == [True, False]
    assert await store.read(accounts.panic) == Panic(actor="ana@example.org", at=now)
    assert await store.write(accounts.clear_panic)
    assert not await store.write(accounts.clear_panic)
    assert await store.read(accounts.panic) is None


async def test_a_plugins_memory_is_kept_by_account_and_name(store: Store) -> None:
    def save(tx: Tx) -> None:
        accounts.keep_save(tx, "one", "token", "a")
        accounts.keep_save(tx, "two", "token", "b")
        accounts.keep_save(tx, "one", "token", "c")

    await store.write(save)
    names = [("one", "token"), ("two", "token"), ("one", "session")]
    assert await store.read(lambda tx: [accounts.keep_load(tx, *name) for name in names]) == ["c", "b", None]


async def test_the_first_to_disable_an_account_is_remembered_until_it_is_enabled(store: Store, now: datetime) -> None:
    def disable(tx: Tx) -> list[bool]:
        accounts.set_panic(tx, actor="tom@example.org", at=now)
        first = accounts.disable(tx, "one", actor="ana@example.org", at=now)
        again = accounts.disable(tx, "one", actor="raj@example.org", at=now + timedelta(seconds=1))
        return [first, again, accounts.disable(tx, "zz_9-a", actor="raj@example.org", at=now)]

    assert await store.read(accounts.stops) == Stops(panic=None, off={})
    assert await store.write(disable) == [True, False, True]
    ana, raj = Off(actor="ana@example.org", at=now), Off(actor="raj@example.org", at=now)
    panicked = Panic(actor="tom@example.org", at=now)
    assert await store.read(accounts.stops) == Stops(panic=panicked, off={"one": ana, "zz_9-a": raj})
    assert await store.write(lambda tx: accounts.enable(tx, "one"))
    assert not await store.write(lambda tx: accounts.enable(tx, "one"))
    assert await store.read(accounts.stops) == Stops(panic=panicked, off={"zz_9-a": raj})


async def test_a_login_is_tried_once_for_each_who_asks(store: Store, now: datetime) -> None:
    ana, tom = (Target(f"{who}@example.org", Place.DIRECT) for who in ("ana", "tom"))

    def add(tx: Tx) -> list[bool]:
        return [errands.add_trial(tx, "one", target=target, at=now) for target in (ana, ana, tom)]

    assert await store.write(add) == [True, False, True]
    found = await store.read(errands.trials)
    assert [(one.account, one.target, one.created_at) for one in found] == [("one", ana, now), ("one", tom, now)]
    assert await store.write(lambda tx: [errands.finish_trial(tx, found[0].id) for _ in range(2)]) == [True, False]
    assert [one.target for one in await store.read(errands.trials)] == [tom]


async def test_how_much_the_store_takes(store: Store) -> None:
    assert await store.read(figures.size) > 10_000
    assert await store.read(figures.queues) == figures.Queues(waiting=0, held=0, doubtful=0, failed=0, oldest=None)
