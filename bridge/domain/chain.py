"""The chain of the audit: what each row is bound by, and how a row that isn't as it was written is found.

A row's hash covers the former row's hash and all its fields, but of its content only a salted digest: content can be
forgotten, with its salt, and the chain still holds. Whoever knows the head (count and hash) of some day sees also
that the tail was cut off.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

START: Final = "0" * 64
"""What the first row is bound to."""

VERSION: Final = 2
"""By which rule rows are hashed now; 1 knew nothing of where, of decisions and of platforms."""

_HEAD = re.compile(r"(\d{1,18}):([0-9a-f]{64})\Z")


@dataclass(frozen=True, slots=True)
class Head:
    """How long the chain is, and its last hash (`START` where it is empty)."""

    count: int
    hash: str

    def __str__(self) -> str:
        """Return the head as it is noted: `40:1f0c...`."""
        return f"{self.count}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """Read a head that was noted; raises ValueError."""
        match = _HEAD.match(text.strip().lower())
        if match is None:
            raise ValueError("a head is COUNT:HASH, as the log says it once a day")
        return cls(int(match[1]), match[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One row of the audit, as it is hashed and exported.

    `at` is UTC with six digits of a second. `actor` is a bare JID, or `bridge` for what a platform answered. `entry` is
    the post or item; `archive` and `key` are where the deed was said, in the words of the gate; `stanza_id` is the
    number that the store gave it. `delivery` and `platform_id` say what became of it there.
    """

    id: int
    version: int
    at: str
    actor: str
    verb: str
    entry: int | None = None
    account: str | None = None
    stanza_id: int | None = None
    archive: str | None = None
    key: str | None = None
    decision: str | None = None
    rule: str | None = None
    delivery: int | None = None
    platform_id: str | None = None
    content: str | None = None
    salt: str | None = None
    digest: str
    previous: str
    hash: str = ""

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Link:
        """Return the row with these values; raises ValueError where one is missing, unknown or of another kind."""
        if set(values) != set(NAMES):
            raise ValueError("not the fields of a row")
        for name in NAMES:
            kinds = _KINDS[name]
            if type(values[name]) not in kinds:
                raise ValueError(f"{name} is of another kind")
        return cls(**values)

    def line(self) -> str:
        """Return the row as a line of an export, the only one that is taken for it."""
        return json.dumps({name: getattr(self, name) for name in NAMES}, ensure_ascii=True, separators=(",", ":"))

    @property
    def forgotten(self) -> bool:
        """Whether its content was taken out, with its salt."""
        return self.salt is None

    def expected(self) -> str | None:
        """Return the hash that belongs to the fields; None where no row was ever written so."""
        where = (self.archive, self.key, self.decision, self.rule, self.delivery, self.platform_id)
        what = (self.at, self.actor, self.verb, self.entry, self.account, self.stanza_id)
        try:
            if self.version == VERSION:
                return _hash(VERSION, self.previous, self.id, *what, *where, self.digest)
            if self.version == 1 and not any(one is not None for one in where):
                return _hash(self.previous, *what, self.digest)
        except TypeError:  # something that is neither text nor a number
            return None
        return None

    def fault(self) -> str | None:
        """Return what is wrong with the row by itself; None where it is as it was written."""
        if self.hash != self.expected():
            return "isn't as it was written"
        try:
            as_said = self.content is None if self.salt is None else digest(self.salt, self.content) == self.digest
        except TypeError:
            as_said = False
        return None if as_said else "says something else than was said"


NAMES: Final = tuple(one.name for one in fields(Link))
_NUMBERS: Final = frozenset({"id", "version", "entry", "stanza_id", "delivery"})
_ALWAYS: Final = frozenset({"id", "version", "at", "actor", "verb", "digest", "previous", "hash"})
_KINDS: Final = {
    name: ({int} if name in _NUMBERS else {str}) | (set[type]() if name in _ALWAYS else {type(None)}) for name in NAMES
}


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A row, or a line of an export, that can't even be read."""

    place: str
    row: int | None = None


def read_line(line: bytes, number: int) -> Link | Unreadable:
    """Read a line of an export, its end included; every byte must be as it was written."""
    unreadable = Unreadable(place=f"line {number}")
    try:
        values: object = json.loads(line)
        link = Link.of(cast("Mapping[str, Any]", values)) if isinstance(values, dict) else None
    except (ValueError, RecursionError):
        return unreadable
    return link if link is not None and f"{link.line()}\n".encode() == line else unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was found. `row` is the number of the first row that doesn't hold, `place` that row, or the line of a file
    that can't be read, and `why` what is wrong, for people.

    `first` is the number of the first row that was read, `whole` whether that was the beginning of the chain.
    """

    head: Head
    forgotten: int = 0
    first: int | None = None
    whole: bool = True
    row: int | None = None
    place: str | None = None
    why: str | None = None

    @property
    def holds(self) -> bool:
        """Whether everything is as it was written."""
        return self.why is None


@dataclass(slots=True)
class _Walk:
    """A walk along the chain, one row after the other."""

    whole: bool
    noted: Head | None
    previous: str | None = None
    count: int = 0
    version: int = 0
    forgotten: int = 0
    first: int | None = None
    passed: bool = field(init=False)

    def __post_init__(self) -> None:
        self.passed = self.noted is None or self.noted == Head(0, START)

    def take(self, link: Link) -> str | None:
        if self.previous is None:
            self.first = link.id
            # What an export since a date begins with is bound to a row that isn't in it.
            self.previous = START if self.whole or link.previous == START else link.previous
            self.whole = self.previous == START
        if link.previous != self.previous:
            return "doesn't follow the one before it: something was removed, put in or moved"
        fault = link.fault()
        if fault is not None:
            return fault
        if link.version < self.version:
            return "is of an older kind than the one before it"
        self.previous, self.version = link.hash, link.version
        self.count += 1
        self.forgotten += link.forgotten
        if self.noted is not None and self.noted.hash == link.hash:
            self.passed = self.passed or not self.whole or self.noted.count == self.count
        return None

    def report(self, why: str | None = None, *, row: int | None = None, place: str | None = None) -> Report:
        return Report(
            head=Head(self.count, self.previous or START),
            forgotten=self.forgotten,
            first=self.first,
            whole=self.whole,
            row=row,
            place=place,
            why=why,
        )


def check(rows: Iterable[Link | Unreadable], noted: Head | None = None, *, whole: bool = True) -> Report:
    """Walk along the chain and tell whether it holds, reading each row once.

    With a head that was noted once, the chain must still go through it. With `whole` false it may begin anywhere, as
    an export since a date does.
    """
    walk = _Walk(whole=whole, noted=noted)
    for row in rows:
        if isinstance(row, Unreadable):
            return walk.report("it can't be read", row=row.row, place=row.place)
        wrong = walk.take(row)
        if wrong is not None:
            return walk.report(f"it {wrong}", row=row.id, place=f"row {row.id}")
    if walk.passed or noted is None:
        return walk.report()
    if not walk.whole:
        return walk.report(f"the noted row {noted.count} isn't in it: it was changed, or is outside of this part")
    if walk.count < noted.count:
        return walk.report(f"{noted.count} rows were noted, {walk.count} are left: its end was cut off")
    return walk.report(f"row {noted.count} from the beginning isn't the one that was noted: all was written anew")


def digest(salt: str, content: str | None) -> str:
    """Return what stands for content in the chain."""
    return _hash(salt, content)


def _hash(*values: str | int | None) -> str:
    return hashlib.sha256(json.dumps(values, ensure_ascii=True, separators=(",", ":")).encode()).hexdigest()
