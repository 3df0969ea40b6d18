"""`resume`: a panic ends in two words, the first of which shows what waits; in one where nothing does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.commands.posting import shortened
from bridge.commands.waiting import since
from bridge.domain.deliveries import DeliveryKind
from bridge.domain.panic import LISTED_FOR, Waiting, Word, judge
from bridge.domain.people import Place, Role, Target
from bridge.domain.wording import plural, seconds, tag
from bridge.store import accounts, outbox, panics, posts, receipts

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta

    from bridge.commands.context import Context, Deed, Turn
    from bridge.commands.people import Rights
    from bridge.domain.deliveries import Delivery
    from bridge.domain.ids import EntryId
    from bridge.store import Tx
    from bridge.store.receipts import Outgoing

SHOWN: Final = 10
"""So many posts are shown: more don't fit one screen."""

_TEXT: Final = 60


def resume() -> Deed:
    """Return the deed of showing what waits, or of letting it flow where that was shown; all are told of the end."""

    def deed(turn: Turn) -> None:
        tx, context = turn.tx, turn.context
        found = waiting(tx, now=turn.now, max_age=context.settings.posting.max_age)
        if found is None:
            turn.say("nothing is frozen")
            return
        listed = panics.listed(tx, context.source)
        word = judge(found, listed, said_at=context.incoming.said_at, now=turn.now)
        match word:
            case Word.FLOW:
                _flow(turn, found)
            case Word.UNREAD:
                once_more = f"say {context.verb('resume')} once more when you have read it"
                turn.say(f"the list of what waits was shown only now: {once_more}. Nothing was posted.")
            case Word.SHOW | Word.CHANGED:
                _show(turn, found, changed=word is Word.CHANGED)

    return deed


def _show(turn: Turn, found: Waiting, *, changed: bool) -> None:
    context = turn.context
    lead = "what waits has changed since I showed it: " if changed else ""
    once_more = f"{context.verb('resume')} once more within {seconds(LISTED_FOR)} lets it go on. Nothing was posted."
    lines = listing(turn.tx, found, now=turn.now, reader=context.source, max_age=context.settings.posting.max_age)
    number = turn.say("\n".join([f"{lead}{lines[0]}", *lines[1:], once_more]))
    panics.show(turn.tx, context.source, found.mark, notice=number, now=turn.now)
    panics.tell(turn.tx, [context.source], now=turn.now)
    turn.audit("resume asked")


def _flow(turn: Turn, found: Waiting) -> None:
    tx, context = turn.tx, turn.context
    targets = told(tx, context.rights, first=context.source)
    panics.end(tx)
    turn.audit("resume")
    wake(tx, context)
    goes_on = continues(receipts.outgoing(tx), found)
    for target in targets:
        by = "" if target == context.source else f"{context.nick} says resume: "
        turn.say(f"{by}{goes_on}", to=target)


def wake(tx: Tx, context: Context) -> None:
    """Have every lane look at once."""
    for name in context.accounts.names():
        tx.wake(outbox.lane_topic(name))


def waiting(tx: Tx, *, now: datetime, max_age: timedelta) -> Waiting | None:
    """Return what the panic keeps back, None where there is no panic."""
    panic = accounts.panic(tx)
    return None if panic is None else panics.waiting(tx, since=panic.at, before=now - max_age, most=SHOWN)


def told(tx: Tx, rights: Rights, *, first: Target | None = None) -> list[Target]:
    """Return who is told of the end: every room, the admins, and whoever was told of the panic and still has a role."""
    rooms = [Target(room.jid, Place.ROOM) for room in rights.settings.rooms]
    knew = [one for one in panics.told(tx) if one.place is Place.DIRECT and rights.role_of(one.jid) > Role.NONE]
    return list(dict.fromkeys([*([first] if first else []), *rooms, *rights.told(), *knew]))


def continues(outgoing: Outgoing, found: Waiting) -> str:
    """Return what everybody is told when a panic is over; `found` is what waited at its end."""
    held = f", {outgoing.held} still held" if outgoing.held else ""
    stale = f", {found.stale} too old to go out unasked" if found.stale else ""
    return (
        f"everything outgoing continues, {plural(max(0, outgoing.ready - found.stale), 'message')} to go{stale}{held}"
    )


def listing(tx: Tx, found: Waiting, *, now: datetime, reader: Target | None, max_age: timedelta) -> list[str]:
    """Return the lines that show what waits, the oldest first, to a conversation, or (None) to the shell."""
    each = ", ".join(f"{account} {many}" for account, many in found.deliveries)
    stale = f", {found.stale} of them stale" if found.stale else ""
    expired = f"; {found.expired} more became too old during the panic" if found.expired else ""
    waits = "waits" if found.posts == 1 else "wait"
    lines = [f"{plural(found.posts, 'message')} {waits} ({each}){stale}{expired}"]
    lines += [_line(tx, entry, now=now, reader=reader, max_age=max_age) for entry in found.oldest]
    if found.posts > len(found.oldest):
        lines.append(f"... and {found.posts - len(found.oldest)} more")
    return lines


def _line(tx: Tx, entry: EntryId, *, now: datetime, reader: Target | None, max_age: timedelta) -> str:
    stored = posts.get(tx, entry)
    ones = [one for one in outbox.of_post(tx, entry) if panics.waits(one)]
    if stored is None or not ones:
        return tag(entry)
    ago = since(now, min(one.created_at or now for one in ones))
    stale = ", stale" if all(now - one.fresh_since > max_age for one in ones) else ""
    names = ", ".join(dict.fromkeys(one.account for one in ones))
    may_read = reader is None or reader.place is Place.DIRECT or stored.source == reader
    said = shortened(stored.text, _TEXT) if may_read else "(written elsewhere)"
    what = said or (tag(stored.about) if stored.about is not None else "(a picture)")
    return f"{tag(entry, stored.answers)} {ago}{stale}, {names}: {_what(ones)}{what}"


def _what(ones: Iterable[Delivery]) -> str:
    """Return what is to be done, where that isn't publishing."""
    kinds = {one.kind for one in ones}
    if DeliveryKind.POST in kinds:
        return ""
    return f"({', '.join(sorted(kind.value for kind in kinds))}) "
