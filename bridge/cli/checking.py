"""`statusbridge check`: everything that a start would find out, one line per cause, without changing anything."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
from typing import TYPE_CHECKING, Final

from bridge import logs
from bridge.cli.output import say
from bridge.domain.clock import SystemClock
from bridge.domain.findings import Finding
from bridge.domain.wording import plural
from bridge.registry import EnterError, PassingMemory, Registry, StoreMemory, entered, intruders
from bridge.settings import Settings, SettingsError, load, secret_texts
from bridge.settings.sources import read_file
from bridge.store import Store, StoreError, TakenError
from bridge.store.engine import Backend, backend_for
from bridge.store.migrations import HEAD, version

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from bridge.registry import Account, Memory, Recipe

_FULL: Final = 1_000_000
_NEARLY_FULL: Final = 100_000_000


def check(path: Path, *, secrets: Path | None = None) -> int:
    """Tell on standard output what is wrong; returns the exit status. Warnings alone are no failure."""
    try:
        settings = load(path, secrets=secrets)
    except SettingsError as error:
        return _tell(Finding(cause) for cause in error.causes)
    recipes = Registry.recipes(settings)
    with open(os.devnull, "w", encoding="utf-8") as nowhere, logs.configured("error", stream=nowhere):  # noqa: PTH123
        findings = asyncio.run(_look(settings, recipes))
    status = _tell([*findings, *_namesakes(findings), *_warnings(path, settings)])
    if status == 0:
        accounts = plural(len(settings.enabled()), "account")
        say(f"ok: {path} ({accounts}, {plural(len(settings.rooms), 'room')})")
    return status


def _tell(findings: Iterable[Finding]) -> int:
    told = dict.fromkeys(findings)
    for finding in told:
        line = " ".join(finding.text.split())
        say(f"warning: {line}" if finding.warning else line)
    return 1 if any(not finding.warning for finding in told) else 0


def _namesakes(findings: Iterable[Finding]) -> list[Finding]:
    """Name who else brings our import names, unless that is why a plugin can't be loaded, and told of already."""
    told = "\n".join(finding.text for finding in findings)
    return [Finding(text, warning=True) for text in intruders() if text not in told]


def _warnings(path: Path, settings: Settings) -> list[Finding]:
    found = [Finding(f"{path}: {text}", warning=True) for text in settings.warnings()]
    others = path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH)
    if others and secret_texts(read_file(path).data):
        found.append(Finding(f"{path}: holds secrets and can be read by other users; chmod 600 {path}", warning=True))
    return found


async def _look(settings: Settings, recipes: dict[str, Recipe]) -> list[Finding]:
    from bridge import app  # noqa: PLC0415 - with it come all libraries, which no other command needs

    store = await asyncio.to_thread(_store, settings)
    registry = Registry(settings, recipes, clock=SystemClock())
    broken = [Finding(problem.text) for account in registry for problem in account.problems]
    web, xmpp, platforms = await asyncio.gather(
        _web(settings),
        app.check(settings),
        _platforms(settings, recipes, usable=not any(not finding.warning for finding in store[0])),
    )
    media = await asyncio.to_thread(_media, settings)
    if store[1]:  # what listens there is the running bridge
        web = []
    return [*broken, *store[0], *media, *web, *xmpp, *platforms]


def _store(settings: Settings) -> tuple[list[Finding], bool]:
    """Look at the store, blocking; the second value says that another bridge works with it."""
    path = settings.store.sqlite_path
    if path is not None:
        found = _room_for(path)
        if found or not path.exists():
            return found, False
    try:
        backend = backend_for(settings.store.url, lock=True)
        revision = _revision(backend)
    except TakenError as error:
        return [Finding(str(error))], True
    except StoreError as error:
        return [Finding(str(error))], False
    found = _space(path.parent) if path is not None else []
    if revision not in {None, HEAD}:
        text = f"{settings.store.shown}: a start will bring it from schema {revision} to {HEAD}; back it up first"
        found.append(Finding(text, warning=True))
    return found, False


def _room_for(path: Path) -> list[Finding]:
    """Tell whether a store that isn't there yet can be made."""
    if path.exists():
        return []
    folder = _nearest(path)
    if not folder.is_dir():
        return [Finding(f"store.url: {folder} is a file, so that {path} can't be made; correct [store] url")]
    if not os.access(folder, os.W_OK | os.X_OK):
        return [Finding(f"store.url: {path} can't be made: this user may not write in {folder}")]
    return _space(folder)


def _nearest(path: Path) -> Path:
    """Return the path, or what is there of those above it."""
    return next(one for one in (path, *path.parents) if one.exists())


def _media(settings: Settings) -> list[Finding]:
    """Tell whether pictures can be kept, in a directory that is there or can be made; blocking.

    A directory in which the store is to be made as well is told of with the store.
    """
    path, store = settings.store.media, settings.store.sqlite_path
    folder = _nearest(path)
    if store is not None and not store.exists() and _nearest(store) == folder:
        return []
    if not folder.is_dir():
        return [Finding(f"store.media: {folder} is a file, not a directory for pictures; correct [store] media")]
    if not os.access(folder, os.W_OK | os.X_OK):
        return [Finding(f"store.media: no picture can be kept in {path}: this user may not write in {folder}")]
    return []


def _space(folder: Path) -> list[Finding]:
    free = shutil.disk_usage(folder).free
    if free < _FULL:
        return [Finding(f"store.url: the disk of {folder} is full: make room")]
    if free < _NEARLY_FULL:
        return [Finding(f"store.url: the disk of {folder} has only {free // 1_000_000} MB left", warning=True)]
    return []


def _revision(backend: Backend) -> str | None:
    backend.open()
    try:
        connection = backend.connect()
        try:
            return version(connection, backend.place)
        except Exception as error:  # noqa: BLE001 - it becomes a sentence
            raise backend.public(error) from None
        finally:
            connection.close()
    finally:
        backend.close()


async def _web(settings: Settings) -> list[Finding]:
    if settings.web is None:
        return []
    from bridge.web import Health, ListenError, serve  # noqa: PLC0415 - as above

    try:
        async with serve(settings.web.listen, lambda: Health(ok=True)):
            return []
    except ListenError as error:
        return [Finding(str(error))]


async def _platforms(settings: Settings, recipes: dict[str, Recipe], *, usable: bool) -> list[Finding]:
    """Enter the plugins, all at once; those that rotate their tokens find them in the store, if it is there."""
    path = settings.store.sqlite_path
    if usable and (path is None or path.exists()):
        try:
            async with Store.open(settings.store.url, clock=SystemClock(), lock=False) as store:
                return await _enter_all(settings, recipes, StoreMemory(store))
        except StoreError:  # it has no tables yet
            pass
    return await _enter_all(settings, recipes, PassingMemory())


async def _enter_all(settings: Settings, recipes: dict[str, Recipe], memory: Memory) -> list[Finding]:
    registry = Registry(settings, recipes, clock=SystemClock(), memory=memory)
    usable = [account for account in registry if account.settings.enabled and not account.problems]
    found = await asyncio.gather(*(_enter(account, settings) for account in usable))
    return [finding for finding in found if finding is not None]


async def _enter(account: Account, settings: Settings) -> Finding | None:
    try:
        async with entered(account, SystemClock()):
            return None
    except EnterError as error:
        return Finding(f"{settings.place('accounts', account.name)}: {error}")
