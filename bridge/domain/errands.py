"""What is to be asked of a platform, or tried there, for somebody in the chat, who waits for the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from bridge.domain.ids import EntryId
    from bridge.domain.people import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """The conversation around an item shall be read on its account, and told to `target`.

    `private` is whether what was said in private may be shown there.
    """

    id: int
    item: EntryId
    account: str
    target: Target
    private: bool
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The login of an account shall be tried, and what came of it told to `target`."""

    id: int
    account: str
    target: Target
    created_at: datetime
