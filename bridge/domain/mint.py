"""Ids for units of work, which may run twice and then must say the same."""

from __future__ import annotations


class Mint:
    """Makes ids inside a unit that were decided outside: the same ones when the unit runs again."""

    def __init__(self, seed: str) -> None:
        """Take the seed, which is new for every unit."""
        self._seed = seed
        self._made = 0

    def __call__(self) -> str:
        """Return the next id."""
        self._made += 1
        return f"{self._seed}-{self._made:x}"
