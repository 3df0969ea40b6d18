"""The public side as a page: what the shop and its customers have said on the sandbox Mastodon."""

from __future__ import annotations

import html
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

from tests.servers.ports import HOST

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.servers.mastodon import MastodonMock, Toot

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="2"><style>
body {{ font: 1rem/1.5 sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem; color: #222 }}
article {{ border-top: 1px solid #ccc; padding: .75rem 0; overflow-wrap: anywhere }}
article.answer {{ margin-left: 2rem }}
p {{ margin: 0; white-space: pre-wrap }} a {{ color: #0b57a4 }}
</style></head><body><h1>{title}</h1>
{body}
</body></html>
"""


async def public(mastodon: MastodonMock) -> list[Toot]:
    """Return what everybody has posted and not deleted, oldest first."""
    toots = [toot for account in mastodon.accounts for toot in await mastodon.statuses(account)]
    return sorted(toots, key=lambda toot: int(toot.id))


@asynccontextmanager
async def serve_page(mastodon: MastodonMock, port: int) -> AsyncGenerator[None]:
    """Serve until the end of the block: `/` shows everything, `/@NAME/ID` one status and what belongs to it."""

    async def everything(_: web.Request) -> web.Response:
        toots = await public(mastodon)
        return _answer("What the world sees", toots[::-1] if toots else [])

    async def one(request: web.Request) -> web.Response:
        wanted = request.match_info["id"]
        toots = await public(mastodon)
        toot = next((toot for toot in toots if toot.id == wanted), None)
        if toot is None:
            return _answer("There is no such status (any more)", [], status=404)
        above = [other for other in toots if other.id == toot.in_reply_to]
        below = [other for other in toots if other.in_reply_to == toot.id]
        return _answer(f"@{toot.account}", [*above, toot, *below])

    app = web.Application()
    app.router.add_get("/", everything)
    app.router.add_get("/@{account}/{id}", one)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port).start()
        yield
    finally:
        await runner.cleanup()


def _answer(title: str, toots: list[Toot], *, status: int = 200) -> web.Response:
    body = "\n".join(map(_article, toots)) or "<p>Nothing yet.</p>"
    text = _PAGE.format(title=html.escape(title), body=body)
    return web.Response(text=text, status=status, content_type="text/html", headers={"Cache-Control": "no-store"})


def _article(toot: Toot) -> str:
    kind = ' class="answer"' if toot.in_reply_to else ""
    link = f'<a href="/@{html.escape(toot.account)}/{html.escape(toot.id)}">link</a>'
    who = f"<strong>@{html.escape(toot.account)}</strong> ({html.escape(toot.visibility)}, {link})"
    return f"<article{kind}>{who}<p>{html.escape(toot.text)}</p></article>"
