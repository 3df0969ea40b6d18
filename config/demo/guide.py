"""What the demo tells whoever has started it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.demo.play import HELP
from config.demo.stage import PASSWORD, STAFF

if TYPE_CHECKING:
    from config.demo.stage import Stage


def guide(stage: Stage, *, terminal: bool) -> str:
    """Return how to join in, with an XMPP client, a browser, or right here."""
    login = stage.prosody.login("raj")
    people = "\n".join(f"  {stage.prosody.jid(name):<20} {what}" for name, what in STAFF.items())
    here = HELP if terminal else "Standard input is no terminal: this runs until SIGINT or SIGTERM."
    return f"""\
A private XMPP server, a sandbox Mastodon and the bridge are running. In an XMPP client:

  server       {login.host}, port {login.port} (set it by hand, the domain example.org isn't looked up)
  certificate  made by the demo itself: accept it, or trust {login.ca_file}
  rooms        {stage.ops}     a post waits 20 s for an undo
               {stage.oncall}  posts go out at once
  bot          {stage.bot.jid}

{people}
  The password of each is {PASSWORD!r}. In profanity, for instance:
  /connect raj@example.org server {login.host} port {login.port} tls trust

In the rooms say `!post Hello world`, `!send`, `!undo`, `!inbox`, `!r 2 Thank you`, `!panic`, `!resume`, `!help`; what
doesn't begin so is talk among colleagues and goes nowhere. In a direct chat with the bot bare words are a status:
`We are open`, `send`, `undo`, `help`.

  what the world sees   {stage.page_url}
  the bridge's health   {stage.health_url}
  its configuration     {stage.bridge.config}
  its log               {stage.bridge.log_path}

All of it is gone when this ends (Ctrl-C).

{here}
"""
