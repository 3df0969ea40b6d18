"""Ten slips of tired people, with a real client on a real server: the bot asks, or says nothing, and nothing goes out.

Run with `-s` it prints what was said.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.servers import gestures
from tests.servers.person import Person
from tests.servers.prosody import Prosody
from tests.servers.scene import Scene, mastodon_account
from tests.servers.sink import Sink

pytestmark = [pytest.mark.live, pytest.mark.timeout(120)]

NOTHING = "Nothing was posted."
LOG = """2026-11-27 03:12:44 ERROR auth: token check failed for 1204 users
!post this line is part of a log
post and so is this one
status: down
Traceback (most recent call last):"""


@pytest.fixture
def made(prosody: Prosody, sink: Sink, new_name: Callable[[str], str], tmp_path: Path) -> Callable[..., Scene]:
    """Make a scene in which whatever goes out is on the platform at once."""

    def make(mode: str = "guarded", **room_table: str) -> Scene:
        return Scene(
            server=prosody,
            new_name=new_name,
            folder=tmp_path,
            accounts={"mastodon": mastodon_account(sink.base_url, sink.token, settle_after="0s")},
            overrides={"posting": {"hold": "0s", "mode": mode}},
            room_table=room_table,
            raj_roles=["staff"],
        )

    return make


@pytest.fixture
async def scene(made: Callable[..., Scene]) -> AsyncIterator[Scene]:
    async with made() as scene:
        yield scene


class Ear:
    """What one person says, and what the bot answers until it has worked off what was said."""

    def __init__(self, scene: Scene, sink: Sink, person: Person) -> None:
        self._scene = scene
        self._sink = sink
        self._person = person

    async def after(self, where: str, text: str) -> list[str]:
        """Say something, and return what the bot says to it."""
        mark = self._person.mark()
        await self._speak(where, text)
        print(f"\n{self._person.nick.split('-')[0]}: {text}")
        return await self.answers(where, mark)

    async def answers(self, where: str, mark: int) -> list[str]:
        """Return what the bot said there since then; AssertionError if anything went out."""
        await self._speak(where, "!help undo" if where == self._scene.room else "help undo")
        end = await self._person.hears("^`!?undo", where=where, after=mark)
        said = self._person.heard(where, after=mark)
        bodies = [
            heard.body
            for heard in said[: said.index(end)]
            if heard.nick in {"", "status"} and not heard.body.startswith("Welcome, ")
        ]
        for body in bodies or ["(nothing)"]:
            print(f"bot: {body}")
        assert [attempt for attempt in self._sink.attempts if attempt.posts] == []
        return bodies

    async def _speak(self, where: str, text: str) -> None:
        await (self._person.say(where, text) if where == self._scene.room else self._person.tell(where, text))


async def test_in_a_direct_chat(scene: Scene, sink: Sink) -> None:
    bot, raj = scene.bot.jid, Ear(scene, sink, scene.raj)
    asked = f'[{{id}}] Post "{{text}}" as a status (`send`), or did you mean {{verb}}? {NOTHING}'

    # 1. A verb that misses what it is about.
    (said,) = await raj.after(bot, "fav")
    assert said.startswith(asked.format(id="1", text="fav", verb="`fav ID`"))
    # 2. A letter in the wrong place.
    (said,) = await raj.after(bot, "resovle api")
    assert said.startswith(asked.format(id="2", text="resovle api", verb="`resolve TEXT`"))
    # 3. A verb of another bot, for somebody whom nobody knows.
    (said,) = await raj.after(bot, "d bob")
    assert said.startswith(asked.format(id="3", text="d bob", verb="`d @NICK TEXT`"))
    # 4. A sentence whose first word is a verb.
    (said,) = await raj.after(bot, "Login is slow for EU users")
    assert said.startswith(asked.format(id="4", text="Login is slow for EU users", verb="`login ACCOUNT`"))
    # 5. What the bot has shown, pasted into the wrong window: a customer's words.
    await sink.is_listened_to()
    sink.mention("still locked out, my number is 555-0100")
    shown = await scene.raj.hears("still locked out", where=scene.room)
    *_, said = await raj.after(bot, shown.body)  # its address of a private network is asked about as well
    assert said.startswith("[6] Post ")
    assert said.endswith(f"{NOTHING} It begins with `[5]`, as my own lines do.")


async def test_in_the_room(scene: Scene, sink: Sink) -> None:
    raj = Ear(scene, sink, scene.raj)
    # 6. A log of many lines, some of which look like commands.
    assert await raj.after(scene.room, LOG) == []
    # 7. Talk that begins with a verb, and a verb that is not at the beginning.
    assert await raj.after(scene.room, "post mortem at ten? undo the deploy first") == []
    assert await raj.after(scene.room, "as I said: !post We are back") == []


async def test_what_was_meant_for_another_window(made: Callable[..., Scene], sink: Sink) -> None:
    async with made("strict") as scene:
        ana = Ear(scene, sink, scene.ana)
        # 8. Where only `post` publishes, nothing else does, whatever is said before it.
        for text in ("did you see her face in the meeting", "\\did you see her face in the meeting", "posst lunch?"):
            (said,) = await ana.after(scene.bot.jid, text)
            assert "In this chat only `post TEXT` publishes." in said
            assert said.endswith(NOTHING)


async def test_what_others_say_in_ones_name(
    made: Callable[..., Scene], sink: Sink, prosody: Prosody, new_name: Callable[[str], str]
) -> None:
    async with made(member_role="none") as scene, Person.of(prosody.add_user(new_name("eve"))) as eve:
        ana = Ear(scene, sink, scene.ana)
        talk = await scene.raj.say(scene.room, "is it the cache again?")
        # 9. Somebody without a role speaks under a name like raj's, and gives raj's words another meaning.
        await scene.ana.affiliate(scene.room, eve.jid, "member")
        await eve.join(scene.room, "raj the second")
        mark = scene.ana.mark()
        await eve.say(scene.room, "!post hacked")
        gestures.forge(eve, scene.room, talk, "!post hacked", room=True)
        print("\nraj the second (eve): !post hacked")
        (said,) = await ana.answers(scene.room, mark)
        assert said == f"raj the second: you have no role here, so I can't do that: ask an admin. {NOTHING}"
        # 10. Talk that its author corrects into a command, by the id of a message that the bot has passed over.
        mark = scene.ana.mark()
        gestures.forge(scene.raj, scene.room, talk, "!post We are back", room=True)
        print("\nraj (corrects his talk): !post We are back")
        assert await ana.answers(scene.room, mark) == []
