"""`audit`: who did what, in the words of the chain that proves it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from bridge.commands.posting import shortened
from bridge.commands.waiting import may_read
from bridge.domain.ids import EntryId
from bridge.domain.text import clean_inbound
from bridge.domain.wording import tag
from bridge.store import audit, inbox, posts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bridge.commands.context import Deed, Turn
    from bridge.domain.chain import Link
    from bridge.store import Tx

SHOWN = 20
"""How many deeds are shown at most."""

_CONTENT = 60
_NAME = 12


def show(entry: EntryId | None) -> Deed:
    """Return the deed of telling what was done about a post or an item, or, without one, what was done last."""
    return last() if entry is None else of(entry)


def last() -> Deed:
    """Return the deed of telling what was done last, by anybody, newest last."""

    def deed(turn: Turn) -> None:
        links = audit.newest(turn.tx, SHOWN)
        lines = [_told(turn, link, named=True) for link in links]
        turn.say("\n".join([*lines, _chain(turn, links)]) if links else "Nothing was recorded yet.")

    return deed


def of(entry: EntryId) -> Deed:
    """Return the deed of telling all that was done about a post or an item, and what became of it."""

    def deed(turn: Turn) -> None:
        links = audit.about(turn.tx, entry)
        parts = [_told(turn, link) for link in links[-SHOWN:]]
        before = len(links) - len(parts)
        if before:
            parts.insert(0, f"... {before} before")
        if not parts:
            parts.append("nothing was done about it")
        else:
            parts.append(_chain(turn, links[-SHOWN:]))
        answers = [tag(one.id) for one in posts.answering(turn.tx, entry)]
        if answers:
            parts.append(f"answered by {', '.join(answers[-SHOWN:])}")
        turn.say(f"{tag(entry)} {' · '.join(parts)}")

    return deed


def _told(turn: Turn, link: Link, *, named: bool = False) -> str:
    return " ".join([_when(turn, link.at), *_what(turn, link, named=named)])


def _what(turn: Turn, link: Link, *, named: bool) -> Iterator[str]:
    yield _line(link.verb)
    if named and link.entry is not None:
        yield tag(link.entry)
    if link.actor != audit.BRIDGE:
        yield _line(link.actor.partition("@")[0])
        if link.content is not None and _may_show(turn, link.entry):
            yield f'"{shortened(link.content, _CONTENT)}"'
        elif link.forgotten:
            yield "(forgotten)"
    if link.account is not None:
        yield _line(link.account)
    if link.platform_id is not None:
        yield _short(link.platform_id)
    elif link.actor == audit.BRIDGE and link.content is not None and _may_show(turn, link.entry):
        yield f"({shortened(link.content, _CONTENT)})"
    if link.decision is not None:
        yield f"({_line(link.decision)}{f' by {_line(link.rule)}' if link.rule is not None else ''})"
    if link.key is not None:
        yield f"(stanza {_short(link.key)})"


def _may_show(turn: Turn, entry: int | None) -> bool:
    """Tell whether what a deed says of a post or an item may be shown here: not in private where others read."""
    return entry is None or may_read(turn.context) or not _is_private(turn.tx, entry)


def _is_private(tx: Tx, entry: int) -> bool:
    stored = posts.get(tx, EntryId(entry))
    about = entry if stored is None else stored.item
    one = inbox.get(tx, EntryId(about)) if about is not None else None
    return one is not None and one.item.private


def _chain(turn: Turn, links: Sequence[Link]) -> str:
    """Return whether the rows shown are as they were written, and bound to their neighbours."""
    broken = next((link.id for link in links if not audit.is_bound(turn.tx, link)), None)
    holds = "chain ok" if broken is None else f"chain BROKEN at row {broken}"
    return f"{holds} (times in {turn.context.zone.name})"


def _when(turn: Turn, at: str) -> str:
    """Return the time of day where the reader is, and the day if it isn't today's; what a hand wrote, as it stands."""
    try:
        then, today = (one.astimezone(turn.context.zone.tz) for one in (datetime.fromisoformat(at), turn.now))
    except (ValueError, OverflowError):
        return _line(at)
    return f"{then:%H:%M}" if then.date() == today.date() else f"{then:%Y-%m-%d %H:%M}"


def _line(text: str) -> str:
    return " ".join(clean_inbound(text, None).split())


def _short(name: str) -> str:
    words = _line(name)
    return words if len(words) <= _NAME else words[:_NAME] + "..."
