"""Printing: one line of the demo's output, and the line that somebody is typing below it."""

from __future__ import annotations

import os
import re
import sys
import textwrap
from datetime import datetime
from typing import Final

from config.demo.typing_line import TypingLine

_UNSAFE: Final = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_COLOURS: Final = {"public": "36", "status": "32", "trouble": "31", "note": "2", "head": "1"}
_WIDTH: Final = 7


def clean(text: str) -> str:
    """Return a text that can neither move the cursor nor look like something else."""
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text)


class Paper:
    """Standard output, coloured on a terminal; `typing` is the line being typed there, where there is one."""

    def __init__(self) -> None:
        """Look whether standard output is a terminal."""
        self._terminal = sys.stdout.isatty()
        self.typing: TypingLine | None = None

    def write(self, text: str = "", *, colour: str | None = None) -> None:
        """Print a text of our own, of one or more lines."""
        if colour is not None and self._terminal:
            text = f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"
        _put(f"{text}\n" if self.typing is None else f"\r\x1b[K{text}\n{self.typing.shown()}")

    def said(self, where: str, who: str, body: str, *, colour: str | None = None) -> None:
        """Print what somebody said somewhere, with the time."""
        lead = f"{datetime.now().astimezone():%H:%M:%S} {where:<{_WIDTH}} {who:<{_WIDTH}} "
        self.write(lead + indented(clean(body), len(lead)), colour=colour)

    def end_typing(self) -> None:
        """Leave the line being typed as it stands; nothing is typed any more."""
        if self.typing is not None:
            self.typing = None
            self.write()

    def redraw(self) -> None:
        """Show the line being typed as it is now."""
        if self.typing is not None:
            _put(f"\r\x1b[K{self.typing.shown()}")


def _put(text: str) -> None:
    try:
        print(text, end="", flush=True)
    except OSError:  # nobody reads any more: go on in silence, so that the end is an orderly one
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def indented(text: str, columns: int) -> str:
    """Return a text whose further lines begin in the given column."""
    return textwrap.indent(text, " " * columns).removeprefix(" " * columns)
