"""`edit`, and the correction of one's own line: another text for a post, wherever it stands."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bridge.commands import approval, later, pictures, threads
from bridge.commands.accounts import in_time
from bridge.commands.compose import Order, Wish, order
from bridge.commands.context import Mistake
from bridge.commands.rejudging import with_pictures
from bridge.domain.deliveries import Delivery, DeliveryKind, Hold, State
from bridge.domain.ids import short
from bridge.domain.posts import Key
from bridge.domain.wording import plural, tag
from bridge.store import accounts, inbox, outbox, panics, posts, references, timers
from bridge.store import pictures as stored_pictures

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bridge.commands.context import Context, Deed, Turn
    from bridge.commands.lines import Prefixes
    from bridge.domain.ids import EntryId
    from bridge.domain.inbox import StoredItem
    from bridge.domain.later import Timer
    from bridge.domain.outbox import Part, StoredPost
    from bridge.domain.when import Moment
    from bridge.store import Tx

UNCHANGED = "Nothing was changed."


async def edit(
    context: Context, entry: EntryId, text: str, *, line: Prefixes | None = None, when: str | None = None
) -> Deed:
    """Return the deed of giving a post another text; raises Mistake.

    `line` is what stood before the text in a whole line that takes the place of the post's own: where it goes and who
    may see it is then what that says, and `when` is the time that it says. While a post is held its undo window begins
    anew; what waits for its time goes on waiting, for another one only where the line says another one than it did.
    What is published is edited where its platform can do that, but nothing except its text.
    """
    stored, deliveries, answered, timer = await context.read(lambda tx: _look(tx, entry))
    if stored is None:
        raise Mistake(f"There is no post {tag(entry)}. {UNCHANGED}")
    why = _obstacle(context, stored, deliveries, line)
    if why is not None:
        raise Mistake(f"{tag(entry, stored.item)} {why}. {UNCHANGED}")
    draft = _is_draft(deliveries)
    moment = _other_time(context, timer, when) if draft else None
    wish = _wish(stored, deliveries, text, line if draft else None, answered)
    if timer is not None or moment is not None:
        due = moment.at if moment is not None else timer.due_at if timer is not None else None
        wish = replace(wish, scheduled=True, question=False, preview=False, due=due)
    if stored.author != context.sender:
        wish = replace(wish, roles=frozenset({context.rights.role_of(stored.author)}))
    made = order(context, wish)

    def deed(turn: Turn) -> None:
        now = posts.get(turn.tx, entry)
        standing = outbox.of_post(turn.tx, entry)
        if now is None or now.revision != stored.revision:
            turn.say(f"{tag(entry, stored.answers)} was changed by somebody else meanwhile. {UNCHANGED}", post=entry)
        elif draft and (not _is_draft(standing) or _has_time(standing) != (timer is not None)):
            # What was made of the line may go elsewhere, or be seen by others, than what is on its way by now.
            turn.say(f"{tag(entry, stored.answers)} has just gone out: correct it again. {UNCHANGED}", post=entry)
        elif draft:
            _rewrite(turn, now, standing, made)
            if moment is not None and when is not None:
                later.replan(turn, entry, moment, said=when)
        else:
            _correct(turn, now, standing, made)

    return deed


def _look(tx: Tx, entry: EntryId) -> tuple[StoredPost | None, tuple[Delivery, ...], StoredItem | None, Timer | None]:
    stored = posts.get(tx, entry)
    if stored is None:
        return None, (), None, None
    answered = inbox.get(tx, stored.answers) if stored.answers is not None else None
    return stored, outbox.of_post(tx, entry), answered, timers.get(tx, entry)


def _other_time(context: Context, timer: Timer | None, when: str | None) -> Moment | None:
    """Return the time that a corrected line says, where it says another one than before; raises Mistake."""
    if when is None or (timer is not None and when == timer.said):
        return None
    return later.moment(context, when, "at {} TEXT")


def _obstacle(
    context: Context, stored: StoredPost, deliveries: Sequence[Delivery], line: Prefixes | None
) -> str | None:
    """Return why a post can't have another text, as what follows its name; None where it can."""
    undo = context.verb(f"undo {short(stored.id)}")
    if stored.about is not None:
        return f"has no text of its own: {undo} takes it back"
    if all(one.state is State.CANCELLED for one in deliveries):
        return "was cancelled: post it again"
    if line is not None and not _is_draft(deliveries) and _differs(stored, deliveries, line):
        return f"goes where it went, to whom it went: {undo} and post it again"
    return None


