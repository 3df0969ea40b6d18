"""Looking for a post of which nobody knows whether it arrived, in the account's own recent statuses."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import SequenceMatcher
from enum import Enum
from typing import Final, Protocol

from bridge.plugin import Clock, Post, Posted, PostId, UncertainError, Visibility, clean_inbound, to_text
from plugins.mastodon.failures import server_time
from plugins.mastodon.translate import Json, attached_ids, moment, posted
from plugins.mastodon.transport import Answer

_PAGES: Final = 25
_MARGIN: Final = timedelta(minutes=1)
_BLIND_MARGIN: Final = timedelta(minutes=5)
_ALIKE: Final = 0.7
_MENTION = re.compile(r"(?<![\w/])@([\w.-]+)@[\w.-]+\w")
_LINK = re.compile(r"https?://\S+", re.IGNORECASE)
_ANY_MENTION = re.compile(r"(?<![\w/])@[\w.-]+")


class Shelf(Protocol):
    """Where own statuses are listed, and how their text was written."""

    @property
    def answer(self) -> Answer | None:
        """The last answer's headers."""
        ...

    def statuses(self, account: str, *, max_id: str | None = None) -> list[Json]:
        """Return a page of the account's statuses, newest first."""
        ...

    def source(self, identifier: str) -> str | None:
        """Return a status's text as written, where the server keeps it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is looked for: the post, when it was first tried, and the ids that belong to others.

    `lists_all` tells whether the server surely lists what this post's visibility allows to its own account.
    """

    account: str
    post: Post
    since: datetime
    known: AbstractSet[PostId]
    lists_all: bool


class Verdict(Enum):
    """Whether a status is the one that is looked for."""

    YES = "yes"
    NO = "no"
    PERHAPS = "perhaps"


def look(shelf: Shelf, wanted: Wanted, clock: Clock) -> Posted | None:
    """Return the post as published, or None where it certainly isn't.

    Raises UncertainError where the list doesn't reach back to the first attempt, or holds something so similar that
    it may be the post after all.
    """
    if wanted.since > clock.now():
        raise UncertainError("The clock was set back since the first attempt, so that times can't be compared.")
    begin: datetime | None = None
    last: str | None = None
    doubtful = False
    for _ in range(_PAGES):
        page = shelf.statuses(wanted.account, max_id=last)
        begin = begin or _begin(wanted.since, shelf.answer, clock.now())
        verdicts = [(status, judge(shelf, status, wanted, begin)) for status in page]
        found = [status for status, verdict in verdicts if verdict is Verdict.YES]
        if found:
            return posted(found[-1])
        doubtful = doubtful or any(verdict is Verdict.PERHAPS for _, verdict in verdicts)
        if not page or _before(page[-1], begin):
            return _absent(wanted, doubtful=doubtful)
        if str(page[-1].get("id")) == last:
            break
        last = str(page[-1].get("id"))
    raise UncertainError("The account's own posts can't be listed back to the first attempt.")


def _absent(wanted: Wanted, *, doubtful: bool) -> None:
    if doubtful:
        raise UncertainError("A very similar post is there, and it can't be told whether it is this one.")
    if not wanted.lists_all:
        raise UncertainError("It isn't listed, but this server may not list posts that aren't public.")


def _begin(since: datetime, answer: Answer | None, now: datetime) -> datetime:
    """Return since when a status may be the post, on the server's clock, with a margin."""
    there = server_time(answer) if answer else None
    return since - _BLIND_MARGIN if there is None else since + (there - now) - _MARGIN


def _before(status: Json, begin: datetime) -> bool:
    try:
        return moment(status.get("created_at")) < begin
    except ValueError:
        return False


def judge(shelf: Shelf, status: Json, wanted: Wanted, begin: datetime) -> Verdict:
    """Tell whether a status is the post: not older than `begin`, no boost, nobody else's, and with the same text.

    What the server shows is compared first, what it keeps of the original then; without that, a similar text is a
    perhaps, and so is the same text under another warning, with more or fewer attachments, or as an answer to
    something else.
    """
    identifier = str(status.get("id"))
    if identifier in wanted.known or status.get("reblog") or _before(status, begin):
        return Verdict.NO
    ours, shown = canonical(wanted.post.text), canonical(to_text(str(status.get("content") or ""), None))
    if ours != shown:
        if not alike(ours, shown):
            return Verdict.NO
        source = shelf.source(identifier)
        if source is None:
            return Verdict.PERHAPS
        if canonical(source) != ours:
            return Verdict.NO
    return Verdict.YES if _same_place(status, wanted.post) else Verdict.PERHAPS


def _same_place(status: Json, post: Post) -> bool:
    parent = status.get("in_reply_to_id")
    asked = str(post.in_reply_to.id) if post.in_reply_to else None
    warning = canonical(to_text(str(status.get("spoiler_text") or ""), None))
    attached = len(attached_ids(status)) == len(post.media)
    return (str(parent) if parent else None) == asked and warning == canonical(post.warning or "") and attached


def canonical(text: str) -> str:
    """Return a text without what servers change: forms of characters, white space, the domains of mentions."""
    plain = _MENTION.sub(r"@\1", unicodedata.normalize("NFC", clean_inbound(text, None)))
    return " ".join("".join(sign for sign in plain if unicodedata.category(sign) != "Cf").split())


def alike(one: str, other: str) -> bool:
    """Tell whether two texts may be the same one, rendered differently."""
    return SequenceMatcher(None, _core(one), _core(other), autojunk=False).quick_ratio() >= _ALIKE


def _core(text: str) -> str:
    bare = _ANY_MENTION.sub("", _LINK.sub("", text))
    return "".join(sign for sign in bare.casefold() if sign.isalnum()) or "".join(text.split())


def lists_everything(visibility: Visibility | None, *, is_mastodon: bool) -> bool:
    """Tell whether an account surely finds a post of that visibility in its own list.

    Mastodon lists all of them to their author; elsewhere only what is public is sure.
    """
    return is_mastodon or visibility in {Visibility.PUBLIC, Visibility.UNLISTED}
