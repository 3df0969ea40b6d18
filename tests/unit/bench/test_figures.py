from __future__ import annotations

import asyncio

import pytest

from tests.bench.figures import HEADS, By, Figure, alternate, beside, table


def figure(**values: object) -> Figure:
    return Figure(**{"what": "w", "how": "h", "ours": (3.0, 2.0, 9.0), "base": (2.0, 2.0, 3.0), **values})  # type: ignore[arg-type] # by name


def test_the_result_is_the_median_of_the_rounds_ratios_not_the_ratio_of_medians() -> None:
    assert figure().compared == (1.5, 1.0, 3.0)
    assert figure().result == 1.5
    assert figure(ours=(10.0, 1.0, 1.0), base=(1.0, 2.0, 5.0)).result == 0.5


def test_what_comes_later_is_a_difference_and_what_stands_alone_is_itself() -> None:
    assert figure(by=By.EXTRA).compared == (1.0, 0.0, 6.0)
    assert figure(by=By.VALUE, base=()).result == 3.0


@pytest.mark.parametrize(("goal", "passed"), [(1.5, True), (1.4, False), (None, None)])
def test_a_goal_is_passed_or_missed_or_there_is_none(goal: float | None, passed: bool | None) -> None:
    assert figure(goal=goal).passed is passed
    assert figure(goal=goal).cells()[-1] == {True: "pass", False: "miss", None: ""}[passed]


def test_a_line_of_the_table_has_medians_spread_and_goal() -> None:
    cells = dict(zip(HEADS, figure(goal=1.5).cells(), strict=True))
    assert cells == {
        "what": "w",
        "with": "h",
        "ours": "3 ms",
        "beside it": "2 ms",
        "result": "1.5x",
        "rounds": "1 .. 3",
        "goal": "at most 1.5x",
        "": "pass",
    }
    lines = table([figure(), figure(ours=(1.0,), base=(), by=By.VALUE, unit="MB")]).splitlines()
    assert len(lines) == 4
    assert len({len(line) for line in lines}) == 1


def test_rounds_of_different_number_are_no_figure() -> None:
    with pytest.raises(ValueError, match="shorter"):
        figure(base=(1.0,)).compared  # noqa: B018 # the look is what raises


async def test_contenders_take_turns_in_every_round_and_the_first_turn_is_not_counted() -> None:
    turns: list[str] = []

    async def turn(name: str) -> float:
        await asyncio.sleep(0)
        turns.append(name)
        return float(len(turns))

    taken = await alternate(2, {"floor": "f", "SQLite": "s"}, turn)
    assert turns == ["f", "s", "f", "s", "s", "f"]
    assert taken == {"floor": [3.0, 6.0], "SQLite": [4.0, 5.0]}


def test_all_but_the_base_are_figures() -> None:
    found = beside({"floor": [1.0], "a": [2.0], "b": [3.0]}, what="w", how="aiohttp", base="floor", goal=1.5)
    assert [(one.how, one.ours, one.base) for one in found] == [
        ("aiohttp, a", (2.0,), (1.0,)),
        ("aiohttp, b", (3.0,), (1.0,)),
    ]
