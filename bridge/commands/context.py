"""What a command is carried out with: what is known before the writer, and its one unit of work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from bridge.commands import receipts
from bridge.domain.mint import Mint
from bridge.domain.text import clean_inbound
from bridge.domain.wording import verb
from bridge.domain.zones import ZERO, find_zone
from bridge.store import audit, notices
from bridge.store.people import Own

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from bridge.commands.accounts import Accounts
    from bridge.commands.health import Facts
    from bridge.commands.incoming import Incoming
    from bridge.commands.people import Rights
    from bridge.domain.deliveries import Delivery
    from bridge.domain.ids import EntryId
    from bridge.domain.outbox import StoredPost
    from bridge.domain.people import Place, Role, Target
    from bridge.domain.rights import Right
    from bridge.domain.zones import Zone
    from bridge.settings import Settings
    from bridge.store import Store, Tx

T = TypeVar("T")

_NICK = 64


class Mistake(Exception):  # noqa: N818 - it names what a person made, and its text is the answer
    """Something that a person can mend; the message says what is wrong and what to type instead."""


class Unread(Exception):  # noqa: N818 - no error: the line only has to wait for those before it
    """The store can't be asked yet."""


def no_facts() -> Facts:
    """Raise LookupError: there is nobody who could tell."""
    raise LookupError("nobody can tell how the bridge is")


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One line of a person, and everything that its unit of work must not find out or make up itself.

    `right` is what the person may do here and why, `rights` what everybody may. `seed` is where the unit's ids come
    from, `secret` where the salts of its audit rows do. `blind` is whether lines before this one aren't committed yet.
    `shared` are the links of the files that the person last shared in this room without a word to us, which are
    nobody's business until they say so. `own` is what the person has set for themselves, `newcomer` whether this is
    the first that they write to us directly, as far as we know. `facts` tells how the bridge itself is.
    """

    incoming: Incoming
    right: Right
    rights: Rights
    now: datetime
    settings: Settings
    accounts: Accounts
    store: Store
    seed: str
    secret: str
    born_for: frozenset[str]
    new_id: Callable[[], str]
    blind: bool = False
    shared: tuple[str, ...] = ()
    own: Own = field(default_factory=Own)
    newcomer: bool = False
    facts: Callable[[], Facts] = no_facts

    @property
    def role(self) -> Role:
        """What the person may do here."""
        return self.right.role

    @property
    def hold(self) -> timedelta:
        """How long the person's posts are held here: as they have set it, else as the configuration does."""
        return self.settings.hold_for(self.source) if self.own.hold is None else self.own.hold

    @property
    def zone(self) -> Zone:
        """In which zone the person says times: as they have set it, else as the configuration does."""
        own = None if self.own.zone is None else find_zone(self.own.zone)
        return own or find_zone(self.settings.posting.zone) or ZERO

    @property
    def source(self) -> Target:
        """The conversation that is answered."""
        return self.incoming.source

    @property
    def place(self) -> Place:
        """Whether it is a room or a direct chat."""
        return self.incoming.place

    @property
    def sender(self) -> str:
        """The person's real bare JID."""
        return self.incoming.sender

    @property
    def nick(self) -> str:
        """What colleagues call the person, as one harmless line."""
        return " ".join(clean_inbound(self.incoming.nick, _NICK).split()) or self.sender.partition("@")[0]

    def verb(self, words: str) -> str:
        """Quote what to type in this conversation."""
        return verb(self.place, words)

    async def read(self, query: Callable[[Tx], T]) -> T:
        """Ask the store something; raises ReadError, and Unread where the answer could be out of date."""
        if self.blind:
            raise Unread
        return await self.store.read(query)


class Turn:
    """A command's unit of work at work; it may be made twice, and then makes the same ids again."""

    def __init__(self, tx: Tx, context: Context, stanza: int) -> None:
        """Take the transaction and the number of the stanza that asked for it."""
        self.tx = tx
        self.context = context
        self.stanza = stanza
        self.born: list[Delivery] = []
        """What was born `sending` in this turn: its lanes may begin with it as soon as the turn is committed."""
        self.said: list[str] = []
        """What was said to the conversation."""
        self.mint = Mint(context.seed)
        self._salt = Mint(context.secret)

    @property
    def now(self) -> datetime:
        """When the command was taken up."""
        return self.context.now

    def say(
        self, body: str, *, to: Target | None = None, post: EntryId | None = None, item: EntryId | None = None
    ) -> int:
        """Owe a line to the conversation, or to somebody else; return the notice's number."""
        if to is None or to == self.context.source:
            self.said.append(body)
        return notices.add_line(
            self.tx,
            target=to or self.context.source,
            body=body,
            origin_id=self.mint(),
            at=self.now,
            post=post,
            item=item,
        )

    def touch(self, stored: StoredPost, *, new: bool = False, urgent: bool = True) -> None:
        """Owe a post's receipt its present state; `new` is whether the post is this very turn's."""
        receipts.touch(self.tx, stored, origin_id=self.mint(), now=self.now, new=new, urgent=urgent)

    def audit(
        self,
        word: str,
        *,
        entry: EntryId | None = None,
        account: str | None = None,
        content: str | None = None,
        decision: str | None = None,
        rule: str | None = None,
    ) -> None:
        """Record the deed, with what the policy made of it and by which rule, where it had a say."""
        audit.append(
            self.tx,
            at=self.now,
            actor=self.context.sender,
            verb=word,
            salt=self._salt(),
            entry=entry,
            account=account,
            stanza=self.stanza,
            archive=self.context.incoming.archive,
            key=self.context.incoming.key,
            decision=decision,
            rule=rule,
            content=content,
        )


Deed: TypeAlias = Callable[[Turn], None]
"""What a command writes: rows only. It rechecks what was read before, and says what it really did."""


def saying(body: str) -> Deed:
    """Return the deed of a command that only answers."""

    def deed(turn: Turn) -> None:
        turn.say(body)

    return deed
