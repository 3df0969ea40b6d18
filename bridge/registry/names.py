"""Our import names, `bridge` and `plugins`, are too general to be safe: whoever else brings one of them is named.

One of two packages with one name hides the other, or is written over it. Nothing tells Python's loader whose is meant.
"""

from __future__ import annotations

import os
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

OURS: Final = ("bridge", "plugins")

_NAME: Final = "statusbridge"
_ROOT: Final = Path(__file__).resolve().parents[2]


def intruders(found: Iterable[Distribution] | None = None) -> tuple[str, ...]:
    """Return one sentence for each other distribution that brings a package or module by a name of ours.

    Reads the metadata of all that is installed, about a millisecond for each.
    """
    claims = {
        (distribution.name, name)
        for distribution in (distributions() if found is None else found)
        if distribution.name.lower() != _NAME
        for name in _claimed(distribution)
    }
    return tuple(
        f'{distribution} brings a package "{name}" too, which is a name of Statusbridge\'s own: '
        "uninstall it, or give Statusbridge an environment of its own"
        for distribution, name in sorted(claims)
    )


def crowded(path: Iterable[str] | None = None) -> bool:
    """Tell whether a name of ours is found in a second place, so that one of the two is hidden; takes no time."""
    folders = {os.path.realpath(folder or ".") for folder in (sys.path if path is None else path)} - {str(_ROOT)}
    return any(os.path.lexists(f"{folder}/{name}{form}") for folder in folders for name in OURS for form in ("", ".py"))


def _claimed(distribution: Distribution) -> Iterator[str]:
    top = distribution.read_text("top_level.txt")
    if top is not None:
        yield from set(top.split()) & set(OURS)
        return
    record = "\n" + (distribution.read_text("RECORD") or "")
    yield from (name for name in OURS if f"\n{name}/" in record or f"\n{name}.py," in record)
