"""When to try again: back-off with full jitter, and the breaker of an account."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

BASE = timedelta(seconds=5)
"""The first pause, unless the configuration sets another."""

LONGEST = 60
"""How many times the first pause the longest back-off is: 5 min."""

LONGEST_PROBE = 12
"""How many times the first pause an open breaker waits at most: 60 s."""

OPENS_AFTER = 5
_MAX_DOUBLINGS = 16


def backoff(failures: int, jitter: float, base: timedelta = BASE) -> timedelta:
    """Return how long to wait after so many failures in a row (1 or more): full jitter under `base`, doubling.

    `jitter` is a random number from 0 to 1.
    """
    return _doubled(base, failures - 1, LONGEST) * jitter


def _doubled(base: timedelta, times: int, most: int) -> timedelta:
    return base * min(most, 2 ** min(times, _MAX_DOUBLINGS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """Spares a platform in trouble: open after 5 failures in a row, or at once where the login is no good.

    While it is open, `probe_at` says when the next attempt is allowed: after 5 s, doubling to 60 s.
    """

    failures: int = 0
    step: int = 0
    probe_at: datetime | None = None
    cause: str | None = None

    @property
    def open(self) -> bool:
        """Whether it is open."""
        return self.probe_at is not None

    def after(
        self,
        *,
        failed: bool,
        unauthorized: bool,
        now: datetime,
        cause: str | None = None,
        base: timedelta = BASE,
    ) -> Breaker:
        """Return the breaker after an outcome: `failed` means that the platform, or the login, is in trouble."""
        if not failed:
            return Breaker()
        failures = self.failures + 1
        if not (self.open or unauthorized or failures >= OPENS_AFTER):
            return replace(self, failures=failures)
        pause = _doubled(base, self.step, LONGEST_PROBE)
        return Breaker(failures=failures, step=self.step + 1, probe_at=now + pause, cause=cause or self.cause)
