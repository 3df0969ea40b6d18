"""Who somebody on a platform is, as the platform tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from bridge.domain.items import Author


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What an account says about itself; None where the platform doesn't say.

    `about` is plain text. `facts` are pairs of a name and a value, as people write them into their profile. A `bot`
    says that a program posts there.
    """

    author: Author
    about: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    posts: int | None = None
    followers: int | None = None
    following: int | None = None
    since: datetime | None = None
    bot: bool = False
