"""A text made into what each account will publish: cleaned, counted, signed and split, before the writer."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from bridge.commands.context import Mistake
from bridge.domain.deliveries import Hold
from bridge.domain.outbox import Draft, Part
from bridge.domain.posts import Key, Visibility
from bridge.domain.text import TooLong, clean_inbound, is_blank, split
from bridge.domain.wording import NOTHING, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.commands.accounts import AccountView
    from bridge.commands.context import Context
    from bridge.commands.lines import Prefixes
    from bridge.domain.inbox import StoredItem

PARTS = 25
"""The longest thread that one line makes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Everything that a unit writes for one post; `left_out` counts the control characters that were taken out."""

    draft: Draft
    parts: tuple[Part, ...]
    held: frozenset[str]
    left_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a person wants published: the text, and what the prefixes said about it.

    Without `to` it goes to the accounts of the conversation. `question` is whether it waits for a second word,
    `preview` whether it is shown first, whatever the hold, and waits for one; `pictures` whether it has some and needs
    no text, `signed` what its author is called, where that is somebody else than who says so now, and `template` the
    name of what the text was made of.
    """

    text: str
    to: tuple[str, ...] | None = None
    warning: str | None = None
    visibility: Visibility | None = None
    question: bool = False
    preview: bool = False
    pictures: bool = False
    answers: StoredItem | None = None
    signed: str | None = None
    template: str | None = None


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
    views = [_answering(context, wish.answers)] if wish.answers is not None else _views(context, wish.to)
    source = context.source
    hold = timedelta(0) if wish.question or wish.preview else context.hold
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
    return Order(draft=draft, parts=parts, held=_held(wish, hold), left_out=left_out)


def _held(wish: Wish, hold: timedelta) -> frozenset[str]:
    if wish.question or wish.preview:
        return frozenset({(Hold.QUESTION if wish.question else Hold.PREVIEW).value})
    return frozenset({Hold.UNDO.value} if hold else set[str]())


def cleaned(text: str) -> tuple[str, int]:
    """Return a text without control characters and direction overrides, and how many of them there were."""
    whole = unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
    clean = clean_inbound(text, None)
    return clean.strip(), max(0, len(whole) - len(clean))


def _views(context: Context, to: tuple[str, ...] | None) -> list[AccountView]:
    """Return the accounts to post to: those that were named, else the enabled ones of the conversation."""
    accounts = context.accounts
    if to is None:
        defaults = [accounts.view(name) for name in context.settings.accounts_for(context.source)]
        views = [view for view in defaults if view is not None and view.enabled]
        if not views:
            which = context.verb("to ACCOUNT post TEXT")
            raise Mistake(f"No account is enabled here: say which, with {which}. {NOTHING}")
        return views
    chosen = [named(context, name) for name in to]
    for view in chosen:
        if not view.enabled:
            raise Mistake(f"{view.name} is disabled: leave it out, or enable it in the configuration. {NOTHING}")
    return list({view.name: view for view in chosen}.values())


def named(context: Context, name: str) -> AccountView:
    """Return an account by its name, in any case; raises Mistake."""
    view = context.accounts.view(name) or context.accounts.view(name.casefold())
    if view is None:
        known = ", ".join(context.accounts.names()) or "none"
        raise Mistake(f"There is no account {_shown(name)}; the accounts are: {known}. {NOTHING}")
    return view


def _answering(context: Context, item: StoredItem) -> AccountView:
    view = context.accounts.view(item.account)
    if view is None or not view.enabled:
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
    """Return a post's texts for one account.

    Each part of an answer carries the mention, without which a private one would reach nobody.
    """
    lead = f"{prefix} " if prefix else ""
    said = draft.text.removeprefix(lead) if lead else draft.text
    text = f"{said} {_signature(view.signature, draft.nick)}".strip() if view.signature else said
    if not text:
        return [prefix]
    limits = view.limits
    if limits is None:
        return [lead + text]
    extra = view.length(draft.warning) if draft.warning else 0

    def fits(part: str) -> bool:
        return view.length(lead + part) + extra <= limits.text

    try:
        return [lead + part for part in split(text, fits, limit=PARTS)]
    except TooLong as error:
        limit = plural(limits.text, "character")
        raise Mistake(f"{view.name} (takes {limit} a post): {error}. {NOTHING}") from None


def _signature(template: str, nick: str) -> str:
    return template.replace("%s", nick)
