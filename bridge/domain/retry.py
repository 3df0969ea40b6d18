"""When to try again: back-off with full jitter, and the breaker of an account."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

BASE = timedelta(seconds=5)
CAP = timedelta(minutes=5)
OPENS_AFTER = 5
PROBE_CAP = timedelta(seconds=60)
_MAX_DOUBLINGS = 16


def backoff(failures: int, jitter: float) -> timedelta:
    """Return how long to wait after so many failures in a row (1 or more): full jitter under 5 s doubling to 5 min.

    `jitter` is a random number from 0 to 1.
    """
    return min(CAP, BASE * 2 ** min(failures - 1, _MAX_DOUBLINGS)) * jitter


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

    def after(self, *, failed: bool | None, unauthorized: bool, now: datetime, cause: str | None = None) -> Breaker:
        """Return the breaker after an outcome; None as `failed` means that nothing was learned."""
        if failed is None:
            return self
        if not failed:
            return Breaker()
        failures = self.failures + 1
        if not (self.open or unauthorized or failures >= OPENS_AFTER):
            return replace(self, failures=failures)
        pause = min(PROBE_CAP, BASE * 2 ** min(self.step, _MAX_DOUBLINGS))
        return Breaker(failures=failures, step=self.step + 1, probe_at=now + pause, cause=cause or self.cause)
