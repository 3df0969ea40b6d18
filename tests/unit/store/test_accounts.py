from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from bridge.domain.accounts import AccountState, Panic
from bridge.store import Store, Tx, accounts

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
