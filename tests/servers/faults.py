"""What a misbehaving platform does with one request, and what the judge says of the whole run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class Commit(Enum):
    """Whether a request that goes wrong takes effect."""

    NEVER = "never"
    FIRST = "before the answer goes wrong"
    LATE = "when the sink is released, the client long gone"


class How(Enum):
    """How the answer goes wrong."""

    ANSWER = "an HTTP status with a body"
    HANG = "no answer until the sink is released"
    RESET = "the connection is reset"
    DRIP = "a good answer, one byte at a time"
    GARBAGE = "200 with something unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong; made by the functions below."""

    how: How
    commit: Commit = Commit.NEVER
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    error: str = ""
    interval: float = 0.0


def server_error(status: int = 500, *, committed: bool = False) -> Fault:
    """Answer with a 5xx; `committed` is the server that fails after it has published."""
    commit = Commit.FIRST if committed else Commit.NEVER
    return Fault(how=How.ANSWER, commit=commit, status=status, error="Something went wrong")


def rate_limited(retry_after: str | None = None) -> Fault:
    """Answer 429, with the header Retry-After where one is given."""
    headers = {"Retry-After": retry_after} if retry_after is not None else {}
    return Fault(how=How.ANSWER, status=429, headers=headers, error="Too many requests")


def refused(status: int = 422, error: str = "Validation failed: Text is not acceptable") -> Fault:
    """Answer with a 4xx that means no, and no again."""
    return Fault(how=How.ANSWER, status=status, error=error)


def unauthorized() -> Fault:
    """Answer 401 as for a revoked token."""
    return Fault(how=How.ANSWER, status=401, error="The access token is invalid")


def hang(commit: Commit = Commit.NEVER) -> Fault:
    """Don't answer; the post is made never, first, or when the sink is released."""
    return Fault(how=How.HANG, commit=commit)


def reset() -> Fault:
    """Reset the connection before anything is done."""
    return Fault(how=How.RESET)


def lose_response() -> Fault:
    """Publish, then reset the connection instead of answering."""
    return Fault(how=How.RESET, commit=Commit.FIRST)


def drip(interval: float = 1.0) -> Fault:
    """Publish, then send the answer one byte per `interval` seconds."""
    return Fault(how=How.DRIP, commit=Commit.FIRST, interval=interval)


def garbage(*, committed: bool = True) -> Fault:
    """Answer 200 with what is no JSON."""
    return Fault(how=How.GARBAGE, commit=Commit.FIRST if committed else Commit.NEVER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of the expected texts, each tuple in the order in which it was noticed."""

    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    out_of_order: tuple[str, ...]
    unexpected: tuple[str, ...]

    @property
    def clean(self) -> bool:
        """Whether every text arrived once, in order, and nothing else did."""
        return not (self.lost or self.doubled or self.out_of_order or self.unexpected)


def judge(arrived: Sequence[str], expected: Iterable[str]) -> Verdict:
    """Compare the texts that `arrived`, in order of arrival, with the `expected` ones in their order.

    Equal expected texts count as often as they are expected. `doubled` holds each copy too many, `out_of_order` each
    text that arrived after one which should have come later, `unexpected` what nobody asked for.
    """
    wanted = list(expected)
    places: dict[str, list[int]] = {}
    for place, text in enumerate(wanted):
        places.setdefault(text, []).append(place)
    doubled: list[str] = []
    unexpected: list[str] = []
    late: list[str] = []
    seen: Counter[str] = Counter()
    furthest = -1
    for text in arrived:
        copy = seen[text]
        seen[text] += 1
        if text not in places:
            unexpected.append(text)
        elif copy >= len(places[text]):
            doubled.append(text)
        elif places[text][copy] < furthest:
            late.append(text)
        else:
            furthest = places[text][copy]
    lost = [text for text, spots in places.items() for _ in spots[seen[text] :]]
    return Verdict(lost=tuple(lost), doubled=tuple(doubled), out_of_order=tuple(late), unexpected=tuple(unexpected))
