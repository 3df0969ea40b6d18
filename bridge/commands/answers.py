"""Answers to customers: on the account where they spoke, to the post that they wrote, held like any post."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.commands.compose import Wish, order
from bridge.commands.context import Mistake
from bridge.commands.posting import take_back_questions, write
from bridge.commands.receipts import addressee
from bridge.commands.waiting import owner
from bridge.domain.ids import short
from bridge.domain.inbox import ItemState
from bridge.domain.posts import Visibility
from bridge.domain.text import clean_inbound
from bridge.domain.wording import NOTHING, tag
from bridge.store import cursors, inbox, posts

if TYPE_CHECKING:
    from bridge.commands.context import Context, Deed, Turn
    from bridge.domain.ids import EntryId
    from bridge.domain.inbox import StoredItem
    from bridge.store import Tx


async def answer(context: Context, *, to: EntryId | str, text: str, template: str | None = None) -> Deed:
    """Return the deed of answering an item by its id, or a person's last item by the handle.

    `template` is the name of what the text was made of.

    A private item is answered in private; any other as widely as it was said. Raises Mistake.
    """
    item = await _item(context, to)
    if item.deleted_at is not None:
        raise Mistake(_taken_back(item))
    visibility = Visibility.DIRECT if item.item.private else item.item.visibility
    made = order(context, Wish(text=text, visibility=visibility, answers=item))

    def deed(turn: Turn) -> None:
        now = inbox.get(turn.tx, item.id)
        if now is not None and now.deleted_at is not None:
            turn.say(_taken_back(now), item=now.id)
            return
        take_back_questions(turn)
        stored = write(turn, made)
        if now is not None and now.state is ItemState.ANSWERED:
            undo = turn.context.verb("undo")
            words = f"{short(item.id)} was answered before: {undo} if you meant no second answer"
            turn.say(f"{tag(stored.id, item.id)} {words}", post=stored.id)
        elif now is not None and now.state is ItemState.CLAIMED and now.claimed_by != turn.context.sender:
            undo = turn.context.verb("undo")
            words = f"{short(item.id)} is {owner(now)}'s: {undo} if {owner(now)} answers it"
            turn.say(f"{tag(stored.id, item.id)} {words}", post=stored.id)
        turn.audit("reply", entry=stored.id, account=item.account, content=stored.text)
        if template is not None:
            turn.audit("say", entry=stored.id, account=item.account, content=template)

    return deed


async def ask(context: Context, *, to: EntryId, text: str, template: str | None = None) -> Deed:
    """Return the deed of asking, once for each person and item, whether a reply to it is talk or an answer.

    Colleagues talk by such replies, so without a second word of its author nothing is sent. Raises Mistake.
    """
    item = await _item(context, to)
    visibility = Visibility.DIRECT if item.item.private else item.item.visibility
    made = order(context, Wish(text=text, visibility=visibility, answers=item, question=True))
    asked = f"{cursors.TOLD}talk:{context.sender}:{item.id}"

    def deed(turn: Turn) -> None:
        now = inbox.get(turn.tx, item.id)
        if now is None or now.deleted_at is not None or cursors.get(turn.tx, asked) is not None:
            return
        cursors.move(turn.tx, asked, turn.now.isoformat(), turn.now)
        stored = write(turn, made)
        turn.audit("question", entry=stored.id, account=item.account, content=stored.text)
        if template is not None:
            turn.audit("say", entry=stored.id, account=item.account, content=template)
        send = turn.context.verb(f"send {short(stored.id)}")
        turn.say(
            f"{tag(stored.id, item.id)} Talk or answer? {send} answers {addressee(item, turn.context.nick)}",
            post=stored.id,
        )

    return deed


async def _item(context: Context, to: EntryId | str) -> StoredItem:
    if isinstance(to, str):
        found = await context.read(lambda tx: inbox.latest_by(tx, to))
        if found is None:
            handle = "".join(clean_inbound(to.removeprefix("@"), 100).split())
            raise Mistake(f"I know nobody as @{handle}, or more than one. {_what_waits(context)}")
        return found

    def look(tx: Tx) -> tuple[StoredItem | None, bool]:
        return inbox.get(tx, to), posts.get(tx, to) is not None

    found, is_post = await context.read(look)
    if found is not None:
        return found
    if is_post:
        raise Mistake(f"{tag(to)} is a post of ours; answering it isn't in this version. {NOTHING}")
    raise Mistake(f"There is no {tag(to)}. {_what_waits(context)}")


def _taken_back(item: StoredItem) -> str:
    return f"{tag(item.id)} can't be answered: its author took it back. {NOTHING}"


def _what_waits(context: Context) -> str:
    return f"{context.verb('inbox')} lists what waits. {NOTHING}"
