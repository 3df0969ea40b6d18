"""The demo as a program: `--check` plays the scene by itself; without it, one plays oneself, until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
import time
from typing import TYPE_CHECKING

from config.demo.guide import guide
from config.demo.paper import Paper
from config.demo.play import Player
from config.demo.scene import SceneError, play
from config.demo.show import Show
from config.demo.stage import Stage
from config.demo.terminal import typed
from tests.servers.process import ServerError
from tests.servers.programs import lack

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo and return its exit status: 0 after a scene that went well, or when it was asked to end."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--check", action="store_true", help="play the scene by itself; usage: make demo ARGS=--check")
    options = parser.parse_args(arguments)
    for server in ("prosody", "mastodon-mock"):
        if (missing := lack(server)) is not None:
            print(f"demo: {missing}", file=sys.stderr)
            return 1
    try:
        return asyncio.run(_until_asked(_checked() if options.check else _played(), check=options.check))
    except (ServerError, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1


async def _until_asked(work: Coroutine[object, object, int], *, check: bool) -> int:
    """Run until the end or until a signal asks for it; a second signal is ignored, since the end is under way."""
    task = asyncio.create_task(work)
    asked: list[signal.Signals] = []

    def ask(number: signal.Signals) -> None:
        if not asked:
            asked.append(number)
            task.cancel()

    for number in _SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, ask, number)
    try:
        return await task
    except asyncio.CancelledError:
        return 128 + asked[0] if check else 0


async def _played() -> int:
    paper = Paper()
    paper.write("Starting an XMPP server, a sandbox Mastodon and the bridge ...", colour="note")
    async with Stage(usual_ports=True) as stage:
        terminal = sys.stdin.isatty() and sys.stdout.isatty()
        paper.write(guide(stage, terminal=terminal))
        try:
            await _perform(stage, paper, terminal=terminal)
        finally:
            paper.write("Stopping everything ...", colour="note")
    return 0


async def _perform(stage: Stage, paper: Paper, *, terminal: bool) -> None:
    show = asyncio.create_task(Show(stage, paper).run())
    try:
        if not terminal:
            await show
            return
        player = Player(stage, paper)
        async with contextlib.aclosing(typed(paper)) as lines:
            async for line in lines:
                if not await player.do(line):
                    return
    finally:
        show.cancel()
        await asyncio.wait((show,))


async def _checked() -> int:
    paper = Paper()
    began = time.monotonic()
    try:
        async with Stage(usual_ports=False) as stage:
            closing = await play(stage, paper, began=began)
    except SceneError as error:
        paper.write(f"\nFAILED {error}", colour="trouble")
        return 1
    paper.write(f"\n{closing}", colour="head")
    return 0
