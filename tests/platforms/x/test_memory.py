"""What an instance remembers of its deliveries."""

from __future__ import annotations

from bridge.plugin import PostId
from plugins.x.memory import Memory


def test_others_are_those_of_other_keys_and_those_the_bridge_knows() -> None:
    memory = Memory()
    memory.note_made("1", "one")
    memory.note_made("2", "two")
    memory.note_known("one", {PostId("3")})
    assert memory.others("one") == {"2", "3"}
    assert memory.others("two") == {"1"}


def test_a_look_is_sure_15_seconds_after_the_first_one() -> None:
    memory = Memory()
    assert not memory.was_looked_for("one")
    assert [memory.is_surely_absent("one", at) for at in (100, 114.9, 115, 200)] == [False, False, True, True]
    assert not memory.is_surely_absent("two", 200)
    assert memory.was_looked_for("one")


def test_only_the_last_are_remembered() -> None:
    memory = Memory()
    for number in range(513):
        memory.note_made(str(number), "one")
        memory.contest(str(number))
    assert len(memory.others("two")) == 512
    assert not memory.is_contested("0")
    assert memory.is_contested("512")
    assert not memory.contest("512")
