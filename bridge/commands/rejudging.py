"""What the rules say of more than a post's text: of the descriptions of its pictures, and of another time.

What they say anew makes another revision of the post, since whoever approved it approved what they saw.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bridge.commands import approval
from bridge.domain.deliveries import State
from bridge.domain.policy import Subject, Verdict, judge
from bridge.domain.wording import tag
from bridge.store import outbox, pictures, posts, reviews

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bridge.commands.compose import Order
    from bridge.commands.context import Turn
    from bridge.domain.outbox import StoredPost
    from bridge.domain.pictures import StoredPicture
    from bridge.domain.policy import Decision, Rules


def with_pictures(
    turn: Turn, stored: StoredPost, made: Order, own: Sequence[StoredPicture]
) -> tuple[Order, tuple[StoredPicture, ...]]:
    """Return an order whose decision is about the descriptions of its pictures too, and these.

    A description that may never be published is left out, which its author is told.
    """
    if not any(one.alt for one in own):
        return made, tuple(own)
    rules = turn.context.settings.rules_for(turn.context.source, made.subject.accounts)
    kept = tuple(_fit(turn, stored, one, judge(rules, _only(made.subject, one.alt))) for one in own)
    decision = judge(rules, replace(made.subject, besides=_words(kept)))
    return replace(made, decision=decision, held=made.held | approval.holds(decision)), kept


def _fit(turn: Turn, stored: StoredPost, one: StoredPicture, decision: Decision) -> StoredPicture:
    if Verdict.REFUSE not in decision.verdicts:
        return one
    pictures.describe(turn.tx, one.id, "")
    alt = turn.context.verb("alt TEXT")
    why = decision.why(Verdict.REFUSE)
    turn.say(
        f"{tag(stored.id, stored.answers)} I left out what describes its picture: {why}. {alt} describes it anew",
        post=stored.id,
    )
    return replace(one, alt="")


def refusal(turn: Turn, stored: StoredPost, words: str) -> str | None:
    """Return why a description may never be published with a post, None where it may."""
    decision = judge(_rules(turn, stored), _only(_subject(turn, stored, None), words))
    return decision.why(Verdict.REFUSE) if Verdict.REFUSE in decision.verdicts else None


def again(turn: Turn, stored: StoredPost, *, due: datetime | None, always: bool) -> Decision:
    """Have the rules look at a post that was never attempted, and have it wait for what they say now.

    `due` is when it goes out that waits for its time. With `always` it is another revision in any case in which a rule
    applies, because something has changed that people see; else only where other rules apply than before.
    """
    own = pictures.of_post(turn.tx, stored.id) if stored.pictures else ()
    decision = judge(_rules(turn, stored), replace(_subject(turn, stored, due), besides=_words(own)))
    former = reviews.get(turn.tx, stored.id)
    if former is None and not decision.findings:
        return decision
    if not always and former is not None and former.rule == decision.rules():
        if former.expires_at is not None and former.state.is_open:
            reviews.put(turn.tx, replace(former, expires_at=approval.until(turn, due)))
        return decision
    changed = posts.revise(turn.tx, stored, stored)
    reasons = approval.holds(decision)
    held: frozenset[str] = frozenset()
    for one in outbox.of_post(turn.tx, stored.id):
        if one.attempt == 0 and (one.state is State.HELD or (one.state is State.READY and reasons)):
            wanted = replace(one, state=State.HELD, held=one.held | reasons)
            outbox.save(turn.tx, wanted, now=turn.now)
            for reason in (approval.EITHER - reasons) & wanted.held:
                wanted = outbox.free(turn.tx, wanted, reason, now=turn.now)
            held |= wanted.held
    approval.note(turn, changed, decision, held, due=due)
    turn.touch(changed)
    return decision


def _rules(turn: Turn, stored: StoredPost) -> tuple[Rules, ...]:
    names = dict.fromkeys(one.account for one in outbox.of_post(turn.tx, stored.id))
    return turn.context.settings.rules_for(stored.source, names)


def _subject(turn: Turn, stored: StoredPost, due: datetime | None) -> Subject:
    context = turn.context
    return Subject(
        text="\n".join(filter(None, (stored.warning, stored.text))),
        accounts=tuple(dict.fromkeys(one.account for one in outbox.of_post(turn.tx, stored.id))),
        roles=frozenset({context.role, context.rights.role_of(stored.author)}),
        at=due or turn.now,
        answer=stored.answers is not None,
    )


def _only(subject: Subject, words: str) -> Subject:
    """Return what judges a description alone, which needs nothing that a post needs."""
    return replace(subject, text=words, besides=(), answer=True)


def _words(some: Sequence[StoredPicture]) -> tuple[str, ...]:
    return tuple(one.alt for one in some if one.alt)
