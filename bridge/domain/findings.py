"""What `check` finds: things that a start would fail on, and things that are allowed and probably not meant."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One cause in one line, for people, with the mend; a warning fails nothing."""

    text: str
    warning: bool = False
