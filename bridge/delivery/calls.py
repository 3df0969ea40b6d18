"""One call of a plugin, under a total deadline, and the outcome it comes to. Nothing here raises for a plugin."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias

import structlog

from bridge.domain.deadline import within
from bridge.domain.deliveries import (
    Absent,
    Delivery,
    DeliveryKind,
    Outcome,
    Refused,
    Sent,
    Unauthorized,
    Unavailable,
    Uncertain,
)
from bridge.domain.pictures import Lost
from bridge.domain.posts import Media, Post, Posted
from bridge.plugin import (
    Deletes,
    Edits,
    Favours,
    Finds,
    Limits,
    Plugin,
    PluginError,
    RefusedError,
    Repeats,
    UnauthorizedError,
    UnavailableError,
    UncertainError,
)

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from pydantic import BaseModel

    from bridge.domain.clock import Clock
    from bridge.domain.ids import PostId

log = structlog.stdlib.get_logger()

_LONGEST_REASON = 300

Pictures: TypeAlias = Callable[[Delivery, Limits], Awaitable[tuple[Media, ...]]]
"""Gives the pictures of a delivery as a platform with these limits takes them; raises Lost."""


async def no_pictures(_: Delivery, __: Limits) -> tuple[Media, ...]:
    """Return none: for those that keep none."""
    return ()


async def attempt(
    plugin: Plugin[BaseModel],
    delivery: Delivery,
    *,
    clock: Clock,
    deadline: timedelta,
    pictures: Pictures = no_pictures,
) -> Outcome:
    """Do once what is owed, and return what came of it; `pictures` gives a delivery's, fitted to the limits.

    To fit them takes its own time, in which nothing is published: only the platform is under the deadline.
    """
    media: tuple[Media, ...] = ()
    if delivery.pictures and delivery.kind is DeliveryKind.POST:
        try:
            media = await pictures(delivery, plugin.limits)
        except Lost as error:
            return Unavailable(reason=str(error)) if error.again else Refused(reason=str(error))
        except Exception:
            log.exception("pictures failed", account=delivery.account, delivery=delivery.id)
            return Refused(reason="its pictures can't be made ready: an error of the bridge, see its log")

    async def post() -> Outcome:
        return Sent(posted=await plugin.post(post_of(delivery, media), delivery.key))

    match delivery.kind:
        case DeliveryKind.POST:
            call = post()
        case DeliveryKind.REPEAT:
            call = _repeat(plugin, delivery)
        case DeliveryKind.FAVOUR:
            call = _favour(plugin, delivery)
        case DeliveryKind.EDIT:
            call = _edit(plugin, delivery)
        case DeliveryKind.DELETE:
            call = _delete(plugin, delivery)
    return await _outcome(call, delivery, clock=clock, deadline=deadline)


async def look(
    plugin: Plugin[BaseModel],
    delivery: Delivery,
    *,
    known: AbstractSet[PostId],
    since: datetime,
    clock: Clock,
    deadline: timedelta,
) -> Outcome:
    """Look for a doubtful delivery on the platform, and return what was learned."""

    async def find() -> Outcome:
        if not isinstance(plugin, Finds):
            return Uncertain(reason="the platform can't be searched", answered=True)
        posted = await plugin.find(post_of(delivery), delivery.key, since, known)
        return Absent() if posted is None else Sent(posted=posted)

    # It publishes nothing, so that no answer is only no news.
    return await _outcome(find(), delivery, clock=clock, deadline=deadline, unanswered=Unavailable)


def post_of(delivery: Delivery, media: tuple[Media, ...] = ()) -> Post:
    """Return what the plugin shall publish."""
    return Post(
        text=delivery.text,
        in_reply_to=delivery.parent,
        media=media,
        visibility=delivery.visibility,
        warning=delivery.warning,
        language=delivery.language,
    )


_NAMELESS = Refused(reason="nobody knows what the platform calls it")


async def _repeat(plugin: Plugin[BaseModel], delivery: Delivery) -> Outcome:
    if not isinstance(plugin, Repeats):
        return Refused(reason="this platform's plugin can't repeat")
    if delivery.parent is None:
        return _NAMELESS
    return Sent(posted=await plugin.repeat(delivery.parent, delivery.key))


async def _favour(plugin: Plugin[BaseModel], delivery: Delivery) -> Outcome:
    if not isinstance(plugin, Favours):
        return Refused(reason="this platform's plugin can't mark favourites")
    if delivery.parent is None:
        return _NAMELESS
    await plugin.favour(delivery.parent)
    return Sent(posted=None)


async def _edit(plugin: Plugin[BaseModel], delivery: Delivery) -> Outcome:
    if not isinstance(plugin, Edits):
        return Refused(reason="this platform's plugin can't edit")
    if delivery.parent is None:
        return _NAMELESS
    target = Posted(id=delivery.parent.id, url=delivery.posted_url, memo=delivery.parent.memo)
    # What it answers, who may see it and its warning stay as they are there.
    return Sent(posted=await plugin.edit(target, Post(text=delivery.text), delivery.key))


async def _delete(plugin: Plugin[BaseModel], delivery: Delivery) -> Outcome:
    if not isinstance(plugin, Deletes):
        return Refused(reason="this platform's plugin can't delete")
    if delivery.parent is None:
        return _NAMELESS
    target = Posted(id=delivery.parent.id, url=delivery.posted_url, memo=delivery.parent.memo)
    await plugin.delete(target)
    return Sent(posted=None)


async def _outcome(
    call: Coroutine[object, object, Outcome],
    delivery: Delivery,
    *,
    clock: Clock,
    deadline: timedelta,
    unanswered: type[Uncertain | Unavailable] = Uncertain,
) -> Outcome:
    try:
        return await within(clock, deadline, call)
    except TimeoutError:
        return unanswered(reason=f"no answer within {deadline.total_seconds():g} s")
    except PluginError as error:
        return _said(error)
    except Exception as error:
        log.exception("plugin failed", account=delivery.account, delivery=delivery.id)
        return Uncertain(reason=f"the plugin failed ({type(error).__name__})")


def _said(error: PluginError) -> Outcome:
    reason = str(error)[:_LONGEST_REASON] or type(error).__name__
    match error:
        case RefusedError():
            return Refused(reason=reason)
        case UnauthorizedError():
            return Unauthorized(reason=reason)
        case UnavailableError(retry_after=after):
            return Unavailable(reason=reason, retry_after=after)
        case UncertainError(answered=answered, retry_after=after):
            return Uncertain(reason=reason, answered=answered, retry_after=after)
        case _:
            return Uncertain(reason=reason)
