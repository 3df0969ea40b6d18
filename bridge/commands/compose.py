"""A text made into what each account will publish: cleaned, counted, signed and split, before the writer."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bridge.commands import approval
from bridge.commands.context import Mistake
from bridge.domain.deliveries import Hold
from bridge.domain.outbox import Draft, Part
from bridge.domain.policy import Decision, Subject, Verdict, judge
from bridge.domain.policy.judging import NOTHING_FOUND
from bridge.domain.posts import Key, Visibility
from bridge.domain.text import TooLong, clean_inbound, is_blank, split
from bridge.domain.wording import NOTHING, plural

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from bridge.commands.accounts import AccountView
    from bridge.commands.context import Context
    from bridge.commands.lines import Prefixes
    from bridge.domain.inbox import StoredItem
    from bridge.domain.people import Role

PARTS = 25
"""The longest thread that one line makes."""

_GOES_ON: Final = re.compile(r"[\w@-]|\.\w")
"""What follows a mention that is longer than it seemed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Everything that a unit writes for one post.

    `left_out` counts the control characters that were taken out, `decision` is what the rules say of the `subject`, and
    `due` when it goes out that waits for its time.
    """

    draft: Draft
    parts: tuple[Part, ...]
    held: frozenset[str]
    subject: Subject
    left_out: int = 0
    decision: Decision = NOTHING_FOUND
    due: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a person wants published: the text, and what the prefixes said about it.

    Without `to` it goes to the accounts of the conversation. `question` is whether it waits for a second word,
    `preview` whether it is shown first, whatever the hold, and waits for one; `pictures` whether it has some and needs
    no text, `scheduled` whether it waits for its time, `signed` what its author is called, where that is somebody else
    than who says so now, and `template` the name of what the text was made of. `corrects` is whether it only gives
    another text to what goes, or went, to its accounts already, disabled or not. `due` is when it goes out that waits
    for its time, `roles` are those of others who wrote it.
    """

    text: str
    to: tuple[str, ...] | None = None
    warning: str | None = None
    visibility: Visibility | None = None
    question: bool = False
    preview: bool = False
    pictures: bool = False
    scheduled: bool = False
    answers: StoredItem | None = None
    signed: str | None = None
    template: str | None = None
    corrects: bool = False
    due: datetime | None = None
    roles: frozenset[Role] = frozenset()


def wished(before: Prefixes, text: str, *, template: str | None = None) -> Wish:
    """Return what a line asks for: the text, and what stood before its verb."""
    return Wish(
        text=text,
        to=before.accounts or None,
        warning=before.warning,
        visibility=before.visibility,
        preview=before.preview,
        template=template,
    )


def order(context: Context, wish: Wish) -> Order:
    """Return what to write for a wish; raises Mistake where nothing can be published."""
    text, left_out = cleaned(wish.text)
    if is_blank(text) and not (wish.pictures or context.incoming.files):
        raise Mistake(f"There is nothing to post in that. {NOTHING}")
    warning = None if wish.warning is None else " ".join(cleaned(wish.warning)[0].split())
    answered = wish.answers
    views = _views(context, wish) if answered is None else [_answering(context, answered, corrects=wish.corrects)]
    source = context.source
    hold = timedelta(0) if wish.question or wish.preview or wish.scheduled else context.hold
    draft = Draft(
        author=context.sender,
        nick=wish.signed or context.nick,
        source=source,
        text=text,
        hold=hold,
        created_at=context.now,
        visibility=wish.visibility,
        warning=warning,
        answers=None if wish.answers is None else wish.answers.id,
    )
    parts = tuple(part for view in views for part in _parts(context, view, draft, wish.answers))
    if not (wish.question or wish.scheduled) and _asks_for_threads(views, parts):
        wish, draft = replace(wish, preview=True), replace(draft, hold=timedelta(0))
    subject = Subject(
        text="\n".join(filter(None, (draft.warning, draft.text))),
        accounts=tuple(view.name for view in views),
        roles=wish.roles | {context.role},
        at=wish.due or context.now,
        answer=wish.answers is not None,
    )
    decision = judged(context, subject)
    return Order(
        draft=draft,
        parts=parts,
        held=_held(wish, draft.hold) | approval.holds(decision),
        subject=subject,
        left_out=left_out,
        decision=decision,
        due=wish.due,
    )


def _asks_for_threads(views: Sequence[AccountView], parts: Sequence[Part]) -> bool:
    """Tell whether a text became a thread where none goes out unasked."""
    shy = {view.name for view in views if view.limits is not None and not view.limits.threads}
    return any(part.parts > 1 and part.account in shy for part in parts)


def judged(context: Context, subject: Subject) -> Decision:
    """Return what the rules say of a text; raises Mistake where it may never be published."""
    decision = judge(context.settings.rules_for(context.source, subject.accounts), subject)
    if Verdict.REFUSE in decision.verdicts:
        why = decision.why(Verdict.REFUSE)
        raise Mistake(f"{why[:1].upper()}{why[1:]}. {NOTHING}")
    return decision


