"""Whoever says more than the configuration allows slows themselves alone: what is over is recorded, and never done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.commands.gestures import Threaded
from bridge.commands.heard import shallow
from bridge.commands.incoming import GestureKind
from bridge.commands.lines import Command, Question, Status, Talk
from bridge.domain.people import Place
from bridge.domain.rates import Meter
from bridge.domain.wording import NOTHING, plural, seconds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.commands.context import Context, Deed, Turn
    from bridge.commands.heard import Heard
    from bridge.commands.incoming import Incoming
    from bridge.domain.rates import Over
    from bridge.settings import Current

UNLIMITED: Final = frozenset({"panic", "undo"})
"""What stops something is heard however much was said before."""

_PUBLISHING: Final = frozenset({"post", "at", "r", "say", "d", "repeat"})


class Limits:
    """Counts what each person and each room says to the bot, from the line that is judged before the store is asked."""

    def __init__(self, current: Current) -> None:
        """Take the configuration, which says what is allowed and may change."""
        self._current = current
        self._known = current.settings.limits
        self._person = Meter(self._known.person)
        self._room = Meter(self._known.room)
        self._posts = Meter(self._known.posts)

    def is_over(self, incoming: Incoming) -> bool:
        """Tell whether a message of this sender would probably be too much; counts nothing."""
        if self._person.is_over(incoming.sender, incoming.said_at):
            return True
        return incoming.place is Place.ROOM and self._room.is_over(incoming.archive, incoming.said_at)

    def untell(self, seen: Iterable[Incoming]) -> None:
        """Tell of a limit again, where a message that should have been answered so had been taken in before."""
        for incoming in seen:
            self._untell(incoming)

    def _untell(self, incoming: Incoming) -> None:
        for meter, who in (
            (self._person, incoming.sender),
            (self._room, incoming.archive),
            (self._posts, incoming.sender),
        ):
            meter.untell(who, _key(incoming))

    def before(self, context: Context) -> Deed | None:
        """Return the deed of a line that is too much, None where it may be heard; talk isn't counted."""
        self._follow()
        incoming = context.incoming
        if incoming.gesture is not None and (
            incoming.gesture.kind is GestureKind.RETRACTION or incoming.place is Place.ROOM
        ):
            return None  # what it is about, and whether that is ours, the store alone knows
        if _first(context) in UNLIMITED or (incoming.place is Place.ROOM and isinstance(shallow(context), Talk)):
            return None
        return self._counted(context)

    def after(self, context: Context, heard: Heard) -> Deed | None:
        """Return the deed of a message that is too much by what it means, None where it may be done."""
        if isinstance(heard, Command) and heard.verb in UNLIMITED:
            return None
        over = self._counted(context)
        if over is not None or not _publishes(heard):
            return over
        incoming, rate = context.incoming, self._posts.rate
        found = self._posts.take(incoming.sender, _key(incoming), incoming.said_at)
        if found is None or rate is None:
            return None
        return _telling(context, found, f"you wrote more than {plural(rate.count, 'post')}", seconds(rate.per))

    def _follow(self) -> None:
        settings = self._current.settings.limits
        if settings is not self._known:
            self._known = settings
            self._person.limit(settings.person)
            self._room.limit(settings.room)
            self._posts.limit(settings.posts)

    def _counted(self, context: Context) -> Deed | None:
        incoming = context.incoming
        found = self._person.take(incoming.sender, _key(incoming), incoming.said_at)
        if found is not None and (rate := self._person.rate) is not None:
            return _telling(context, found, f"you said more than {plural(rate.count, 'command')}", seconds(rate.per))
        if incoming.place is not Place.ROOM:
            return None
        found = self._room.take(incoming.archive, _key(incoming), incoming.said_at)
        if found is not None and (rate := self._room.rate) is not None:
            many = f"more than {plural(rate.count, 'command')} were said here"
            return _telling(context, found, many, seconds(rate.per))
        return None


def _telling(context: Context, over: Over, what: str, per: str) -> Deed:
    if not over.tell and not context.incoming.chosen:  # who sent a form waits for its answer
        return _nothing
    local = over.until.astimezone(context.zone.tz)
    name = f"{context.nick}: " if context.place is Place.ROOM else ""
    goes_on = f"I go on at {local:%H:%M:%S} {context.zone.name}, and hear panic and undo at any time"
    words = f"{name}{what} in {per}; {goes_on}. {NOTHING}"

    def deed(turn: Turn) -> None:
        turn.say(words)

    return deed


def _nothing(turn: Turn) -> None:
    """Do nothing: its author was told before."""
    del turn


def _key(incoming: Incoming) -> str:
    return f"{incoming.archive}\n{incoming.key}"


def _first(context: Context) -> str:
    """Return the first word of a line, without what marks it as a command."""
    text = context.incoming.text.strip()
    nick = context.settings.xmpp.nick
    if context.place is Place.ROOM and text.casefold().startswith((f"{nick}:".casefold(), f"{nick},".casefold())):
        text = text[len(nick) + 1 :].strip()
    first = text.removeprefix("!").split(maxsplit=1)
    return first[0].casefold() if first else ""


def _publishes(heard: Heard) -> bool:
    return isinstance(heard, Status | Question | Threaded) or (isinstance(heard, Command) and heard.verb in _PUBLISHING)
