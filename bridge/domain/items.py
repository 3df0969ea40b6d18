"""What comes in: a mention, reply or message heard on an account."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from bridge.domain.posts import Memo, Ref, Visibility

if TYPE_CHECKING:
    from datetime import datetime

    from bridge.domain.ids import Cursor, PostId


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Somebody on a platform.

    `handle` is written without a leading `@` and complete: `kim@mastodon.example`.
    """

    id: str
    handle: str
    name: str = ""
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that somebody said to an account.

    `text` is plain text. `cursor` is the position *after* this item over all listings of the account.
    `answer_prefix` is what an answer must begin with to reach its author there (`@kim@mastodon.example`, or nothing).
    An item that the plugin could not read has its source in `raw` and its link in `url`.
    """

    id: PostId
    author: Author
    text: str
    created_at: datetime
    cursor: Cursor
    uri: str = ""
    url: str | None = None
    in_reply_to: PostId | None = None
    visibility: Visibility = Visibility.PUBLIC
    warning: str | None = None
    language: str | None = None
    media: tuple[str, ...] = ()
    answer_prefix: str = ""
    raw: str | None = None
    memo: Memo = field(default_factory=dict[str, str])

    @property
    def private(self) -> bool:
        """Whether it was said to the account alone, so that an answer in public would leak it."""
        return self.visibility is Visibility.DIRECT

    @property
    def ref(self) -> Ref:
        """The item as something to answer."""
        return Ref(id=self.id, memo=self.memo)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A look that found nothing new, yet moved: the position to go on from.

    The first look at an account gives one, so that what is said before the second look is not taken for old.
    """

    cursor: Cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """Its author changed an item: `item` is what it is now, and `item.cursor` the position after the news of it.

    It may come again without need: what changes nothing that people saw is told to nobody. Of an item that was never
    heard it is the first news.
    """

    item: Item

    @property
    def cursor(self) -> Cursor:
        """The position after it."""
        return self.item.cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """Its author took an item back; `cursor` is the position after the news of it."""

    id: PostId
    cursor: Cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """The platform doesn't list far enough back any more: before this position something may have been said unheard."""

    cursor: Cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that the account itself has to tell those who hear it, in one sentence: that it stops listening, say.

    It is told in the same commit as `cursor`, the position after it, is stored in, and not again from there on.
    """

    text: str
    cursor: Cursor


Heard: TypeAlias = Item | Edited | Deleted | Gap | Notice | Seen
"""What a listing yields."""
