"""What was said in one conversation, in order, to be printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.servers.heard import Heard
    from tests.servers.person import Person


class Session:
    """What was said in one conversation, as one person saw it."""

    def __init__(self, person: Person, where: str, *others: Person) -> None:
        self.person = person
        self.where = where
        self._names = {one.jid: one.nick.partition("-")[0] for one in (person, *others)}
        self._own: list[tuple[int, str]] = []

    async def tell(self, text: str) -> None:
        """Say something in the direct chat, which shows nobody their own words."""
        self._own.append((self.person.mark(), text))
        await self.person.tell(self.where, text)

    def print(self, title: str) -> None:
        print(f"\n-- {title}")
        for at, heard in enumerate([*self.person.inbox, None]):
            for text in (text for mark, text in self._own if mark == at):
                print(f"me: {text}")
            if heard is not None and heard.where == self.where:
                print(self._line(heard))

    def _line(self, heard: Heard) -> str:
        name = "bot" if heard.nick in {"", "status"} else self._names.get(heard.sender or "", heard.nick)
        return f"{name}: {'(corrected) ' if heard.replaces else ''}{heard.body}"
