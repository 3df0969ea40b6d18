"""A bare script that does the main job and keeps nothing: what our program is measured against.

    python -m tests.bench.floor FILE

reads its JSON file (see `tests.bench.contenders`), joins the room, prints `ready`, and publishes each `!post TEXT`
with one ordered worker for each account. It says in the room whatever comes down its stream.
"""

from __future__ import annotations

import asyncio
import json
import queue
import ssl
import sys
import threading
from pathlib import Path
from typing import Any

import aiohttp
from mastodon import Mastodon
from slixmpp import JID, ClientXMPP

POST = "!post "


class Bare(ClientXMPP):
    """The chat side: lines of the room go to every account's queue."""

    def __init__(self, plan: dict[str, Any], put: list[Any]) -> None:
        super().__init__(plan["jid"] + "/bare", plan["password"])
        self.room, self.nick, self._put = plan["room"], plan["nick"], put
        self.enable_direct_tls = self.enable_plaintext = False
        self.ssl_context = ssl.create_default_context(cafile=plan["ca_file"])
        self.register_plugin("xep_0045")
        self.register_plugin("xep_0199")
        self.add_event_handler("session_start", self._start)
        self.add_event_handler("groupchat_message", self._heard)
        self.joined = asyncio.Event()

    async def _start(self, _: object) -> None:
        self.send_presence()
        await self.plugin["xep_0045"].join_muc_wait(JID(self.room), self.nick, maxstanzas=0)
        self.joined.set()

    def _heard(self, message: Any) -> None:
        body: str = message["body"]
        if message["mucnick"] != self.nick and body.startswith(POST):
            for put in self._put:
                put(body.removeprefix(POST))


async def plain_worker(base_url: str, token: str, texts: asyncio.Queue[str]) -> None:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:
        while True:
            text = await texts.get()
            async with session.post(f"{base_url}/api/v1/statuses", json={"status": text}) as answer:
                await answer.json()


def sdk_worker(base_url: str, token: str, texts: queue.SimpleQueue[str]) -> None:
    client = Mastodon(access_token=token, api_base_url=base_url)
    while True:
        client.status_post(texts.get())


async def relay(url: str, bare: Bare) -> None:
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as stream:
        async for line in stream.content:
            said = json.loads(line)
            if "id" in said:
                bare.send_message(mto=JID(bare.room), mbody=f"@{said['author']}: {said['text']}", mtype="groupchat")


async def main(plan: dict[str, Any]) -> None:
    put: list[Any] = []
    tasks: list[asyncio.Task[None]] = []
    for base_url in plan["sinks"]:
        if plan["kind"] == "plain":
            texts: asyncio.Queue[str] = asyncio.Queue()
            tasks.append(asyncio.create_task(plain_worker(base_url, plan["token"], texts)))
            put.append(texts.put_nowait)
        else:
            waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
            threading.Thread(target=sdk_worker, args=(base_url, plan["token"], waiting), daemon=True).start()
            put.append(waiting.put)
    bare = Bare(plan, put)
    bare.connect(plan["host"], plan["port"])
    await bare.joined.wait()
    if plan["stream"]:
        tasks.append(asyncio.create_task(relay(plan["stream"], bare)))
    print("ready", flush=True)
    await asyncio.gather(bare.disconnected, *tasks)


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