def _is_draft(deliveries: Sequence[Delivery]) -> bool:
    """Tell whether nothing of a post was ever attempted, and somebody's word or a window still holds it."""
    held = all(one.state is State.HELD and one.attempt == 0 and one.kind is DeliveryKind.POST for one in deliveries)
    return bool(deliveries) and held and not any(Hold.ACCOUNT in one.held for one in deliveries)


def _has_time(deliveries: Sequence[Delivery]) -> bool:
    """Tell whether a post waits for its time."""
    return any(Hold.SCHEDULE in one.held for one in deliveries)


def _differs(stored: StoredPost, deliveries: Sequence[Delivery], line: Prefixes) -> bool:
    """Tell whether a corrected line says something else of where a post goes, who may see it, or behind what."""
    accounts = {one.account for one in deliveries}
    if line.warning not in {None, stored.warning}:
        return True
    return line.visibility not in {None, stored.visibility} or not set(line.accounts) <= accounts


def _wish(
    stored: StoredPost,
    deliveries: Sequence[Delivery],
    text: str,
    line: Prefixes | None,
    answered: StoredItem | None,
) -> Wish:
    wish = Wish(
        text=text,
        to=tuple(dict.fromkeys(one.account for one in deliveries)),
        warning=stored.warning,
        visibility=stored.visibility,
        question=any(Hold.QUESTION in one.held for one in deliveries),
        preview=any(Hold.PREVIEW in one.held for one in deliveries),
        answers=answered,
        signed=stored.nick,
        pictures=stored.pictures > 0,
        corrects=True,
    )
    if line is None or answered is not None:
        return wish
    preview = wish.preview or line.preview
    same = set(line.accounts) <= set(wish.to or ())
    return replace(
        wish, corrects=same, to=line.accounts or None, warning=line.warning, visibility=line.visibility, preview=preview
    )


def _rewrite(turn: Turn, stored: StoredPost, before: Sequence[Delivery], made: Order) -> None:
    """Put a post's new deliveries in the place of those that were never attempted."""
    below = threads.let_go(turn, before)
    outbox.forget(turn.tx, before)
    firsts = {one.account: one for one in before if one.part == 0}
    changed = _revised(turn, stored, made)
    own = stored_pictures.of_post(turn.tx, stored.id) if stored.pictures else ()
    made, own = with_pictures(turn, changed, made, own)
    wait = pictures.waits(own, {part.account for part in made.parts}, turn.context.settings)
    owed = outbox.add(
        turn.tx,
        changed,
        [_as_before(part, firsts.get(part.account)) for part in made.parts],
        held=made.held | ({Hold.PICTURE.value} if wait else frozenset[str]()),
        now=turn.now,
        born_for=frozenset[str](),
        epoch=turn.context.store.epoch,
    )
    threads.take_up(turn, below, owed)
    approval.note(turn, changed, made.decision, made.held, due=made.due)
    if Hold.QUESTION not in made.held:
        turn.touch(changed)
    if Hold.SCHEDULE not in made.held:
        _say_if_frozen(turn, stored)


def _as_before(part: Part, first: Delivery | None) -> Part:
    """Return a part of a rewritten post in the place that the post had in a thread."""
    if part.part or first is None:
        return part
    return replace(part, parent=part.parent or first.parent, follows=first.follows)


def _correct(turn: Turn, stored: StoredPost, deliveries: Sequence[Delivery], made: Order) -> None:
    """Edit what is published, give what was never attempted its new text, and say what can't be changed."""
    work = _Corrections(turn, made.parts, approval.holds(made.decision))
    words = work.all(deliveries)
    if work.changed:
        changed = _revised(turn, stored, made)
        turn.touch(changed)
        approval.note(turn, changed, made.decision, made.held, due=made.due, before=stored.text)
    said = " · ".join(f"{account}: {word}" for account, word in words.items())
    rest = "" if work.changed else f". {UNCHANGED}"
    turn.say(f"{tag(stored.id, stored.answers)} {said}{rest}", post=stored.id)
    if work.changed:
        _say_if_frozen(turn, stored)


