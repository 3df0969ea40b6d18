"""Structured logs on standard error: for people on a terminal, as JSON otherwise, and never with a secret in them."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterable, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TextIO, cast

import structlog

from bridge.domain.redaction import HIDDEN, Redactor

if TYPE_CHECKING:
    from collections.abc import Generator

    from structlog.typing import EventDict, Processor, WrappedLogger

LEVELS: Final = ("debug", "info", "warning", "error")

_OURS: Final = ("bridge", "plugins")
"""Loggers that follow the level asked for; libraries are heard from WARNING on."""

_SECRET_KEY = re.compile(r"authori[sz]ation|token|secret|passw|api[-_]?key|cookie|credential", re.IGNORECASE)
_HEADER = re.compile(r"(?i)\b(authorization|proxy-authorization|cookie|set-cookie)(['\"]?\s*[:=]\s*['\"]?)[^'\"\r\n]+")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_CONTROL_IN_LINES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_LINES: Final = frozenset({"exception", "stack"})
"""What may have several lines on a terminal."""


class Redaction:
    """A processor that takes secrets out of every value of an event, at any depth, and out of tracebacks."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Take the secrets that are known so far."""
        self._redactor = Redactor(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Hide these, too, from now on."""
        self._redactor.add(secrets)

    def __call__(self, _logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
        """Return the event without secrets."""
        return {key: self._value(key, value) for key, value in event_dict.items()}

    def text(self, text: str) -> str:
        """Return a text without secrets."""
        text = _HEADER.sub(rf"\1\2{HIDDEN}", self._redactor.text(text))
        return _BEARER.sub(rf"\1 {HIDDEN}", text)

    def _value(self, key: object, value: object) -> object:
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(key, str) and _SECRET_KEY.search(key):
            return HIDDEN
        if isinstance(value, Mapping):
            table = cast("Mapping[object, object]", value)
            return {self.text(str(inner)): self._value(inner, item) for inner, item in table.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._value(None, item) for item in cast("Iterable[object]", value)]
        return self.text(value if isinstance(value, str) else _shown(value))


def _shown(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    try:
        return str(value) if isinstance(value, BaseException) else repr(value)
    except Exception:  # noqa: BLE001 - a log line must not fail for the sake of what it tells of
        return f"<{type(value).__name__}>"


def _plain(_logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
    """Make control characters visible, so that no text from outside can move the cursor or forge a line."""
    for key, value in event_dict.items():
        if isinstance(value, str):
            pattern = _CONTROL_IN_LINES if key in _LINES else _CONTROL
            event_dict[key] = pattern.sub(_escape, value)
    return event_dict


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()


@contextmanager
def configured(
    level: str = "info", *, secrets: Iterable[str] = (), stream: TextIO | None = None, as_json: bool | None = None
) -> Generator[Redaction]:
    """Send all logs of the program and its libraries to a stream (standard error) until the end of the block.

    Yields the redaction, to add secrets that become known later. `as_json` defaults to whether the stream is no
    terminal.
    """
    target = sys.stderr if stream is None else stream
    redaction = Redaction(secrets)
    handler = logging.StreamHandler(target)
    handler.setFormatter(_formatter(redaction, as_json=not target.isatty() if as_json is None else as_json))
    root = logging.getLogger()
    loggers = (root, *map(logging.getLogger, _OURS))
    before = [(logger, logger.level, list(logger.handlers)) for logger in loggers]
    raising = logging.raiseExceptions
    former = structlog.get_config()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    for logger in loggers[1:]:
        logger.handlers = []
        logger.setLevel(level.upper())
    logging.raiseExceptions = False  # a closed standard error must not end the bridge
    structlog.configure(
        processors=[*_shared(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    try:
        yield redaction
    finally:
        handler.flush()
        logging.raiseExceptions = raising
        structlog.configure(**former)
        for logger, number, handlers in before:
            logger.setLevel(number)
            logger.handlers = handlers


def _shared() -> list[Processor]:
    return [
        structlog.stdlib.filter_by_level,
        *_common(),
    ]


def _common() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _formatter(redaction: Redaction, *, as_json: bool) -> logging.Formatter:
    renderer: list[Processor]
    if as_json:
        renderer = [structlog.processors.JSONRenderer(serializer=_json)]
    else:
        renderer = [_plain, structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_common(),
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            redaction,
            *renderer,
        ],
    )


def _json(value: Any, **options: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=options.get("default"))
