"""The whole configuration, and what the rest of the program asks it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field, PrivateAttr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bridge.domain.people import Place, Role, Target
from bridge.domain.templates import Template
from bridge.settings.errors import Where, key_path
from bridge.settings.kinds import GrantedRole
from bridge.settings.models import (
    AccountSettings,
    BareJid,
    LimitSettings,
    PostingSettings,
    RoomSettings,
    StoreSettings,
    TemplateName,
    TemplateText,
    WebSettings,
    XmppSettings,
    secret_texts,
)
from bridge.settings.policy import doubts, rules_for
from bridge.settings.rules import PolicySettings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta

    from bridge.domain.policy import Rules


class Settings(BaseSettings):
    """The configuration, complete and consistent. `load` makes it; it never changes."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        env_prefix="STATUSBRIDGE_",
        env_nested_delimiter="__",
        env_ignore_empty=True,
    )

    xmpp: XmppSettings
    store: StoreSettings = Field(default_factory=StoreSettings)
    posting: PostingSettings = Field(default_factory=PostingSettings)
    limits: LimitSettings = Field(default_factory=LimitSettings)
    policy: PolicySettings = Field(default_factory=PolicySettings)
    rooms: tuple[RoomSettings, ...] = ()
    people: dict[BareJid, tuple[GrantedRole, ...]] = Field(
        default_factory=dict[str, tuple[Role, ...]],
        description="Who may do what, in rooms and in direct chats: staff, approver or admin.",
    )
    accounts: dict[str, AccountSettings] = Field(default_factory=dict[str, AccountSettings])
    templates: dict[TemplateName, TemplateText] = Field(
        default_factory=dict[str, str],
        description="Texts for `say NAME WORDS`: {1}, {2} and so on are places for words, the last for all the rest.",
    )
    web: WebSettings | None = None
    _where: Where | None = PrivateAttr(default=None)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what `load` merged and nothing else: it alone knows which source a mistake came from."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    def located(self, where: Where) -> Self:
        """Return the same settings, knowing which source each key came from."""
        copy = self.model_copy()
        copy._where = where  # noqa: SLF001 - our own kind
        return copy

    def place(self, *loc: int | str) -> str:
        """Name a key as an error should: `config.toml: web.listen`, or the variable that gave it."""
        return (self._where or key_path)(loc)

    def room(self, jid: str) -> RoomSettings | None:
        """Return a room's table by its bare JID."""
        return next((room for room in self.rooms if room.jid == jid), None)

    def template(self, name: str) -> Template | None:
        """Return a template by its name."""
        text = self.templates.get(name)
        return None if text is None else Template(text)

    def enabled(self) -> tuple[str, ...]:
        """Return the accounts that the file enables, in its order."""
        return tuple(name for name, account in self.accounts.items() if account.enabled)

    def granted(self, jid: str) -> Role:
        """Return the role that [people] gives to a bare JID; what counts is in `bridge.commands.people`."""
        return max(self.people.get(jid, ()), default=Role.NONE)

    def admins(self) -> tuple[str, ...]:
        """Return the bare JIDs of the admins by [people] alone, in the file's order."""
        return tuple(jid for jid in self.people if self.granted(jid) is Role.ADMIN)

    def accounts_for(self, source: Target) -> tuple[str, ...]:
        """Return the accounts that a post from this conversation goes to, unless it names some; enabled ones only."""
        enabled = self.enabled()
        if source.place is Place.DIRECT:
            wanted = self.posting.post_to
        else:
            room = self.room(source.jid)
            if room is None:
                return ()
            wanted = room.post_to
        return enabled if wanted is None else tuple(name for name in wanted if name in enabled)

    def rooms_hearing(self, account: str, *, private: bool) -> tuple[str, ...]:
        """Return the rooms that an account's items come to; private ones only where the room may hear them."""
        return tuple(
            room.jid
            for room in self.rooms
            if (room.hear_from is None or account in room.hear_from) and (room.hear_private or not private)
        )

    def rooms_using(self, account: str) -> tuple[str, ...]:
        """Return the rooms that post to an account, or hear it."""
        return tuple(room.jid for room in self.rooms if _uses(room, account))

    def hold_for(self, source: Target) -> timedelta:
        """Return the undo window of posts from a conversation."""
        room = self.room(source.jid) if source.place is Place.ROOM else None
        return self.posting.hold if room is None or room.hold is None else room.hold

    def rules_for(self, source: Target, accounts: Iterable[str]) -> tuple[Rules, ...]:
        """Return the rules for what is written in a conversation and goes to some accounts."""
        return rules_for(self, source, accounts)

    def secrets(self) -> tuple[str, ...]:
        """Return every text that must never be shown, as far as the core can tell, for the redaction of logs."""
        found = [self.xmpp.password.get_secret_value()]
        if self.store.password:
            found.append(self.store.password)
        for account in self.accounts.values():
            found += secret_texts(account.own)
        return tuple(dict.fromkeys(found))

    def warnings(self) -> tuple[str, ...]:
        """Return what is allowed and yet probably not meant, one sentence each."""
        found: list[str] = []
        if not self.people:
            found.append("[people] is empty: only members of rooms with a member_role can use the bot")
        elif not self.admins():
            found.append("[people] names no admin: nobody will be told of trouble outside the rooms")
        if not self.rooms:
            found.append("no [[rooms]]: the bot will only be in direct chats")
        if not self.enabled():
            found.append("no account is enabled: nothing can be published")
        return (*found, *doubts(self))


def _uses(room: RoomSettings, account: str) -> bool:
    return any(names is None or account in names for names in (room.post_to, room.hear_from))
