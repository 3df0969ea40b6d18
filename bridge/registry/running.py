"""Keeping an account up: its plugin is entered, again after a while where that fails, and left at the end."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from bridge.domain.deadline import ExitError, within
from bridge.plugin import PluginError, UnauthorizedError, UnavailableError, UncertainError
from bridge.registry.account import Account, State, Status
from bridge.settings import hide

if TYPE_CHECKING:
    from bridge.plugin import Clock
    from bridge.registry.catalog import AnyPlugin

LEAVING: Final = 1.5
"""Seconds that a plugin has to let go of everything."""

FIRST_PAUSE: Final = 5.0
LONGEST_PAUSE: Final = 60.0

_log = structlog.stdlib.get_logger(__name__)


class EnterError(Exception):
    """A plugin could not be entered; one sentence for people. `after` is what the platform asked to wait."""

    def __init__(self, message: str, after: timedelta | None = None) -> None:
        """Keep the time."""
        super().__init__(message)
        self.after = after


async def attempt(account: Account, clock: Clock) -> str | None:
    """Enter another instance of an account's plugin and leave it again; return why that can't be, in one sentence."""
    if not account.settings.enabled:
        return "it is disabled in the configuration"
    if account.problems:
        return account.problems[0].text
    try:
        async with entered(account, clock):
            return None
    except EnterError as error:
        return hide(str(error), account.secrets)


@asynccontextmanager
async def entered(account: Account, clock: Clock) -> AsyncGenerator[AnyPlugin]:
    """Enter an account's plugin within its deadline, and leave it within two seconds; raises EnterError."""
    plugin = await _enter(account, clock)
    try:
        yield plugin
    finally:
        await _leave(account, plugin, clock)


async def _enter(account: Account, clock: Clock) -> AnyPlugin:
    deadline = account.settings.deadline.total_seconds()
    problem: str
    after: timedelta | None = None
    try:
        return await within(clock, account.settings.deadline, account.make().__aenter__())
    except TimeoutError:
        problem = f"no answer within {deadline:g} s"
    except UnauthorizedError as error:
        problem = _sentence(error, "the platform refuses the login; check the account's token")
    except (UnavailableError, UncertainError) as error:
        problem, after = _sentence(error, "the platform is not available"), error.retry_after
    except PluginError as error:
        problem = _sentence(error, "the platform refuses")
    except asyncio.CancelledError:
        if _cancelled():
            raise
        problem = f'plugin "{account.settings.plugin}" gave up by itself'
    except Exception as error:  # noqa: BLE001 - a plugin's bug is its own
        _log.exception("the plugin failed while it was entered", account=account.name, plugin=account.settings.plugin)
        problem = _bug(account, error)
    raise EnterError(problem, after)


async def _leave(account: Account, plugin: AnyPlugin, clock: Clock) -> None:
    try:
        await within(clock, timedelta(seconds=LEAVING), plugin.__aexit__(None, None, None))
    except TimeoutError:
        _log.warning("the plugin did not let go in time", account=account.name, plugin=account.settings.plugin)
    except Exception:  # noqa: BLE001 - a plugin's bug is its own
        _log.exception("the plugin failed while it was left", account=account.name, plugin=account.settings.plugin)


def _cancelled() -> bool:
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def _bug(account: Account, error: BaseException) -> str:
    if isinstance(error, ExitError) and error.__cause__ is not None:
        error = error.__cause__
    text = hide(" ".join(str(error).split())[:200], account.secrets)
    return f'plugin "{account.settings.plugin}" failed: {type(error).__name__}' + (f": {text}" if text else "")


def _sentence(error: Exception, otherwise: str) -> str:
    return " ".join(str(error).split()) or otherwise


def pause(failures: int, jitter: float) -> float:
    """Return the seconds to wait after so many failures in a row (1 or more).

    Full jitter under 5 s doubling to 60 s; `jitter` is a random number from 0 to 1.
    """
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(failures - 1, 8)) * jitter


async def run_account(account: Account, clock: Clock, *, jitter: Callable[[], float] = random.random) -> None:
    """Keep an account up until cancelled; returns at once for one that is disabled or can't be made.

    Whatever its plugin does, nothing is raised.
    """
    if account.status.state is not State.STARTING:
        return
    failures = 0
    while True:
        failure = await _take_up(account, clock)
        failures += 1
        if account.status.problem != str(failure):
            _log.warning("account is down", account=account.name, problem=str(failure))
        account.set_status(Status(State.DOWN, str(failure)))
        wait = pause(failures, jitter())
        await clock.sleep(max(wait, failure.after.total_seconds()) if failure.after else wait)


async def _take_up(account: Account, clock: Clock) -> EnterError:
    """Enter the plugin and stay until cancelled; returns why it could not be."""
    try:
        async with entered(account, clock) as plugin:
            await account.learn(plugin)
            account.plugin = plugin
            account.set_status(Status(State.UP))
            _log.info("account is up", account=account.name)
            try:
                await asyncio.Event().wait()
            finally:
                account.plugin = None
                account.set_status(Status(State.DOWN, "it is being left"))
    except EnterError as error:
        return error
    except Exception as error:  # noqa: BLE001 - a plugin's bug is its own
        _log.exception("the account could not be taken up", account=account.name)
        return EnterError(_bug(account, error))
    return EnterError("the account was left")
