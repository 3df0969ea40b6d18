"""`statusbridge resume`: ends a panic from the shell, once what waits was shown."""

from __future__ import annotations

import asyncio
import getpass
import os
import secrets
import sys
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.cli.output import Failure, say
from bridge.commands import resuming
from bridge.commands.people import Rights
from bridge.domain.clock import SystemClock
from bridge.domain.mint import Mint
from bridge.store import Store, StoreError, Tx, accounts, audit, notices, outbox, panics, receipts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime
    from typing import TypeVar

    from bridge.domain.accounts import Panic
    from bridge.domain.panic import Waiting
    from bridge.settings import Settings

    T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """The panic that is on, what waits, and the lines that show it."""

    panic: Panic
    waiting: Waiting
    lines: tuple[str, ...]


def resume(settings: Settings, *, yes: bool) -> int:
    """Show what waits and, where nothing does or somebody agrees, end the panic; raises Failure."""
    now = SystemClock().now()
    seen = _do(settings, lambda store: store.read(lambda tx: _look(tx, settings, now)))
    if seen is None:
        say("There is no panic: nothing was changed.")
        return 0
    if seen.waiting.posts and not yes:
        _show(seen)
        _ask()
    ended = _do(settings, lambda store: store.write(_ending(settings, None if yes else seen)))
    if ended is None:
        say("There is no panic any more: nothing was changed.")
        return 0
    if yes and ended.waiting.posts:
        _show(ended)
    many = sum(many for _, many in ended.waiting.deliveries)
    say(f"Ended the panic of {ended.panic.actor} since {ended.panic.at:%Y-%m-%d %H:%M} UTC; waiting to go out: {many}.")
    say("A running bridge goes on within 30 seconds.")
    return 0


def _do(settings: Settings, work: Callable[[Store], Awaitable[T]]) -> T:
    async def run() -> T:
        async with Store.open(settings.store.url, clock=SystemClock(), lock=False) as store:
            return await work(store)

    try:
        return asyncio.run(run())
    except StoreError as error:
        raise Failure([str(error)]) from None


def _look(tx: Tx, settings: Settings, now: datetime) -> _Seen | None:
    max_age = settings.posting.max_age
    panic, found = accounts.panic(tx), resuming.waiting(tx, now=now, max_age=max_age)
    if panic is None or found is None:
        return None
    lines = resuming.listing(tx, found, now=now, reader=None, max_age=max_age) if found.posts else []
    return _Seen(panic=panic, waiting=found, lines=tuple(lines))


def _ending(settings: Settings, shown: _Seen | None) -> Callable[[Tx], _Seen | None]:
    """Return the unit that ends the panic; only if what waits still is as shown, unless somebody agreed unseen."""
    now, actor = SystemClock().now(), f"shell:{_user()}"
    salt, seed = secrets.token_hex(16), uuid.uuid4().hex

    def unit(tx: Tx) -> _Seen | None:
        found = _look(tx, settings, now)
        if found is None:
            return None
        if shown is not None and (shown.waiting.mark, shown.panic) != (found.waiting.mark, found.panic):
            raise Failure(["what waits has changed since it was shown: look again. Nothing was changed."])
        targets = resuming.told(tx, Rights.read(tx, settings))
        panics.end(tx)
        audit.append(tx, at=now, actor=actor, verb="resume by shell", salt=salt)
        mint = Mint(seed)
        body = f"by the shell: {resuming.continues(receipts.outgoing(tx), found.waiting)}"
        for target in targets:
            notices.add_line(tx, target=target, body=body, origin_id=mint(), at=now)
        for name in settings.accounts:
            tx.wake(outbox.lane_topic(name))
        return found

    return unit


def _show(seen: _Seen) -> None:
    for line in seen.lines:
        say(line)


def _ask() -> None:
    """Return if somebody at the terminal agrees; raises Failure."""
    if not sys.stdin.isatty():
        raise Failure(["nothing was changed: statusbridge resume --yes lets it go out"])
    sys.stdout.write("Let it go out? [y/N] ")
    sys.stdout.flush()
    if sys.stdin.readline().strip().casefold() not in {"y", "yes"}:
        raise Failure(["nothing was changed"])


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no name for this user id, as in a container
        return str(os.getuid())
