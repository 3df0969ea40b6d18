"""`stats`: what came and went, in numbers alone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bridge.commands.context import saying
from bridge.commands.waiting import since
from bridge.domain.wording import plural, stopwatch, tag
from bridge.store import stats

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.commands.context import Context, Deed
    from bridge.store import Tx
    from bridge.store.stats import Period, Standing

WEEK: Final = timedelta(days=7)


async def show(context: Context) -> Deed:
    """Return the deed of telling what came and went today and in the last 7 days, and what waits; raises ReadError.

    It is counted before the writer, so that nothing that is to go out waits for it.
    """
    now = context.now
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)

    def look(tx: Tx) -> tuple[Period, Period, Standing]:
        return stats.period(tx, midnight), stats.period(tx, now - WEEK), stats.standing(tx)

    today, week, standing = await context.read(look)
    lines = [f"today (UTC): {_counts(today)}", f"7 days: {_counts(week)}", f"now: {_waits(context, standing)}"]
    return saying("\n".join(lines))


def _counts(found: Period) -> str:
    published = ", ".join(f"{name} {many:,}" for name, many in found.published.items())
    parts = [f"published {published or 'nothing'}", f"{plural(found.answers, 'answer')} sent", f"{found.heard:,} heard"]
    if found.failed:
        parts.append(f"{found.failed:,} failed")
    if found.first_answer is not None:
        parts.append(f"first answer after {stopwatch(found.first_answer)} (median)")
    return " · ".join(parts)


def _waits(context: Context, standing: Standing) -> str:
    return " · ".join(_standing(context, standing))


def _standing(context: Context, standing: Standing) -> Iterator[str]:
    yield f"{standing.open:,} open, {standing.claimed:,} claimed"
    if standing.oldest is not None:
        yield f"the oldest is {tag(standing.oldest.id)}, {since(context.now, standing.oldest.received_at)} old"
    if standing.failed:
        yield f"{standing.failed:,} failed"
    if standing.in_doubt:
        yield f"{standing.in_doubt:,} in doubt"
