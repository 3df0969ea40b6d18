"""What the desk answers is told to whoever handed the line in, and owed to the chat all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.commands.incoming import Answer

if TYPE_CHECKING:
    import pytest

    from tests.unit.commands.conftest import Bench


async def test_the_answer_is_what_the_chat_is_owed(bench: Bench) -> None:
    answer = await bench.desk.answer(bench.incoming("!account list", who="ana"))
    assert answer == Answer(lines=("mastodon is up\nx is up",))
    assert [(one.to, one.body) for one in await bench.told()] == [("ana@example.org", answer.lines[0])]


async def test_what_others_are_told_is_no_part_of_it(bench: Bench) -> None:
    answer = await bench.desk.answer(bench.incoming("!panic", who="raj"))
    told = await bench.told()
    assert len(told) > 1
    assert list(answer.lines) == [one.body for one in told if one.to == "raj@example.org"]
    assert not answer.wrong


async def test_a_mistake_is_told_as_one(bench: Bench) -> None:
    for text in ("!account info nowhere", "!resume", "!nonsense"):
        answer = await bench.desk.answer(bench.incoming(text, who="raj"))
        assert answer.wrong
        assert answer.lines == tuple(one.body for one in await bench.told())
        assert answer.lines


async def test_what_was_done_before_is_neither_done_nor_said_again(bench: Bench) -> None:
    incoming = bench.incoming("!set hold 10s")
    first = await bench.desk.answer(incoming)
    assert len(first.lines) == 1
    assert await bench.desk.answer(incoming) == Answer()
    assert len(await bench.told()) == 1
    assert [row[1] for row in await bench.audited()] == ["set"]


async def test_our_own_failure_is_told_as_one(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise RuntimeError(name)

    monkeypatch.setattr(bench.accounts, "view", broken)
    answer = await bench.desk.answer(bench.incoming("!account info x", who="ana"))
    assert answer.wrong
    assert "something went wrong in me" in answer.lines[0]


async def test_talk_is_answered_by_nothing(bench: Bench) -> None:
    answer = await bench.desk.answer(bench.incoming("is it the cache again?", room="ops@rooms.example.org"))
    assert answer == Answer()
