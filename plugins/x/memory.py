"""What an instance remembers of its deliveries, so that twins are told apart. No I/O."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Set as AbstractSet
from typing import Final, TypeVar

from bridge.plugin import PostId
from plugins.x.failures import LAG

T = TypeVar("T")

_MOST: Final = 512


class Memory:
    """What one instance remembers of its deliveries, by the tokens of their keys: so that twins are told apart.

    X has no keys, and refuses a text that it has already: that may be the post itself, or that of another delivery.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self._made: OrderedDict[str, str] = OrderedDict()
        self._absent: OrderedDict[str, float] = OrderedDict()
        self._known: OrderedDict[str, AbstractSet[PostId]] = OrderedDict()
        self._contested: OrderedDict[str, str] = OrderedDict()

    def note_made(self, identifier: str, token: str) -> None:
        """Remember whose a post is."""
        _keep(self._made, identifier, token)

    def others(self, token: str) -> AbstractSet[PostId]:
        """Return the ids that surely belong to other deliveries."""
        made = {PostId(identifier) for identifier, owner in self._made.items() if owner != token}
        return made | self._known.get(token, set())

    def note_known(self, token: str, known: AbstractSet[PostId]) -> None:
        """Remember which ids the bridge says belong to others."""
        _keep(self._known, token, frozenset(known))

    def is_surely_absent(self, token: str, now: float) -> bool:
        """Note a look that found nothing, and tell whether it was the second one, long enough after the first."""
        first = self._absent.get(token)
        if first is None:
            _keep(self._absent, token, now)
            return False
        return now - first >= LAG.total_seconds()

    def was_looked_for(self, token: str) -> bool:
        """Tell whether a look for it has ever found nothing."""
        return token in self._absent

    def contest(self, token: str) -> bool:
        """Note that X has a duplicate of it that nobody finds; tell whether that is the first time."""
        first = token not in self._contested
        _keep(self._contested, token, token)
        return first

    def is_contested(self, token: str) -> bool:
        """Tell whether X has said that it is there, so that no look is sure of its absence."""
        return token in self._contested


def _keep(memory: OrderedDict[str, T], name: str, value: T) -> None:
    memory[name] = value
    while len(memory) > _MOST:
        memory.popitem(last=False)
