from __future__ import annotations

from bridge.delivery import DIRECT, Attendance, conversation
from bridge.domain.people import Place, Target

ROOM = "ops@rooms.example.org"


def test_a_room_attends_by_itself_and_all_direct_chats_together() -> None:
    assert conversation(Target(ROOM, Place.ROOM)) == ROOM
    assert conversation(Target("raj@example.org", Place.DIRECT)) == DIRECT


def test_every_change_is_told_and_nothing_else() -> None:
    attendance = Attendance()
    told: list[frozenset[str]] = []
    attendance.watch(lambda: told.append(attendance.present))
    attendance.arrive(ROOM)
    attendance.arrive(ROOM)
    attendance.arrive(DIRECT)
    attendance.leave(ROOM)
    attendance.leave(ROOM)
    attendance.leave()
    attendance.leave()
    assert told == [frozenset({ROOM}), frozenset({ROOM, DIRECT}), frozenset({DIRECT}), frozenset()]
