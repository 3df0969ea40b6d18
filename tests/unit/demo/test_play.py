"""What the demo's terminal understands."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from config.demo.paper import Paper, clean, indented
from config.demo.play import Speech, parse
from config.demo.scene import Actors, SceneError
from config.demo.stage import Stage
from config.demo.typing_line import END, TypingLine


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("still down?", Speech("kim", None, "still down?")),
        ("kim: still down?", Speech("kim", None, "still down?")),
        ("raj: !post hello", Speech("raj", "ops", "!post hello")),
        ("Ana/bot:  We are open ", Speech("ana", "bot", "We are open")),
        ("raj/oncall: !post a: b", Speech("raj", "oncall", "!post a: b")),
        ("note: this isn't staff", Speech("kim", None, "note: this isn't staff")),
        ("/kill", "kill"),
        ("/HELP", "help"),
        ("", None),
        ("   ", None),
        ("/bogus", "no such order: /bogus. /help lists them"),
        ("raj:", "what does raj say? raj: TEXT"),
        ("raj/x: hi", "no such place: x. It is ops, oncall or bot"),
    ],
)
def test_a_line_is_speech_or_an_order_or_a_question(line: str, wanted: Speech | str | None) -> None:
    assert parse(line) == wanted


def typed(keys: str) -> tuple[list[str], str]:
    line = TypingLine()
    return line.feed(keys), line.text


@pytest.mark.parametrize(
    ("keys", "lines", "left"),
    [
        ("hello\r", ["hello"], ""),
        ("one\rtwo\rthr", ["one", "two"], "thr"),
        ("héllp\x7fo\r", ["héllo"], ""),
        ("wrong\x15right\r", ["right"], ""),
        ("two wrong words\x17\x17good\r", ["two good"], ""),
        ("a\x1b[Cb\x1b[3~c\x01\r", ["abc"], ""),
        ("\x04", [END], ""),
        ("text\x04", [], "text"),
        ("first\rsecond\r\x1b[A\x1b[A\r", ["first", "second", "first"], ""),
        ("first\r\x1b[A\x1b[B\r", ["first", ""], ""),
    ],
)
def test_keys_become_lines(keys: str, lines: list[str], left: str) -> None:
    assert typed(keys) == (lines, left)


def test_what_others_say_cannot_move_the_cursor() -> None:
    assert clean("a\x1b[2Jb\u202ec\nd") == "a\ufffd[2Jb\ufffdc\nd"
    assert indented("a\nb", 3) == "a\n   b"


async def test_a_step_that_fails_names_itself_and_shows_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bridge.log"
    path.write_text("first line\nlast line\n", encoding="utf-8")
    person = SimpleNamespace(mark=lambda: 0)
    stage = SimpleNamespace(people={"raj": person, "ana": person}, mastodon=None, bridge=SimpleNamespace(log_path=path))
    actors = Actors(cast("Stage", stage), Paper())
    with pytest.raises(SceneError, match="in step 1, A title:\nraj heard nothing\n\nThe bridge's log ends:\nfirst"):
        async with actors.step("A title"):
            raise AssertionError("raj heard nothing")
    assert capsys.readouterr().out == "1. A title\n"
