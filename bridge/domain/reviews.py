"""A post that waits for somebody's word: what is said of it, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from bridge.domain.ids import short
from bridge.domain.wording import NOTHING, cuts, looks, tag, verb

if TYPE_CHECKING:
    from datetime import datetime

    from bridge.domain.ids import EntryId
    from bridge.domain.outbox import StoredPost
    from bridge.domain.people import Place
    from bridge.domain.when import Moment
    from bridge.domain.wording import Preview


class ReviewState(StrEnum):
    """Where it stands."""

    AUTHOR = "author"
    """It waits for its author first."""
    WAITING = "waiting"
    """Those who may approve it were asked."""
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    FREE = "free"
    """It needs nobody's approval, or not any more."""

    @property
    def is_open(self) -> bool:
        """Whether somebody has still to say something."""
        return self in {ReviewState.AUTHOR, ReviewState.WAITING}


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What the rules say of one revision of a post.

    `why` is why it needs approval (None where it doesn't), `word` why its author's second word, and `rule` names the
    rules. `expires_at` is until when it can be approved; `actor` decided it. `before` is what is published, where the
    revision corrects that and waits.
    """

    post: EntryId
    revision: int
    rule: str
    why: str | None
    word: str | None
    state: ReviewState
    expires_at: datetime | None = None
    actor: str | None = None
    before: str | None = None

    @property
    def version(self) -> int:
        """The revision as people count."""
        return self.revision + 1

    def command(self, word: str) -> str:
        """Return what to type to decide on what it says now."""
        number = f" {self.version}" if self.revision and word == "approve" else ""
        return f"{word} {short(self.post)}{number}" + (" WHY" if word == "reject" else "")


def waits(stored: StoredPost, review: Review, preview: Preview, *, moment: Moment | None = None) -> str:
    """Return the receipt of a post that waits for a second word of its author, or for approval."""
    place = stored.source.place
    undo = verb(place, f"undo {short(stored.id)}")
    how = "" if stored.about is not None else f" {looks(stored, preview)}.{cuts(preview)}"
    how = f" It is for {moment}.{how}" if moment is not None else how
    lead = tag(stored.id, stored.item)
    if review.word is not None and review.state is ReviewState.AUTHOR:
        send = verb(place, f"send {short(stored.id)}")
        anyhow = "posts it all the same" if moment is None else "lets it go out then all the same"
        then = f"asks for approval ({review.why})" if review.why is not None else anyhow
        correct = "" if stored.about is not None else ", or correct your message"
        return f"{lead} held: {review.word}. {send} {then}, {undo} takes it back{correct}. {NOTHING}{how}"
    return f"{lead} waits for approval ({review.why}): {choice(review, place)}; {undo} takes it back.{how}"


def choice(review: Review, place: Place) -> str:
    """Return what an approver can say."""
    approve, reject = (verb(place, review.command(word)) for word in ("approve", "reject"))
    return f"an approver's {approve} sends it, {reject} sends it back"


def asks(stored: StoredPost, review: Review, *, what: str, text: str, place: Place) -> str:
    """Return the line that asks those who may approve a post; `what` is what it is, `text` its quoted lines."""
    approve, reject = (verb(place, review.command(word)) for word in ("approve", "reject"))
    version = f" (version {review.version})" if review.revision else ""
    ask = f"{approve} or ✅ sends it, {reject} or ❌ sends it back"
    return f"{tag(stored.id, stored.item)}{version} {stored.nick} asks for approval ({review.why}): {what}. {ask}{text}"


def changed(stored: StoredPost, review: Review, version: int, *, text: str, place: Place) -> str:
    """Return the answer to an approval of what a post doesn't say any more."""
    approve = verb(place, review.command("approve"))
    lead = f"{tag(stored.id, stored.item)} was changed since version {version}, so that doesn't count"
    return f"{lead}: {approve} sends what it says now. {NOTHING}{text}"
