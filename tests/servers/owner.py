"""What an owner of a room does to it and to others, and what anybody may read of its archive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slixmpp import JID

from tests.servers.watch import PATIENCE

if TYPE_CHECKING:
    from tests.servers.person import Person


async def kick(person: Person, room: str, nick: str, reason: str = "") -> None:
    """Put an occupant out of the room."""
    muc: Any = person.client.plugin["xep_0045"]
    await muc.set_role(JID(room), nick, "none", reason=reason, timeout=PATIENCE)


async def destroy(person: Person, room: str, reason: str = "") -> None:
    """End the room for everybody."""
    muc: Any = person.client.plugin["xep_0045"]
    await muc.destroy(JID(room), reason=reason, timeout=PATIENCE)


def invite(person: Person, jid: str, room: str) -> None:
    """Ask somebody into a room, directly (XEP-0249)."""
    _plugin(person, "xep_0249").send_invitation(JID(jid), JID(room))


async def archived(person: Person, room: str) -> list[str]:
    """Return the bodies that the room's archive (XEP-0313) holds, oldest first."""
    bodies: list[str] = []
    async for result in _plugin(person, "xep_0313").iterate(jid=JID(room), rsm={"max": 100}):
        body = result["mam_result"]["forwarded"]["stanza"]["body"]
        if body:
            bodies.append(body)
    return bodies


def _plugin(person: Person, name: str) -> Any:
    if name not in person.client.plugin:
        person.client.register_plugin(name)
    return person.client.plugin[name]
