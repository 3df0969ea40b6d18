"""What one key alone can't tell: names that must exist, things that must be there once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from bridge.domain.jids import bare_jid
from bridge.settings.errors import Loc, Where, listed, nearest
from bridge.settings.models import ACCOUNT_NAME, RESERVED_NAMES, PostingSettings, RoomSettings
from bridge.settings.root import Settings
from bridge.settings.rules import PolicySettings, RuleSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

M = TypeVar("M", bound=BaseModel)


def cross_check(data: Mapping[str, Any], where: Where) -> list[str]:
    """Return a line for each contradiction between keys, as far as the tables can be read at all."""
    rooms = {
        index: room
        for index, raw in enumerate(_items(data.get("rooms")))
        if (room := _valid(RoomSettings, raw)) is not None
    }
    posting = _valid(PostingSettings, data.get("posting", {}))
    rules = _rules(data)
    return [
        *_account_names(data, where),
        *_named_accounts(data, rooms, posting, rules, where),
        *_twice(data, rooms, where),
        *_holds(rooms, posting, where),
    ]


def _account_names(data: Mapping[str, Any], where: Where) -> Iterator[str]:
    for name in _table(data.get("accounts")):
        if name in RESERVED_NAMES:
            yield f"{where(('accounts', name))}: this name is reserved; choose another"
        elif not ACCOUNT_NAME.match(name) or "__" in name:
            yield (
                f"{where(('accounts', name))}: an account's name is at most 32 small letters, digits, - and _, "
                "begins with a letter or digit, and has no __"
            )


def _named_accounts(
    data: Mapping[str, Any],
    rooms: Mapping[int, RoomSettings],
    posting: PostingSettings | None,
    rules: Mapping[Loc, RuleSettings],
    where: Where,
) -> Iterator[str]:
    if any(nearest(key, ["accounts"]) for key in data if key not in Settings.model_fields):
        return
    names = tuple(_table(data.get("accounts")))
    lists: list[tuple[Loc, Sequence[str] | None]] = []
    if posting is not None:
        lists.append((("posting", "post_to"), posting.post_to))
    for index, room in rooms.items():
        lists += [(("rooms", index, "post_to"), room.post_to), (("rooms", index, "hear_from"), room.hear_from)]
    for loc, table in rules.items():
        lists += [((*loc, "approval", index, "accounts"), one.accounts) for index, one in enumerate(table.approval)]
    for loc, wanted in lists:
        for name in dict.fromkeys(wanted or ()):
            if name not in names:
                yield f"{where(loc)}: {_no_account(name, names)}"
        if wanted and len(set(wanted)) < len(wanted):
            yield f"{where(loc)}: names an account twice"


def _rules(data: Mapping[str, Any]) -> Mapping[Loc, RuleSettings]:
    """Return the tables of rules that can be read, by where they stand."""
    found: dict[Loc, RuleSettings | None] = {("policy",): _valid(PolicySettings, data.get("policy", {}))}
    for index, room in enumerate(_items(data.get("rooms"))):
        found["rooms", index, "policy"] = _valid(RuleSettings, _table(room).get("policy", {}))
    for name, account in _table(data.get("accounts")).items():
        found["accounts", name, "policy"] = _valid(RuleSettings, _table(account).get("policy", {}))
    return {loc: table for loc, table in found.items() if table is not None}


def _no_account(name: str, names: Sequence[str]) -> str:
    shown = f'no account is called "{name}"' if ACCOUNT_NAME.match(name) else "names an account that doesn't exist"
    return f"{shown}; accounts are: {listed(names)}" if names else f"{shown}; there are no accounts"


def _twice(data: Mapping[str, Any], rooms: Mapping[int, RoomSettings], where: Where) -> Iterator[str]:
    first: dict[str, int] = {}
    for index, room in rooms.items():
        if room.jid in first:
            yield f"{where(('rooms', index, 'jid'))}: the same room as rooms[{first[room.jid]}]"
        first.setdefault(room.jid, index)
    people: dict[str, str] = {}
    for written in _table(data.get("people")):
        try:
            jid = bare_jid(written)
        except ValueError:
            continue
        if jid in people:
            yield f'{where(("people", written))}: the same person as "{people[jid]}"'
        people.setdefault(jid, written)
    xmpp = _table(data.get("xmpp")).get("jid")
    if isinstance(xmpp, str) and xmpp.strip().casefold() in people:
        yield f"{where(('people', people[xmpp.strip().casefold()]))}: is the bot itself, which can't have a role"


def _holds(rooms: Mapping[int, RoomSettings], posting: PostingSettings | None, where: Where) -> Iterator[str]:
    if posting is None:
        return
    if posting.hold >= posting.max_age:
        yield f"{where(('posting', 'hold'))}: must be shorter than max_age"
    for index, room in rooms.items():
        if room.hold is not None and room.hold >= posting.max_age:
            yield f"{where(('rooms', index, 'hold'))}: must be shorter than posting.max_age"


def _valid(model: type[M], raw: object) -> M | None:
    try:
        return model.model_validate(raw)
    except ValidationError:
        return None


def _table(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _items(value: object) -> Sequence[object]:
    return cast("Sequence[object]", value) if isinstance(value, list | tuple) else ()
