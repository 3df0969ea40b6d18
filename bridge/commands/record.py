"""`audit`: who did what, in the words of the chain that proves it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.commands.posting import shortened
from bridge.commands.waiting import may_read
from bridge.domain.ids import EntryId
from bridge.domain.text import clean_inbound
from bridge.domain.wording import tag
from bridge.store import audit, inbox, posts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from bridge.commands.context import Deed, Turn
    from bridge.domain.chain import Link
    from bridge.store import Tx

SHOWN = 20
"""How many deeds are shown at most."""

_CONTENT = 60
_NAME = 12
_DAY = len("2026-01-02")


def show(entry: EntryId | None) -> Deed:
    """Return the deed of telling what was done about a post or an item, or, without one, what was done last."""
    return last() if entry is None else of(entry)


def last() -> Deed:
    """Return the deed of telling what was done last, by anybody, newest last."""

    def deed(turn: Turn) -> None:
        links = audit.newest(turn.tx, SHOWN)
        lines = [f"{_told(turn, link, named=True)}" for link in links]
        turn.say("\n".join([*lines, _chain(turn.tx, links)]) if links else "Nothing was recorded yet.")

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
            parts.append(_chain(turn.tx, links[-SHOWN:]))
        answers = [tag(one.id) for one in posts.answering(turn.tx, entry)]
        if answers:
            parts.append(f"answered by {', '.join(answers[-SHOWN:])}")
        turn.say(f"{tag(entry)} {' · '.join(parts)}")

    return deed


def _told(turn: Turn, link: Link, *, named: bool = False) -> str:
    parts = [_when(link.at, turn.now), *_what(turn, link, named=named)]
    return " ".join(parts)


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


def _chain(tx: Tx, links: Sequence[Link]) -> str:
    """Return whether the rows shown are as they were written, and bound to their neighbours."""
    broken = next((link.id for link in links if not audit.is_bound(tx, link)), None)
    return "chain ok (times in UTC)" if broken is None else f"chain BROKEN at row {broken}"


def _when(at: str, now: datetime) -> str:
    """Return the time of day, and the day where it isn't today's; a time edited by hand as it stands."""
    day, time = at[:_DAY], at[_DAY + 1 : _DAY + 6]
    return _line(time if day == f"{now:%Y-%m-%d}" else f"{day} {time}")


def _line(text: str) -> str:
    return " ".join(clean_inbound(text, None).split())


def _short(name: str) -> str:
    words = _line(name)
    return words if len(words) <= _NAME else words[:_NAME] + "..."
