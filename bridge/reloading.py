"""`reload`: the configuration is read again, judged whole, and put in force while everything else goes on.

Whoever asked is owed one answer: the wish is a row, which the answer's commit ends. After a kill in between the new
start has read the file anyway, and the answer says that nothing has changed since.
"""

from __future__ import annotations

import secrets
import uuid
from asyncio import to_thread
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from bridge.domain import wording
from bridge.domain.mint import Mint
from bridge.domain.people import Target
from bridge.domain.wording import plural
from bridge.registry import Recipe, Registry
from bridge.settings import Changes, SettingsError, changes, effective, hide
from bridge.store import StoreError, audit, notices, reloads, switching

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from bridge.domain.clock import Clock
    from bridge.registry import Account
    from bridge.settings import AccountSettings, Current, Settings
    from bridge.store import Store, Tx
    from bridge.supervising import Work, Works

UNCHANGED: Final = "Nothing was changed."
SAME: Final = "the configuration says what it said: nothing has changed"
BROKEN: Final = "the configuration could not be read, by a mistake of the bridge's own: see its log"
SIGNAL: Final = "signal"
"""Who is said to have wanted it where a signal did."""

STORE_PAUSE: Final = 1.0

log = structlog.stdlib.get_logger()


class RefusedError(Exception):
    """The new configuration is wrong; one line for each cause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a reload has changed, and what keeps which account from being entered; `stopped` are those that may not."""

    changes: Changes
    problems: Mapping[str, str]
    stopped: Mapping[str, str]


class Reloader:
    """Reads the configuration again whenever somebody wants it; `run` it as a task."""

    def __init__(
        self,
        current: Current,
        accounts: Registry,
        works: Works,
        *,
        store: Store,
        clock: Clock,
        read: Callable[[], Settings] | None,
        conceal: Callable[[Iterable[str]], None],
        work: Callable[[Account], Work],
        gone: Callable[[Account], Work],
        told: Callable[[str], tuple[Target, ...]],
        moved: Callable[[], None],
    ) -> None:
        """Take what is changed.

        `read` reads the file, `conceal` keeps secrets out of the log, `work` and `gone` make the work of an account
        that is configured, and of one that isn't any more. `told` names who is told what concerns an account, and
        `moved` is called when another configuration is in force.
        """
        self._current = current
        self._accounts = accounts
        self._works = works
        self._store = store
        self._clock = clock
        self._read = read
        self._conceal = conceal
        self._work = work
        self._gone = gone
        self._told = told
        self._moved = moved
        self._woken = store.event(reloads.TOPIC)
        self._signalled = False

    def signal(self) -> None:
        """Want it, with no answer but in the log."""
        self._signalled = True
        self._woken.set()

    async def run(self) -> None:
        """Read it again for ever, whenever that is wanted; cancelled, a wish is left for the next start."""
        while True:
            self._woken.clear()
            try:
                target = await self._store.read(reloads.wanted)
            except StoreError:
                await self._clock.sleep(STORE_PAUSE)
                self._woken.set()
                continue
            if target is not None or self._signalled:
                self._signalled = False
                await self._answer(target)
            await self._woken.wait()

    async def _answer(self, target: Target | None) -> None:
        try:
            done: Done | str = await self._reload()
        except RefusedError as refusal:
            done = f"{refusal}\n{UNCHANGED}"
        except Exception:
            log.exception("the configuration could not be read again")
            done = f"{BROKEN}. {UNCHANGED}"
        seed, salt, now = uuid.uuid4().hex, secrets.token_hex(16), self._clock.now()
        said = await self._write(lambda tx: self._tell(tx, done, target, mint=Mint(seed), salt=salt, now=now))
        changed = isinstance(done, Done) and done.changes != Changes()
        (log.info if isinstance(done, Done) else log.warning)("reload", changed=changed, outcome=said)

    def _tell(self, tx: Tx, done: Done | str, target: Target | None, *, mint: Mint, salt: str, now: datetime) -> str:
        """Owe the answer, and to every room what concerns it; return the answer."""
        held = {name: len(switching.hold(tx, name)) for name in done.stopped} if isinstance(done, Done) else {}
        body = done if isinstance(done, str) else told(done, held)
        if target is not None and reloads.finish(tx):
            notices.add_line(tx, target=target, body=body, origin_id=mint(), at=now)
        if isinstance(done, Done):
            for name, why in done.stopped.items():
                line = wording.barred(name, why, held=held[name])
                for room in self._told(name):
                    if room != target:
                        notices.add_line(tx, target=room, body=line, origin_id=mint(), at=now)
            if done.changes != Changes():
                actor = SIGNAL if target is None else target.jid
                audit.append(tx, at=now, actor=actor, verb="reload", salt=salt, content=body)
        return body

    async def _write(self, unit: Callable[[Tx], str]) -> str:
        while True:
            try:
                return await self._store.write(unit)
            except StoreError as error:
                if not error.told:
                    log.warning("what came of a reload can't be written down", cause=str(error))
                await self._clock.sleep(STORE_PAUSE)

    async def _reload(self) -> Done:
        """Read, judge, and swap; raises RefusedError."""
        await self._works.exchanged()
        read = self._read
        if read is None:
            raise RefusedError("the bridge doesn't know where its configuration is: restart it")
        settings, recipes = await to_thread(_load, read, self._conceal)
        old, new = self._current.settings, effective(self._current.settings, settings)
        found = changes(old, settings)
        made = {
            name: self._accounts.made(name, table, recipes[name])
            for name, table in new.accounts.items()
            if name not in self._accounts or self._is_other(name, table, recipes[name])
        }
        for account in made.values():
            try:
                await account.recall()
            except StoreError as error:
                log.info("the account's limits can't be read now", account=account.name, cause=str(error))
        return self._swap(old, new, found, made)

    def _is_other(self, name: str, table: AccountSettings, recipe: Recipe) -> bool:
        """Tell whether an account has to be made anew: its table has changed, or what kept it from being entered."""
        account = self._accounts[name]
        return account.settings != table or account.problems != recipe.problems

    def _swap(self, old: Settings, new: Settings, found: Changes, made: Mapping[str, Account]) -> Done:
        """Put the new configuration in force, in one go; what is on the wire still is let finish beside that."""
        kept = {account.name: account for account in self._accounts}
        stopped = {name: wording.GONE for name in found.gone_accounts if old.accounts[name].enabled}
        stopped |= {
            name: wording.DISABLED
            for name, account in made.items()
            if not account.settings.enabled and name in old.accounts and old.accounts[name].enabled
        }
        self._current.swap(new)
        self._accounts.swap([made.get(name) or kept[name] for name in new.accounts])
        for name in found.gone_accounts:
            barred = old.accounts[name].model_copy(update={"enabled": False})
            self._works.swap(self._gone(self._accounts.made(name, barred, Recipe())))
        for account in made.values():
            self._works.swap(self._work(account))
        self._moved()
        problems = {name: account.problems[0].text for name, account in made.items() if account.problems}
        return Done(changes=found, problems=problems, stopped=stopped)


