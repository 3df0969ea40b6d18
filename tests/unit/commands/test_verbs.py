from __future__ import annotations

import pytest

from bridge.commands.verbs import NAMES, NEEDED, VERBS, Verb, find
from bridge.domain.people import Place, Role

LANGUAGE = """
    post send undo edit repeat rt fav alt retry found drop to cw visibility preview
    at queue move
    status? status open update resolve maint next
    inbox r reply say d claim release assign note done snooze context url whois tag mute link forget follow unfollow
    on off track untrack tracks last stats report
    approve reject role roles audit panic resume
    account plugin login logout health reload drill
    set help me
"""
BUILT = """
    post to cw visibility preview send undo edit repeat fav alt retry found drop at queue move inbox r say claim release
    done note context url account health reload last stats set audit panic resume approve reject help me role roles
    forget
"""


def test_every_verb_of_the_language_is_there() -> None:
    assert frozenset(LANGUAGE.split()) == NAMES
    assert len(LANGUAGE.split()) == len(NAMES)


def test_what_is_built_says_so() -> None:
    assert {verb.name for verb in VERBS if verb.built} == set(BUILT.split())


def test_aliases_and_case_are_found() -> None:
    pairs = {"RT": "repeat", "reply": "r", "Plugin": "account", "PoSt": "post"}
    assert {word: verb.name for word in pairs if (verb := find(word))} == pairs
    assert find("nope") is None


@pytest.mark.parametrize("role", list(Role))
def test_help_knows_what_each_role_needs(role: Role) -> None:
    assert len(NEEDED[role]) == (2 if role is Role.NONE else 7)
    assert all(verb.built and verb.role <= role for verb in NEEDED[role])


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_every_verb_explains_itself_in_one_line(verb: Verb) -> None:
    assert verb.help
    assert "\n" not in verb.help
    assert len(verb.help) < 80
    assert all(usage.split()[0] == verb.name for usage in verb.usages)
    assert verb.usage == verb.usages[0]


def test_forms_are_as_the_language_writes_them() -> None:
    usages = {verb.name: verb.usages for verb in VERBS}
    assert usages["found"] == ("found ID [LINK]",)
    assert usages["r"] == ("r ID TEXT",)
    assert usages["to"] == ("to ACCOUNTS post TEXT",)
    assert usages["account"] == ("account info|enable|disable|check ACCOUNT", "account list")
    assert usages["status"] == ("status COMPONENT operational|degraded|partial|major",)
    assert usages["update"] == ("update [STATE] TEXT",)
    assert usages["help"] == ("help [VERB|all]",)


def test_roles_and_places() -> None:
    direct = {verb.name for verb in VERBS if Place.ROOM not in verb.places}
    assert direct == {"role", "roles", "audit", "account", "login", "logout", "health", "reload", "drill", "forget"}
    assert all(Place.DIRECT in verb.places for verb in VERBS)
    assert {verb.name for verb in VERBS if verb.role is Role.NONE} == {"help", "me"}
    assert {verb.name for verb in VERBS if verb.role is Role.APPROVER} == {"approve", "reject", "audit", "resume"}
    assert {verb.name for verb in VERBS if verb.role is Role.ADMIN} == direct - {"audit"}
