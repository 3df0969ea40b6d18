"""Asking for a test server: skip loudly, or fail, where it isn't installed."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

from tests.servers.disk import may_mount
from tests.servers.programs import lack

STRICT = "STATUSBRIDGE_REQUIRE_SERVERS"

missing: dict[str, str] = {}
"""What was asked for in this run and isn't here, with the mend; shown at the end of the run."""


def require(server: str) -> None:
    """Go on if `server` can be started; else skip the test, or fail it where STATUSBRIDGE_REQUIRE_SERVERS is 1.

    `server` is "prosody", "ejabberd", "postgresql", "mastodon-mock", "compiler", or "disk" for the right to mount one.
    """
    reason = lack(server)
    if reason is None and server == "disk" and not may_mount():
        reason = "this user may not mount a disk: run the tests as root, with the capability SYS_ADMIN"
    if reason is not None:
        missing[server] = reason
        _give_up(f"{server}: {reason}")


def _give_up(reason: str) -> NoReturn:
    if os.environ.get(STRICT) == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