def _load(read: Callable[[], Settings], conceal: Callable[[Iterable[str]], None]) -> tuple[Settings, dict[str, Recipe]]:
    """Read and judge the configuration, blocking; raises RefusedError."""
    try:
        settings = read()
    except SettingsError as error:
        raise RefusedError("\n".join(error.causes)) from None
    conceal(settings.secrets())
    recipes = Registry.recipes(settings)
    hidden = (*settings.secrets(), *(text for made in recipes.values() for text in made.secrets))
    conceal(hidden)
    if mistakes := [problem.text for made in recipes.values() for problem in made.problems if problem.fatal]:
        raise RefusedError("\n".join(hide(text, hidden) for text in mistakes))
    return settings, recipes


def told(done: Done, held: Mapping[str, int]) -> str:
    """Return what a reload came to, for whoever wanted it."""
    found = done.changes
    lines = [
        *_named("new account", found.new_accounts),
        *_named("changed account", found.changed_accounts),
        *_named("account", found.gone_accounts, " gone"),
        *_named("room entered", found.new_rooms),
        *_named("room changed", found.changed_rooms),
        *_named("room left", found.gone_rooms),
        *_named("changed", found.others),
    ]
    lines += [f"{name}: {plural(held[name], 'message')} held for it, nothing is lost" for name in held if held[name]]
    lines += [f"{name} can't be entered: {text}" for name, text in done.problems.items()]
    if found.fixed:
        verb = "needs" if len(found.fixed) == 1 else "need"
        lines.append(f"{', '.join(found.fixed)} {verb} a restart: unchanged until then")
    if not lines:
        return SAME
    anything = found != Changes(fixed=found.fixed) or done.problems
    return "\n".join(["the new configuration is in force" if anything else UNCHANGED, *lines])


def _named(what: str, names: tuple[str, ...], after: str = "") -> list[str]:
    return [f"{what}: {', '.join(names)}{after}"] if names else []
