"""What a lane knows when it asks what is next, and what it may be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from datetime import datetime

    from bridge.domain.deliveries import Delivery
    from bridge.domain.ids import PostId
    from bridge.domain.people import Target
    from bridge.domain.settling import Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a unit of a lane needs to know, read before the writer.

    `present` are the conversations that hear the bot; `told` where what concerns the account is told; `usable` is
    false while the plugin is not up or the lane is stopping, and then nothing is begun. `deletes` tells whether the
    plugin can delete. `paused` is true once the admins know that the login is no good. `barred` tells how the
    configuration keeps the account from working, if it does; whether the chat does is read by the unit itself.
    `secret` is where the salts of the unit's audit rows come from.
    """

    account: str
    epoch: str
    now: datetime
    seed: str
    terms: Terms
    present: frozenset[str]
    told: tuple[Target, ...]
    admins: tuple[Target, ...]
    usable: bool
    secret: str
    problem: str | None = None
    paused: bool = False
    deletes: bool = False
    barred: str | None = None
    begun: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """The head is on the wire from now on."""

    delivery: Delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class LookFor:
    """The head shall be looked for."""

    delivery: Delivery
    known: frozenset[PostId]


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """Nothing to do before `until`; `cause` says why what waits does not flow, None where it needn't.

    `shut` is whether the account is disabled, so that nothing is begun before that ends.
    """

    until: datetime | None
    waiting: int
    cause: str | None
    told: bool
    open: bool
    shut: bool = False


Next: TypeAlias = Attempt | LookFor | Idle
