"""The two ways out: answers on standard output, one line per cause of a failure on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence


class Failure(Exception):  # noqa: N818 - the end of a command, not of the program
    """A command failed; `causes` has one line each, for people."""

    def __init__(self, causes: Iterable[str]) -> None:
        """Keep each line once."""
        self.causes = tuple(dict.fromkeys(line for cause in causes for line in cause.splitlines() if line.strip()))
        super().__init__("\n".join(self.causes))


def say(text: str) -> None:
    """Write a line of the answer."""
    sys.stdout.write(f"{text}\n")


def complain(lines: Iterable[str]) -> None:
    """Write lines about a failure; a standard error that is gone doesn't matter."""
    try:
        for line in lines:
            sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
    except (BrokenPipeError, ValueError):
        return


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a table with columns as wide as they need."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for line in lines:
        say("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())
