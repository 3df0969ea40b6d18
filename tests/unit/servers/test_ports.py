from __future__ import annotations

import socket
import subprocess
import sys

from tests.servers.ports import HOST, claim_port, is_listening, release_port


def test_a_claimed_port_is_free_and_nobody_elses() -> None:
    ports = [claim_port() for _ in range(20)]
    try:
        assert len(set(ports)) == 20
        assert not any(is_listening(port) for port in ports)
    finally:
        for port in ports:
            release_port(port)


def test_another_process_cannot_claim_the_same_port() -> None:
    port = claim_port()
    code = f"from tests.servers.ports import _claim; print(_claim({port}))"
    try:
        assert subprocess.check_output([sys.executable, "-c", code], text=True) == "None\n"
    finally:
        release_port(port)
    assert subprocess.check_output([sys.executable, "-c", code], text=True) != "None\n"


def test_listening_is_seen() -> None:
    with socket.create_server((HOST, 0)) as server:
        assert is_listening(server.getsockname()[1])
