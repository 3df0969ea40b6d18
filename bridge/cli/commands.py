"""What each command does."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Final, cast

import structlog

from bridge import logs
from bridge.cli import ledger
from bridge.cli.checking import check
from bridge.cli.output import Failure, say, table
from bridge.cli.resuming import resume
from bridge.domain.clock import SystemClock
from bridge.registry import Catalog, PluginBrokenError, Registry, crowded, intruders
from bridge.settings import Settings, SettingsError, load
from bridge.settings.example import render
from bridge.store import (
    MissingError,
    SchemaError,
    Store,
    StoreError,
    Tx,
    accounts,
    outbox,
    upgrade,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from pydantic import BaseModel

    from bridge.cli.parser import Options

_log = structlog.stdlib.get_logger(__name__)


def _settings(options: Options) -> Settings:
    try:
        return load(options.config, secrets=options.secrets)
    except SettingsError as error:
        raise Failure(error.causes) from None


def _read(options: Options) -> Settings:
    return load(options.config, secrets=options.secrets)


def _run(options: Options) -> int:
    settings = _settings(options)
    with logs.configured(options.log_level, secrets=settings.secrets()) as redaction:
        recipes = Registry.recipes(settings)
        redaction.add(text for made in recipes.values() for text in made.secrets)
        mistakes = [problem.text for made in recipes.values() for problem in made.problems if problem.fatal]
        if mistakes:
            raise Failure(mistakes)
        for namesake in intruders() if crowded() else ():
            _log.warning("a package of ours may be hidden", cause=namesake)
        from bridge import app  # noqa: PLC0415 - with it come all libraries, which no other command needs
        from bridge.chat.errors import ChatError  # noqa: PLC0415 - as above

        try:
            asyncio.run(app.run(settings, read=lambda: _read(options), conceal=redaction.add))
        except Exception as error:  # noqa: BLE001 - whatever it is, the last line says that the bridge has ended
            from bridge.web import ListenError  # noqa: PLC0415 - its library is large, and only [web] needs it

            causes = list(_causes(error))
            if not all(isinstance(cause, app.StartError | StoreError | ListenError | ChatError) for cause in causes):
                _log.critical("the bridge ended by a mistake of its own", exc_info=error)
                kinds = ", ".join(dict.fromkeys(type(cause).__name__ for cause in causes))
                causes = [RuntimeError(f"the bridge ended by a mistake of its own ({kinds}); the log has the details")]
            raise Failure(redaction.text(str(cause)) for cause in causes) from None
    return 0


def _causes(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for one in cast("BaseExceptionGroup[BaseException]", error).exceptions:
            yield from _causes(one)
    else:
        yield error


def _init(options: Options) -> int:
    path = options.file or options.config
    catalog = Catalog()
    models: dict[str, type[BaseModel]] = {}
    for name in catalog.names():
        try:
            models[name] = catalog.load(name).Settings
        except PluginBrokenError as error:
            raise Failure([f"{error}"]) from None
    _write_new(path, render(models))
    say(f"{path} is written. Fill it in, then: statusbridge --config {path} check")
    return 0


def _write_new(path: Path, text: str) -> None:
    """Write a file that didn't exist, readable by its owner alone, whole or not at all."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Failure([f"{path} exists and is left as it is; name another file, or move it away"]) from None
    except OSError as error:
        raise Failure([f"{path}: can't be written: {(error.strerror or 'unknown cause').lower()}"]) from None
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise Failure([f"{path}: can't be written: {(error.strerror or 'unknown cause').lower()}"]) from None


def _accounts(options: Options) -> int:
    settings = _settings(options)
    recipes = Registry.recipes(settings)

    def query(tx: Tx) -> dict[str, tuple[str | None, int]]:
        return {name: (accounts.get(tx, name).open_cause, outbox.waiting(tx, name)) for name in recipes}

    async def look() -> Mapping[str, tuple[str | None, int]]:
        async with Store.open(settings.store.url, clock=SystemClock(), lock=False) as store:
            return await store.read(query)

    try:
        known = asyncio.run(look())
    except (MissingError, SchemaError):  # the bridge was never started, so that nothing is known
        known: Mapping[str, tuple[str | None, int]] = {}
    except StoreError as error:
        raise Failure([str(error)]) from None
    rows: list[tuple[str, ...]] = []
    for name, made in recipes.items():
        cause, waiting = known.get(name, (None, 0))
        state = "enabled"
        if not settings.accounts[name].enabled:
            state = "disabled"
        elif made.problems:
            state = f"broken: {made.problems[0].text}"
        elif cause is not None:
            state = f"paused: {cause}"
        rows.append((name, settings.accounts[name].plugin, str(waiting), state))
    if rows:
        table(("ACCOUNT", "PLUGIN", "WAITING", "STATE"), rows)
    else:
        say("There is no account: add one as [accounts.NAME].")
    return 0


def _resume(options: Options) -> int:
    return resume(_settings(options), yes=options.yes)


def _db_upgrade(options: Options) -> int:
    settings = _settings(options)
    try:
        former, now = upgrade(settings.store.url)
    except StoreError as error:
        raise Failure([str(error)]) from None
    if former == now:
        say(f"{settings.store.shown}: is up to date (schema {now})")
    elif former is None:
        say(f"{settings.store.shown}: made (schema {now})")
    else:
        say(f"{settings.store.shown}: brought from schema {former} to {now}")
    return 0


def _check(options: Options) -> int:
    return check(options.config, secrets=options.secrets)


COMMANDS: Final[Mapping[str, Callable[[Options], int]]] = {
    "run": _run,
    "check": _check,
    "init": _init,
    "accounts": _accounts,
    "resume": _resume,
    "audit export": lambda options: ledger.export_audit(options, _settings),
    "audit verify": lambda options: ledger.verify_audit(options, _settings),
    "export": lambda options: ledger.export_all(options, _settings),
    "db upgrade": _db_upgrade,
}
