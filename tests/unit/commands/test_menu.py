"""The menu is the table of verbs: what is offered, what each asks for, and the line that comes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.commands.grammar import parse
from bridge.commands.lines import Command, Line
from bridge.commands.menu import ALSO, Entry, UnfitError, entries, offered
from bridge.commands.verbs import DIRECT_ONLY, VERBS, Kind, find
from bridge.domain.ids import EntryId
from bridge.domain.people import Place, Role
from bridge.domain.templates import Template

ACCOUNTS = ("mastodon", "x")
FILLED = {
    "account": "x",
    "jid": "raj@example.org",
    "duration": "10s",
    "role": "approver",
    "id": "4f",
    "verb": "undo",
    "zone": "Europe/Berlin",
    "nick": "@kim",
}
EVERY = entries(replace(verb, built=True) for verb in VERBS)
"""The menu as it will be when every verb is built."""


class Everything:
    def account(self, name: str) -> bool:
        return name in ACCOUNTS

    def entry(self, entry: EntryId) -> bool:
        return bool(entry)

    def nick(self, name: str) -> bool:
        return bool(name)

    def template(self, name: str) -> Template | None:
        return Template("We are sorry.") if name else None


def verb(name: str) -> Entry:
    return EVERY[name]


def lines(menu: dict[str, Entry]) -> list[str]:
    ways = [way for entry in menu.values() for way in entry.ways.values()]
    return [way.line(way.fields(ACCOUNTS), FILLED) for way in ways]


def test_administration_is_offered_as_soon_as_it_is_built_and_a_few_others() -> None:
    administration = {verb.name for verb in VERBS if verb.built and verb.places == DIRECT_ONLY}
    assert {"account"} <= administration
    assert set(entries()) == administration | ALSO | {"plugin"}
    unbuilt = entries(replace(verb, built=False) for verb in VERBS)
    assert unbuilt == {}


def test_whatever_comes_to_be_built_nothing_that_publishes_is_offered() -> None:
    assert {entry.verb.area for entry in EVERY.values()} == {"admin", "policy", "answers", "always"}
    assert not any(entry.verb.prefix for entry in EVERY.values())
    kinds = {arg.kind for entry in EVERY.values() for way in entry.ways.values() for arg in way.args}
    assert not kinds & {Kind.TEXT, Kind.ITEM, Kind.TITLE, Kind.WARNING, Kind.LINK}


@pytest.mark.parametrize(
    ("role", "sees"),
    [
        (Role.NONE, {"help", "me"}),
        (Role.STAFF, {"help", "me", "set", "panic", "inbox"}),
        (Role.APPROVER, {"help", "me", "set", "panic", "inbox", "resume", "audit"}),
        (Role.ADMIN, set(EVERY)),
    ],
)
def test_each_role_is_offered_what_it_may_say(role: Role, sees: set[str]) -> None:
    assert {entry.name for entry in offered(EVERY, role)} == sees


def test_a_verb_with_several_choices_has_a_way_for_each() -> None:
    assert set(verb("account").ways) >= {"list", "info", "enable", "disable", "check"}
    assert verb("account").only is None
    assert set(verb("role").ways) == {"grant", "revoke"}
    assert set(verb("set").ways) == {"hold", "zone"}
    assert verb("health").only is not None


def test_each_argument_is_a_field_of_its_kind() -> None:
    (account,) = verb("account").ways["info"].fields(ACCOUNTS)
    assert (account.name, account.options, account.required) == ("account", ACCOUNTS, True)
    role, jid = verb("role").ways["grant"].fields(ACCOUNTS)
    assert (role.name, role.options, role.label) == ("role", ("staff", "approver", "admin"), "The role")
    assert (jid.name, jid.kind, jid.label) == ("jid", Kind.JID, "An address, such as raj@example.org")
    (length,) = verb("set").ways["hold"].fields(ACCOUNTS)
    assert (length.name, length.options, length.label) == ("duration", (), "A length of time, such as 30m")
    (topic,) = verb("help").ways["help"].fields(ACCOUNTS)
    assert (topic.name, topic.required, topic.options[:2]) == ("verb", False, ("all", "post"))
    assert verb("panic").ways["panic"].fields(ACCOUNTS) == ()
    link = find("link")
    assert link is not None
    menu = entries([replace(link, built=True, places=DIRECT_ONLY)])
    assert [field.name for field in menu["link"].ways["link"].fields(())] == ["nick", "nick-2"]


def test_what_is_filled_in_becomes_the_line_that_one_would_type() -> None:
    assert {
        "!account list",
        "!plugin list",
        "!account info x",
        "!set hold 10s",
        "!set zone Europe/Berlin",
        "!panic",
        "!resume",
        "!me",
        "!inbox",
        "!help undo",
        "!role grant approver raj@example.org",
        "!reload",
        "!audit 4f",
    } <= set(lines(EVERY))
    help_ = verb("help").ways["help"]
    assert help_.line(help_.fields(()), {"verb": " "}) == "!help"


def test_every_line_of_the_menu_is_the_command_of_its_verb() -> None:
    for entry in EVERY.values():
        for line in lines({entry.name: entry}):
            outcome = parse(Line(text=line, place=Place.DIRECT), Everything())
            assert isinstance(outcome, Command), line
            assert outcome.verb == entry.verb.name
            assert outcome.said == entry.name


@pytest.mark.parametrize(
    ("name", "way", "values", "words"),
    [
        ("account", "info", {}, "The field account is missing."),
        ("account", "info", {"account": "  "}, "The field account is missing."),
        ("account", "info", {"account": "Mastodon"}, "The field account takes none but its options."),
        ("account", "info", {"account": "x\npost hello"}, "The field account takes none but its options."),
        ("set", "hold", {"duration": "10s post hello"}, "The field duration takes one word."),
        ("set", "hold", {"duration": "10s\u2028post"}, "The field duration takes one word."),
        ("set", "hold", {"duration": "10\u200bs"}, "The field duration takes one word."),
        ("role", "grant", {"role": "owner", "jid": "raj@example.org"}, "The field role takes none but its options."),
        ("role", "grant", {"role": "staff"}, "The field jid is missing."),
        ("help", "help", {"verb": "nonsense"}, "The field verb takes none but its options."),
    ],
)
def test_what_does_not_fit_is_refused_without_being_repeated(
    name: str, way: str, values: dict[str, str], words: str
) -> None:
    one = verb(name).ways[way]
    with pytest.raises(UnfitError) as error:
        one.line(one.fields(ACCOUNTS), values)
    assert str(error.value) == words


def test_without_accounts_the_name_is_free_and_the_desk_judges_it() -> None:
    way = verb("account").ways["info"]
    assert way.line(way.fields(()), {"account": "mastodon"}) == "!account info mastodon"


def test_of_two_forms_with_the_same_words_the_first_counts() -> None:
    account = find("account")
    assert account is not None
    doubled = replace(account, built=True, forms=(account.forms[-1], *account.forms))
    assert next(iter(entries([doubled])["account"].ways)) == "list"
