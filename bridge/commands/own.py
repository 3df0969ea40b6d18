"""`set hold` and `set zone`: how long a person's own posts are held, and in which zone they say times, everywhere."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bridge.commands.context import Mistake
from bridge.domain.durations import parse_duration, render_duration
from bridge.domain.wording import seconds
from bridge.domain.zones import absolute, find_zone
from bridge.store import people

if TYPE_CHECKING:
    from bridge.commands.context import Context, Deed, Turn

LONGEST: Final = timedelta(hours=1)
"""A longer hold than this would outlive what is worth saying in an outage."""


def set_hold(context: Context, length: str) -> Deed:
    """Return the deed of setting the person's own undo window; raises Mistake."""
    hold = parse_duration(length)
    if hold > LONGEST:
        most = render_duration(LONGEST)
        raise Mistake(f"A hold is {most} at most: {context.verb(f'set hold {most}')}. Nothing was changed.")

    def deed(turn: Turn) -> None:
        people.set_hold(turn.tx, context.sender, hold)
        turn.audit("set", content=f"hold {render_duration(hold)}")
        undo = context.verb("undo")
        after = f"{seconds(hold)} after you write it, unless you {undo} it" if hold else "at once"
        turn.say(f"From now on what you post goes out {after}, here and everywhere")

    return deed


def set_zone(context: Context, name: str) -> Deed:
    """Return the deed of setting the zone in which the person says times; raises Mistake."""
    zone = find_zone(name)
    if zone is None:
        raise Mistake(f"There is no such time zone: {context.verb('set zone Europe/Berlin')}. Nothing was changed.")

    def deed(turn: Turn) -> None:
        people.set_zone(turn.tx, context.sender, zone.name)
        turn.audit("set", content=f"zone {zone.name}")
        turn.say(f"From now on the times that you say are in {zone.name}; it is {absolute(turn.now, zone)} there")

    return deed
