"""Loopback ports that no other test run on this machine takes at the same time."""

from __future__ import annotations

import os
import random
import socket

HOST = "127.0.0.1"

# Below the usual ephemeral range: a port from inside it may be taken by any outgoing connection while its server is
# restarting, and a client that retries a closed ephemeral port can even connect to itself.
_FIRST, _LAST = 20_000, 31_999
_ATTEMPTS = 500

_claims: dict[int, int] = {}


def claim_port() -> int:
    """Return a free TCP port of 127.0.0.1, reserved for this process until `release_port` or its end.

    The reservation is an abstract Unix socket, so it leaves no file behind and ends with the process.
    Raises RuntimeError when no free port is found.
    """
    for _ in range(_ATTEMPTS):
        port = random.randint(_FIRST, _LAST)
        claim = _claim(port)
        if claim is None:
            continue
        if _is_free(port):
            _claims[port] = claim
            return port
        os.close(claim)
    msg = f"no free port between {_FIRST} and {_LAST} on {HOST}"
    raise RuntimeError(msg)


def release_port(port: int) -> None:
    """Give `port` back; unknown ports are ignored."""
    claim = _claims.pop(port, None)
    if claim is not None:
        os.close(claim)


def is_listening(port: int) -> bool:
    """Tell whether something accepts connections on `port` of 127.0.0.1 right now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((HOST, port)) == 0


def _claim(port: int) -> int | None:
    if port in _claims:
        return None
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        claim.bind(f"\0statusbridge-port-{port}")
    except OSError:
        claim.close()
        return None
    return claim.detach()


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True
