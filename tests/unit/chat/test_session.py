from __future__ import annotations

import pytest

from bridge.chat.session import LONGEST_PAUSE, Login, pause


@pytest.mark.parametrize(
    ("failures", "jitter", "seconds"),
    [(0, 1.0, 0.5), (1, 1.0, 1.0), (3, 0.5, 2.0), (5, 1.0, LONGEST_PAUSE), (10_000, 1.0, LONGEST_PAUSE), (4, 0.0, 0.0)],
)
def test_the_back_off_has_full_jitter_and_ends_at_ten_seconds(failures: int, jitter: float, seconds: float) -> None:
    assert pause(failures, jitter) == seconds


@pytest.mark.parametrize(("host", "named"), [("127.0.0.1", "127.0.0.1:5222"), (None, "example.org")])
def test_the_server_is_named_as_it_is_configured(host: str | None, named: str) -> None:
    login = Login(
        jid="status@example.org", resource="statusbridge", password="secret", host=host, port=5222, ca_file=None
    )
    assert login.server == named