def _say_if_frozen(turn: Turn, stored: StoredPost) -> None:
    if accounts.panic(turn.tx) is not None:
        panics.tell(turn.tx, [turn.context.source], now=turn.now)
        resume = turn.context.verb("resume")
        words = f"waits: everything outgoing is frozen. An approver's {resume} continues"
        turn.say(f"{tag(stored.id, stored.answers)} {words}", post=stored.id)


def _revised(turn: Turn, stored: StoredPost, made: Order) -> StoredPost:
    changed = posts.revise(turn.tx, stored, made.draft)
    references.changed(turn.tx, turn.stanza, stored.id)
    turn.audit("edit", entry=stored.id, content=changed.text)
    if made.left_out:
        lead = tag(stored.id, stored.answers)
        turn.say(f"{lead} {plural(made.left_out, 'control character')} left out", post=stored.id)
    return changed


@dataclass(slots=True)
class _Corrections:
    """The correction of one post, account by account."""

    turn: Turn
    parts: Sequence[Part]
    held: frozenset[str]
    changed: bool = False

    def all(self, deliveries: Sequence[Delivery]) -> dict[str, str]:
        """Correct what can be corrected, and return what is said of each account."""
        grouped: defaultdict[str, list[Delivery]] = defaultdict(list)
        for one in deliveries:
            grouped[one.account].append(one)
        return {account: self._account(account, ones) for account, ones in grouped.items()}

    def _account(self, account: str, ones: Sequence[Delivery]) -> str:
        old = [one for one in ones if one.kind is DeliveryKind.POST]
        new = [part for part in self.parts if part.account == account]
        if any(one.kind is DeliveryKind.DELETE and one.state is not State.CANCELLED for one in ones):
            return "was deleted"
        if len(new) != len(old):
            return f"has {plural(len(old), 'part')}, and the correction would have {len(new)}: {self._otherwise(old)}"
        if all(one.state in {State.READY, State.HELD} and one.attempt == 0 for one in old):
            return self._reword(old, new)
        if any(one.state is not State.SENT or one.posted is None for one in old):
            return self._not_now(old)
        view = self.turn.context.accounts.view(account)
        if view is None or not view.edits:
            return f"can't be edited there: {self._otherwise(old)}"
        return self._edit(old, new, [one for one in ones if one.kind is DeliveryKind.EDIT])

    def _reword(self, old: Sequence[Delivery], new: Sequence[Part]) -> str:
        """Nothing of it has ever been on the wire."""
        for one, part in zip(old, new, strict=True):
            reasons = one.held - {Hold.APPROVAL, Hold.POLICY} | self.held
            state = State.HELD if reasons else State.READY
            reworded = replace(one, text=part.text, state=state, held=reasons)
            outbox.save(self.turn.tx, reworded, now=self.turn.now)
        self.changed = True
        return f"will go out as corrected{self._once()}"

    def _edit(self, old: Sequence[Delivery], new: Sequence[Part], edits: Iterable[Delivery]) -> str:
        turn = self.turn
        for one in edits:
            if one.state in {State.READY, State.DEAD, State.HELD}:
                # This one takes its place.
                ended = replace(one, state=State.CANCELLED, due_at=None, held=frozenset[str]())
                outbox.save(turn.tx, ended, now=turn.now)
        for one, part in zip(old, new, strict=True):
            key = Key(token=turn.mint(), minted_at=turn.now)
            outbox.add_edit(turn.tx, one, part.text, key=key, now=turn.now, held=self.held)
        self.changed = True
        said = "correcting" + self._once()
        return said if self.held else in_time(turn.context.accounts, old[0].account, said)

    def _once(self) -> str:
        """Return what a correction waits for."""
        if Hold.POLICY in self.held:
            return f" once its author says {self.turn.context.verb('send ID')}"
        return " once it is approved" if Hold.APPROVAL in self.held else ""

    def _not_now(self, old: Sequence[Delivery]) -> str:
        states = {one.state for one in old}
        if states <= {State.DEAD, State.CANCELLED}:
            return "isn't there"
        if states & {State.SENDING, State.UNCERTAIN, State.READY}:
            return "is on its way: correct it again once it is there"
        return f"nobody knows whether it is there: {self._otherwise(old)}"

    def _otherwise(self, old: Sequence[Delivery]) -> str:
        context = self.turn.context
        undo = context.verb(f"undo {old[0].post:x}") if old else context.verb("undo ID")
        return f"{context.verb('post TEXT')} a follow-up, or {undo} and post it again"
