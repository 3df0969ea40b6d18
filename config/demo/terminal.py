"""Reading lines from a terminal, key by key, so that what happens meanwhile doesn't cut them in two."""

from __future__ import annotations

import asyncio
import codecs
import os
import signal
import sys
import termios
import tty
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from config.demo.typing_line import END, TypingLine

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from config.demo.paper import Paper

_CHUNK = 4096


async def typed(paper: Paper) -> AsyncGenerator[str]:
    """Yield each line that is typed, until Ctrl-D or until the terminal is closed; it is as before afterwards."""
    line = TypingLine()
    queue: asyncio.Queue[str] = asyncio.Queue()
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    descriptor = sys.stdin.fileno()

    def read() -> None:
        try:
            data = os.read(descriptor, _CHUNK)
        except OSError:
            data = b""
        for one in line.feed(decoder.decode(data)) if data else [END]:
            queue.put_nowait(one)
        if not data:
            asyncio.get_running_loop().remove_reader(descriptor)
        paper.redraw()

    with _keys(descriptor, paper, line):
        loop = asyncio.get_running_loop()
        loop.add_reader(descriptor, read)
        try:
            while (one := await queue.get()) != END:
                yield one
        finally:
            loop.remove_reader(descriptor)


@contextmanager
def _keys(descriptor: int, paper: Paper, line: TypingLine) -> Generator[None]:
    """Have the terminal give each key at once, without echo, until the end of the block."""
    before = termios.tcgetattr(descriptor)

    def begin() -> None:
        tty.setcbreak(descriptor, termios.TCSADRAIN)
        paper.typing = line
        paper.redraw()

    loop = asyncio.get_running_loop()
    begin()
    loop.add_signal_handler(signal.SIGCONT, begin)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGCONT)
        paper.end_typing()
        with suppress(termios.error):  # the terminal may be gone
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
