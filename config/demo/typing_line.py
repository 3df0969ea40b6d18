"""A line being typed on a terminal that other lines appear on meanwhile: pure, keys in and lines out."""

from __future__ import annotations

import re
import shutil
from typing import Final

PROMPT: Final = "> "
END: Final = "\x04"

_KEYS: Final = re.compile("\x1b\\[[0-9;]*[A-Za-z~]|\x1bO[A-Z]|\x1b.|.", re.DOTALL)
_UP: Final = {"\x1b[A", "\x1bOA", "\x10"}
_DOWN: Final = {"\x1b[B", "\x1bOB", "\x0e"}
_LAST_WORD: Final = re.compile(r"\S*\s*\Z")


class TypingLine:
    """What was typed since the last Enter. Known keys: Backspace, Ctrl-U, Ctrl-W, up and down; others are ignored."""

    def __init__(self) -> None:
        """Nothing is typed yet."""
        self.text = ""
        self._past: list[str] = []
        self._place = 0

    def feed(self, keys: str) -> list[str]:
        """Take keys as the terminal sends them and return the lines that they end; Ctrl-D on an empty line is END."""
        lines: list[str] = []
        for match in _KEYS.finditer(keys):
            key = match[0]
            if key in {"\r", "\n"}:
                lines.append(self._enter())
            elif key == END and not self.text:
                lines.append(END)
            else:
                self._edit(key)
        return lines

    def shown(self) -> str:
        """Return the prompt and as much of the line's end as fits the terminal."""
        room = shutil.get_terminal_size().columns - len(PROMPT) - 1
        return PROMPT + self.text[-max(room, 1) :]

    def _enter(self) -> str:
        line, self.text = self.text, ""
        if line.strip() and self._past[-1:] != [line]:
            self._past.append(line)
        self._place = len(self._past)
        return line

    def _edit(self, key: str) -> None:
        if key in {"\x7f", "\x08"}:
            self.text = self.text[:-1]
        elif key == "\x15":
            self.text = ""
        elif key == "\x17":
            self.text = _LAST_WORD.sub("", self.text)
        elif key in _UP:
            self._recall(-1)
        elif key in _DOWN:
            self._recall(+1)
        elif key.isprintable():
            self.text += key

    def _recall(self, step: int) -> None:
        self._place = min(max(self._place + step, 0), len(self._past))
        self.text = self._past[self._place] if self._place < len(self._past) else ""
