"""The words of the command line."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bridge.domain.chain import Head
from bridge.logs import LEVELS

if TYPE_CHECKING:
    from collections.abc import Sequence

_DEFAULT_CONFIG: Final = "config.toml"

_HELP: Final = {
    "run": "run the bridge until it is stopped by Ctrl-C or SIGTERM",
    "check": "tell everything that a start would find wrong, one line per cause, and change nothing",
    "init": "write a commented configuration; an existing file is never overwritten",
    "accounts": "list the accounts, their state and how many posts wait for each",
    "resume": "show what a panic keeps back, then end it, also of a running bridge",
    "audit": "read and check the audit: who did what; a bridge may be running",
    "export": "write all posts, deliveries and items as JSON Lines; a bridge may be running",
    "db": "care for the store",
}
_EPILOG: Final = "exit status: 0 done, 1 failed (one line per cause), 2 not understood"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was asked for: a command (`db upgrade` is one), and the options it may need."""

    command: str
    config: Path
    secrets: Path | None
    log_level: str
    file: Path | None = None
    since: datetime | None = None
    head: Head | None = None
    yes: bool = False


def parse(arguments: Sequence[str]) -> Options:
    """Read the command line; raises SystemExit after argparse has told why, or has answered --help or --version."""
    found = vars(_parser().parse_args(arguments))
    command: str = found["command"]
    file: str | None = found.get("file")
    config: str = found.get("config") or os.environ.get("STATUSBRIDGE_CONFIG") or _DEFAULT_CONFIG
    secrets: str | None = found.get("secrets")
    return Options(
        command=f"{command} {found['what']}" if "what" in found else command,
        config=Path(config),
        secrets=Path(secrets) if secrets else None,
        log_level=found.get("log_level") or _level_of_environment(),
        file=Path(file) if file else None,
        since=found.get("since"),
        head=found.get("head"),
        yes=found.get("yes", False),
    )


def _level_of_environment() -> str:
    level = os.environ.get("STATUSBRIDGE_LOG_LEVEL", "").lower()
    return level if level in LEVELS else "info"


def _parser() -> argparse.ArgumentParser:
    shared = _shared()
    parser = argparse.ArgumentParser(
        prog="statusbridge",
        description="Publish to your accounts from an XMPP chat, and answer what comes back there.",
        epilog=_EPILOG,
        parents=[shared],
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"statusbridge {_version()}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", title="commands")
    for name, text in _HELP.items():
        command = commands.add_parser(
            name, help=text, description=f"{text[0].upper()}{text[1:]}.", parents=[shared], allow_abbrev=False
        )
        if name == "init":
            command.add_argument("file", metavar="FILE", nargs="?", help="where to write it (default: --config)")
        if name == "export":
            _output(command)
        if name == "audit":
            _audit(command, shared)
        if name == "resume":
            command.add_argument("--yes", action="store_true", help="let what waits go out without being asked")
        if name == "db":
            command.add_argument(
                "what", choices=["upgrade"], help="upgrade: bring the store up to this program while no bridge runs"
            )
    return parser


def _output(command: argparse.ArgumentParser) -> None:
    what = "where to write it, `-` for standard output (the default); an existing file is never overwritten"
    command.add_argument("file", metavar="FILE", nargs="?", help=what)


def _audit(command: argparse.ArgumentParser, shared: argparse.ArgumentParser) -> None:
    whats = command.add_subparsers(dest="what", required=True, metavar="WHAT", title="what")
    text = "write the audit as JSON Lines, one row each"
    export = whats.add_parser("export", help=text, description=f"W{text[1:]}.", parents=[shared], allow_abbrev=False)
    _output(export)
    since = (
        "from the first row that is not older, as 2026-01-31 or 2026-01-31T13:00+01:00 (UTC, unless it says otherwise)"
    )
    export.add_argument("--since", metavar="ISO", type=_instant, help=since)
    text = "tell whether every row is as it was written; exit status 1 if not"
    verify = whats.add_parser("verify", help=text, description=f"T{text[1:]}.", parents=[shared], allow_abbrev=False)
    head = "a head that was noted, as the log says it once a day: finds also that the end was cut off"
    verify.add_argument("--head", metavar="COUNT:HASH", type=_head, help=head)
    verify.add_argument("--file", metavar="EXPORT", help="check an exported file (`-`: standard input), not the store")


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"not a date or time: {text!r}") from None


def _head(text: str) -> Head:
    try:
        return Head.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _shared() -> argparse.ArgumentParser:
    """Return the options that may stand before the command and after it."""
    shared = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS, allow_abbrev=False)
    shared.add_argument(
        "--config", metavar="FILE", help=f"the configuration (default: STATUSBRIDGE_CONFIG, else {_DEFAULT_CONFIG})"
    )
    shared.add_argument(
        "--secrets",
        metavar="DIR",
        help="a directory with one file per secret (default: STATUSBRIDGE_SECRETS_DIR, else /run/secrets)",
    )
    shared.add_argument(
        "--log-level", choices=LEVELS, help="how much to log (default: STATUSBRIDGE_LOG_LEVEL, else info)"
    )
    return shared


def _version() -> str:
    try:
        return version("statusbridge")
    except PackageNotFoundError:  # run from a folder of sources
        return "unknown"
