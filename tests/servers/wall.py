"""A wall clock that a test sets for another program, while that runs."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.servers.programs import find_program

if TYPE_CHECKING:
    from collections.abc import Mapping

_SOURCE = Path(__file__).with_name("wall.c")


class WallClock:
    """What a program takes for the machine's wall clock: the real one, set otherwise by so many seconds."""

    def __init__(self, folder: Path) -> None:
        """Compile the library that the program will be given, into a folder."""
        self._offset = folder / "wall-clock"
        self._library = folder / "wall.so"
        command = [find_program("gcc"), "-O2", "-shared", "-fPIC", "-o", str(self._library), str(_SOURCE), "-ldl"]
        subprocess.run(command, check=True, capture_output=True)
        self.set(0)

    def set(self, seconds: int) -> None:
        """Set the clock, at once."""
        beside = self._offset.with_suffix(".new")
        beside.write_text(f"{seconds}\n", encoding="ascii")
        beside.replace(self._offset)

    @property
    def environment(self) -> Mapping[str, str]:
        """What the program is started with."""
        return {"LD_PRELOAD": str(self._library), "WALL_OFFSET": str(self._offset)}
