"""The command `statusbridge`: standard output is the answer, logs and errors go to standard error.

Exit status 0: done. 1: it failed, with one line per cause. 2: the command was not understood.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING

from bridge.cli.commands import COMMANDS
from bridge.cli.output import Failure, complain
from bridge.cli.parser import parse

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; called without arguments, as a program, it ends the process."""
    try:
        status = _run(sys.argv[1:] if arguments is None else arguments)
    except BrokenPipeError:  # whoever read the answer has had enough
        _forget_output()
        status = 1
    if arguments is None:
        _leave(status)
    return status


def _run(arguments: Sequence[str]) -> int:
    try:
        options = parse(arguments)
    except SystemExit as error:  # argparse has said why
        return error.code if isinstance(error.code, int) else 2
    try:
        status = COMMANDS[options.command](options)
        sys.stdout.flush()
    except Failure as failure:
        complain(failure.causes)
        return 1
    except KeyboardInterrupt:
        return 130
    return status


def _forget_output() -> None:
    """Point standard output to nowhere, so that flushing it at the end doesn't fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _leave(status: int) -> None:
    """End the process, also where a thread hangs in a call that can't be interrupted: it is never waited for."""
    sys.stdout.flush()
    sys.stderr.flush()
    main_thread = threading.main_thread()
    if any(thread is not main_thread and not thread.daemon for thread in threading.enumerate()):
        os._exit(status)
    sys.exit(status)
