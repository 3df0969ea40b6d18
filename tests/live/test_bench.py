"""The bench itself works: every measure runs once, on little, and its counts are right. No time is asserted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.__main__ import MEASURES, measure, parse
from tests.bench.figures import Figure
from tests.bench.report import BEGIN, END, write
from tests.bench.stage import Scale
from tests.servers.require import require

pytestmark = [pytest.mark.live, pytest.mark.servers, pytest.mark.timeout(300)]


@pytest.mark.parametrize("name", MEASURES)
async def test_a_measure_runs_and_is_not_void(name: str, tmp_path: Path) -> None:
    require("prosody")
    require("postgresql")
    figures, machine, void = await measure([name], Scale.smoke())
    assert void == []
    assert figures
    assert all(len(figure.ours) == 1 and figure.ours[0] >= 0 for figure in figures)
    assert any(line.startswith("processor: ") for line in machine)
    page = tmp_path / "performance.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    write(figures, machine, 1, page)
    assert figures[0].what in page.read_text(encoding="utf-8")


def test_the_command_line_names_measures_and_rounds() -> None:
    asked = parse(["--only", "burst", "idle", "--rounds", "3", "--write"])
    assert (asked.only, asked.rounds, asked.write, asked.smoke) == (["burst", "idle"], 3, True, False)
    assert parse([]).only == list(MEASURES)


def test_a_page_without_a_place_for_the_table_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text("nothing\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"performance\.md lacks"):
        write([Figure(what="w", how="h", ours=(1.0,))], [], 1, page)
    assert page.read_text(encoding="utf-8") == "nothing\n"
