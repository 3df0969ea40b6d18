from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from bridge import logs

SECRETS = ["hunter2-the-password", "tok3n"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def lines(stream: io.StringIO) -> Iterator[Any]:
    """The events so far, as JSON, logged at INFO."""
    with logs.configured(secrets=SECRETS, stream=stream):
        yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_as_json(lines: Any) -> None:
    structlog.stdlib.get_logger("bridge.test").info("account is up", account="one", count=3, none=None)
    (event,) = lines()
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "event": "account is up",
        "level": "info",
        "logger": "bridge.test",
        "account": "one",
        "count": 3,
        "none": None,
    }


def test_libraries_are_heard_from_warnings_on(lines: Any) -> None:
    for name in ("slixmpp.stringprep", "sqlalchemy.engine", "aiohttp.server", "urllib3.connectionpool", "asyncio"):
        logging.getLogger(name).info("chatter")
        logging.getLogger(name).warning("trouble with %s", name)
    assert [event["event"] for event in lines()] == [
        "trouble with slixmpp.stringprep",
        "trouble with sqlalchemy.engine",
        "trouble with aiohttp.server",
        "trouble with urllib3.connectionpool",
        "trouble with asyncio",
    ]
    assert {event["level"] for event in lines()} == {"warning"}


def test_the_level_is_for_our_own(stream: io.StringIO) -> None:
    with logs.configured("debug", stream=stream):
        structlog.stdlib.get_logger("plugins.fake").debug("one")
        logging.getLogger("bridge.x").debug("two")
        logging.getLogger("slixmpp").debug("three")
    with logs.configured("error", stream=stream):
        structlog.stdlib.get_logger("bridge").warning("four")
        structlog.stdlib.get_logger("bridge").error("five")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["one", "two", "five"]


def fail(secret: str) -> None:
    raise ValueError(f"{secret} was refused")


def test_no_secret_anywhere(lines: Any, stream: io.StringIO) -> None:
    log = structlog.stdlib.get_logger("bridge.test")
    log.warning(
        "said hunter2-the-password",
        url="https://x.example/?token=hunter2-the-password",
        deep={"list": ["a hunter2-the-password", {"x": b"hunter2-the-password"}], "hunter2-the-password": 1},
        thing=ValueError("hunter2-the-password"),
        other=("tok3n", {"tok3n"}),
        Authorization="Bearer abc",
        headers={"Authorization": "Bearer abc", "X-Api-Key": "abc", "Cookie": "abc", "Accept": "text/plain"},
        access_token="abc",
        text="Authorization: Bearer abcdefghij, more",
        inner="tried with bearer abcdefghij",
    )
    try:
        fail("hunter2-the-password")
    except ValueError:
        log.exception("it failed", password=3.5)
    logging.getLogger("slixmpp").warning("SEND %s", "hunter2-the-password")
    logging.getLogger("urllib3").error("Authorization: Basic abcdefghij==")
    shown = stream.getvalue()
    for secret in (*SECRETS, "Bearer abc", "abcdefghij"):
        assert secret not in shown
    first, second, third, fourth = lines()
    assert first["event"] == "said [hidden]"
    assert first["deep"] == {"list": ["a [hidden]", {"x": "[hidden]"}], "[hidden]": 1}
    assert first["thing"] == "[hidden]"
    assert first["other"] == ["[hidden]", ["[hidden]"]]
    assert first["Authorization"] == first["access_token"] == "[hidden]"
    assert first["headers"] == {
        "Authorization": "[hidden]",
        "X-Api-Key": "[hidden]",
        "Cookie": "[hidden]",
        "Accept": "text/plain",
    }
    assert second["exception"].endswith("ValueError: [hidden] was refused")
    assert "Traceback" in second["exception"]
    assert third["event"] == "SEND [hidden]"
    assert fourth["event"] == "Authorization: [hidden]"


def test_secrets_that_become_known_later(stream: io.StringIO) -> None:
    with logs.configured(stream=stream) as redaction:
        redaction.add(["a-late-secret"])
        structlog.stdlib.get_logger("bridge").info("a-late-secret")
        assert redaction.text("a-late-secret") == "[hidden]"
    assert "a-late-secret" not in stream.getvalue()


def test_what_can_not_be_shown_fails_no_event(lines: Any) -> None:
    class Silent:
        def __repr__(self) -> str:
            raise RuntimeError

    structlog.stdlib.get_logger("bridge").info("look", thing=Silent())
    assert lines()[0]["thing"] == "<Silent>"


def test_for_people_on_a_terminal() -> None:
    terminal = Terminal()
    with logs.configured(stream=terminal, secrets=SECRETS):
        structlog.stdlib.get_logger("bridge.x").warning("said\nby \x1b[2J\u202ekim", text="tok3n a\rb")
        try:
            fail("tok3n")
        except ValueError:
            logging.getLogger("bridge.x").exception("it failed")
    shown = terminal.getvalue()
    assert "tok3n" not in shown
    assert "said\\nby \\x1b[2J\\u202ekim" in shown
    assert "a\\\\rb" in shown
    assert "ValueError: [hidden] was refused\n" in shown
    assert "{" not in shown.splitlines()[0]


def test_everything_is_put_back(stream: io.StringIO) -> None:
    root = logging.getLogger()
    before = (list(root.handlers), root.level, logging.getLogger("bridge").level, logging.raiseExceptions)
    config = structlog.get_config()
    with logs.configured(stream=stream):
        assert root.handlers != before[0]
    assert (list(root.handlers), root.level, logging.getLogger("bridge").level, logging.raiseExceptions) == before
    assert structlog.get_config() == config


def test_a_stream_that_is_gone_ends_nothing() -> None:
    gone = io.StringIO()
    with logs.configured(stream=gone):
        gone.close()
        structlog.stdlib.get_logger("bridge").error("nobody hears this")