def _held(wish: Wish, hold: timedelta) -> frozenset[str]:
    if wish.question or wish.preview:
        return frozenset({(Hold.QUESTION if wish.question else Hold.PREVIEW).value})
    if wish.scheduled:
        return frozenset({Hold.SCHEDULE.value})
    return frozenset({Hold.UNDO.value} if hold else set[str]())


def cleaned(text: str) -> tuple[str, int]:
    """Return a text without control characters and direction overrides, and how many of them there were."""
    whole = unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
    clean = clean_inbound(text, None)
    return clean.strip(), max(0, len(whole) - len(clean))


def _views(context: Context, wish: Wish) -> list[AccountView]:
    """Return the accounts to post to: those that were named, else the enabled ones of the conversation."""
    accounts, to = context.accounts, wish.to
    if to is None:
        defaults = [accounts.view(name) for name in context.settings.accounts_for(context.source)]
        views = [view for view in defaults if view is not None and view.enabled]
        if not views:
            which = context.verb("to ACCOUNT post TEXT")
            raise Mistake(f"No account is enabled here: say which, with {which}. {NOTHING}")
        return views
    chosen = [named(context, name) for name in to]
    for view in chosen:
        if not (view.enabled or wish.corrects):
            raise Mistake(f"{view.name} is disabled: leave it out, or have an admin enable it. {NOTHING}")
    return list({view.name: view for view in chosen}.values())


def named(context: Context, name: str) -> AccountView:
    """Return an account by its name, in any case; raises Mistake."""
    view = context.accounts.view(name) or context.accounts.view(name.casefold())
    if view is None:
        known = ", ".join(context.accounts.names()) or "none"
        raise Mistake(f"There is no account {_shown(name)}; the accounts are: {known}. {NOTHING}")
    return view


def _answering(context: Context, item: StoredItem, *, corrects: bool) -> AccountView:
    view = context.accounts.view(item.account)
    if view is None or not (view.enabled or corrects):
        gone = "is disabled" if view is not None else "is not configured any more"
        raise Mistake(f"That came in on {item.account}, which {gone}, so it can't be answered. {NOTHING}")
    return view


def _shown(name: str) -> str:
    word = "".join(clean_inbound(name, 40).split())
    return f"`{word}`"


def _parts(context: Context, view: AccountView, draft: Draft, item: StoredItem | None) -> list[Part]:
    texts = _texts(view, draft, prefix="" if item is None else item.item.answer_prefix)
    parent = None if item is None else item.item.ref
    return [
        Part(
            account=view.name,
            text=text,
            key=Key(token=context.new_id(), minted_at=context.now),
            part=number,
            parts=len(texts),
            parent=parent if number == 0 else None,
        )
        for number, text in enumerate(texts)
    ]


def _texts(view: AccountView, draft: Draft, *, prefix: str) -> Sequence[str]:
    """Return a post's texts for one account: with the mention that an answer needs, and signed where that is asked for.

    Each part of an answer carries the mention, without which a private one would reach nobody; the last one is signed.
    What the author has typed already isn't put there once more.
    """
    typed, said = _addressed(draft.text, prefix)
    sign = _signature(view, draft, said)
    if not said:
        return [" ".join(filter(None, (prefix, sign)))]
    limits = view.limits
    if limits is None:
        return [typed + " ".join(filter(None, (said, sign)))]
    extra = view.length(draft.warning) if draft.warning else 0
    lead = f"{prefix} " if prefix else ""

    def fits(part: str) -> bool:
        return view.length(lead + part) + extra <= limits.text

    try:
        first, *rest = _signed(said, sign, fits)
    except TooLong as error:
        limit = plural(limits.text, "character")
        raise Mistake(f"{view.name} (takes {limit} a post): {error}. {NOTHING}") from None
    return [typed + first, *(lead + part for part in rest)]


def _addressed(text: str, prefix: str) -> tuple[str, str]:
    """Return what an answer begins with, as its author has typed it or as it has to be, and the rest."""
    typed = text[: len(prefix)]
    if not prefix or typed.casefold() != prefix.casefold() or _GOES_ON.match(text, len(prefix)):
        return (f"{prefix} " if prefix else ""), text
    rest = text[len(prefix) :]
    return (typed if rest and not rest[0].isspace() else f"{typed} "), rest.strip()


def _signature(view: AccountView, draft: Draft, said: str) -> str:
    """Return what a text is signed with; nothing where its author has signed it."""
    sign = (view.signature or "").replace("%s", draft.nick).strip()
    before, there = said[: -len(sign)], said[-len(sign) :]
    is_there = there.casefold() == sign.casefold() and (not before or before[-1].isspace())
    return "" if sign and is_there else sign


def _signed(said: str, sign: str, fits: Callable[[str], bool]) -> Sequence[str]:
    """Return the parts of a text, the last of them signed; it has some words, unless none fits beside the signature."""
    *parts, last = split(said, fits, limit=PARTS)
    if not sign:
        return [*parts, last]
    try:
        *more, last = split(last, lambda part: fits(f"{part} {sign}"), limit=PARTS - len(parts))
    except TooLong:
        if len(parts) + 1 == PARTS:
            raise
        return [*parts, last, *split(sign, fits, limit=1)]
    return [*parts, *more, f"{last} {sign}"]
