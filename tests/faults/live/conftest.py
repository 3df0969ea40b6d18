from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.servers.prosody import Prosody
from tests.servers.scene import Scene, mastodon_account
from tests.servers.sink import TOKEN, Sink


@pytest.fixture
async def sink(request: pytest.FixtureRequest) -> AsyncIterator[Sink]:
    """A platform that remembers no keys but can be searched, so that whatever is sent twice is there twice.

    Parametrized with `keys` it is one that remembers them.
    """
    keys = getattr(request, "param", "search") == "keys"
    async with Sink(keys=keys, is_mastodon=keys) as server:
        yield server


@pytest.fixture
async def scene(prosody: Prosody, sink: Sink, new_name: Callable[[str], str], tmp_path: Path) -> AsyncIterator[Scene]:
    """A room whose posts go out at once, to a platform that misbehaves on demand."""
    account = mastodon_account(sink.base_url, TOKEN, settle_after="0s", deadline="2s")
    posting = {"hold": "0s", "backoff": "50ms"}
    async with Scene(
        server=prosody,
        new_name=new_name,
        folder=tmp_path,
        accounts={"mastodon": account},
        overrides={"posting": posting},
    ) as made:
        yield made
