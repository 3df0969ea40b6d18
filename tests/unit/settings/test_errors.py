from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Causes = Callable[..., tuple[str, ...]]

ROOM = '[[rooms]]\njid = "ops@rooms.example.org"\n'
ACCOUNT = '[accounts.one]\nplugin = "fake"\n'
DURATION = 'must be a length of time, as "20s", "2m30s", "1h" or "500ms"'
NOT_A_LIST = 'must be a list, as ["a", "b"]'


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "xmpp: is missing"),
        ("[xmpp]\npassword = 'x'", "xmpp.jid: is missing"),
        ("[xmpp]\njid = 'a@b'", "xmpp.password: is missing"),
        ("[xmp]\njid = 'a@b'\npassword = 'x'", "xmp: unknown key; did you mean [xmpp]?"),
        ("[xmpp]\njid = 'a@b'\npasword = 'x'", "xmpp.pasword: unknown key; did you mean password?"),
        ("[xmpp]\njid = 'a@b'\nsecret = 'x'", "xmpp.secret: unknown key; did you mean password?"),
        ("[xmpp]\nJID = 'a@b'\npassword = 'x'", "xmpp.JID: unknown key; did you mean jid?"),
        (
            "[xmpp]\njid = 'a@b/c'\npassword = 'x'",
            "xmpp.jid: must have no resource: leave out the slash and what follows it",
        ),
        ("[xmpp]\njid = 'a@b'\npassword = ''", "xmpp.password: must not be empty"),
        ("[xmpp]\njid = 'a@b'\npassword = 12", "xmpp.password: must be text in quotes"),
    ],
)
def test_one_line_about_xmpp(causes: Causes, text: str, cause: str) -> None:
    assert causes(text) == (f"config.toml: {cause}",)


@pytest.mark.parametrize(
    ("table", "cause"),
    [
        ("port = 'x'", "xmpp.port: must be a whole number"),
        ("port = 70000", "xmpp.port: must be at most 65535"),
        ("port = 0", "xmpp.port: must be at least 1"),
        ("nick = ''", "xmpp.nick: must be a name of 1 to 64 printable characters, without a slash"),
        ("hots = 'x'", "xmpp.hots: unknown key; did you mean host?"),
        (
            "zzz = 'x'",
            "xmpp.zzz: unknown key; there are: ca_file, host, jid, nick, password, port, resource, upload_host",
        ),
        ("[stroe]", "stroe: unknown key; did you mean [store]?"),
        (
            "[qqqq]",
            (
                "qqqq: unknown key; there are: accounts, limits, people, policy, posting, rooms, store, templates, "
                "web, xmpp"
            ),
        ),
        ("[policy]\nlink = ['x']", "policy.link: unknown key; did you mean links?"),
        ("[policy]\nquiet_hours = 'late'", 'policy.quiet_hours: must be hours of the day, as "22:00-06:00"'),
        ("[policy]\nzone = 'Mars'", "policy.zone: there is no such time zone; zones are written as Europe/Berlin"),
        ("[policy]\nmentions = -1", "policy.mentions: must be at least 0"),
        ("[policy]\napproval_expires = '1s'", "policy.approval_expires: must be between 1m and 30d"),
        (
            "[policy]\nlinks = ['https://a.example']",
            'policy.links[0]: must be the name of a host, as "example.org", without a scheme, port or path',
        ),
        ("[policy.forbidden]\nprices = '(a'", "policy.forbidden.prices: is no pattern: missing )"),
        (
            "[policy.forbidden]\nprices = '(a+)+b'",
            "policy.forbidden.prices: has a repetition inside a repetition, as (a+)+ has: that can take for ever",
        ),
        (
            "[policy.required]\n'the page' = '(a|aa)+$'",
            (
                'policy.required."the page": takes too long on some texts: have fewer repetitions that can match '
                "the same"
            ),
        ),
        (
            "[[policy.approval]]\naccounts = ['one']",
            'policy.approval[0].accounts: no account is called "one"; there are no accounts',
        ),
        (
            "[[policy.approval]]\nroles = ['boss']",
            "policy.approval[0].roles[0]: no such role; the roles are: none, staff, approver, admin",
        ),
        ("[[policy.approval]]\naccount = ['one']", "policy.approval[0].account: unknown key; did you mean accounts?"),
        (
            ROOM + "[[rooms.policy.approval]]\naccounts = ['one']",
            'rooms[0].policy.approval[0].accounts: no account is called "one"; there are no accounts',
        ),
        (ACCOUNT + "policy.linsk = ['x']", "accounts.one.policy.linsk: unknown key; did you mean links?"),
        ("[store]\nurl = 'mysql://u:p@h'", 'store.url: must begin with "sqlite:///" or "postgresql+psycopg://"'),
        ("[store]\nurl = 'sqlite://'", 'store.url: must name a file, as "sqlite:///var/statusbridge.db"'),
        ("[store]\nurl = 'sqlite:///:memory:'", 'store.url: must name a file, as "sqlite:///var/statusbridge.db"'),
        ("[posting]\nmode = 'guardd'", 'posting.mode: must be one of "open", "guarded" or "strict"'),
        ("[posting]\nhold = 'soon'", f"posting.hold: {DURATION}"),
        ("[posting]\nhold = '2h'", "posting.hold: must be between 0s and 1h"),
        ("[posting]\nhold = -1", "posting.hold: must not be negative"),
        ("[posting]\nhold = '1m'\nmax_age = '30s'", "posting.hold: must be shorter than max_age"),
        ("[posting]\nmax_age = 0", "posting.max_age: must be between 1s and 365d"),
        ("[posting]\nzone = 'Mars'", "posting.zone: there is no such time zone; zones are written as Europe/Berlin"),
        ("[posting]\npost_to = ['x']", 'posting.post_to: no account is called "x"; there are no accounts'),
        ("[posting]\npost_to = 'x'", f"posting.post_to: {NOT_A_LIST}"),
        ("[rooms]\njid = 'a@b'", "rooms: must be a list of tables: write [[rooms]], with double brackets"),
        ("[[rooms]]", "rooms[0].jid: is missing"),
        (
            ROOM + "member_role = 'boss'",
            "rooms[0].member_role: no such role; the roles are: none, staff, approver, admin",
        ),
        (ROOM + "reply_gesture = 'x'", 'rooms[0].reply_gesture: must be one of "ask", "answer" or "off"'),
        (ROOM + "hear_private = 'perhaps'", "rooms[0].hear_private: must be true or false"),
        (ROOM + "hold = '59m'\n[posting]\nmax_age='30m'", "rooms[0].hold: must be shorter than posting.max_age"),
        (ROOM + ROOM, "rooms[1].jid: the same room as rooms[0]"),
        (ROOM + "post_to = ['two']\n" + ACCOUNT, 'rooms[0].post_to: no account is called "two"; accounts are: one'),
        (ROOM + "hear_from = ['two']\n" + ACCOUNT, 'rooms[0].hear_from: no account is called "two"; accounts are: one'),
        (ROOM + "post_to = ['one', 'one']\n" + ACCOUNT, "rooms[0].post_to: names an account twice"),
        (ROOM + "post_to = ['one']\n[account.one]\nplugin = 'x'", "account: unknown key; did you mean [accounts]?"),
        (
            "[templates]\nsorry = 'We {x}'",
            (
                "templates.sorry: the brace at character 4 belongs to no place for a word: these are {1}, {2} and so "
                "on, and a brace itself is written twice"
            ),
        ),
        ("[templates]\nsorry = 'We {2}'", "templates.sorry: has the place {2}, but not {1}"),
        ("[templates]\nsorry = ''", "templates.sorry: must not be empty"),
        ("[templates]\nsorry = 5", "templates.sorry: must be text in quotes"),
        (
            "[templates]\n'So sorry' = 'We'",
            (
                'templates."So sorry": a template\'s name is at most 32 small letters, digits, - and _, and begins '
                "with a letter or digit"
            ),
        ),
        ("[people]\n'ana' = ['staff']", "people.ana: must be an XMPP address, as name@example.org"),
        (
            "[people]\n'ana@b/c' = ['staff']",
            'people."ana@b/c": must have no resource: leave out the slash and what follows it',
        ),
        ("[people]\n'ana@b' = 'staff'", f'people."ana@b": {NOT_A_LIST}'),
        (
            "[people]\n'ana@b' = ['boss']",
            'people."ana@b"[0]: no such role; the roles are: none, staff, approver, admin',
        ),
        (
            "[people]\n'ana@b' = ['none']",
            'people."ana@b"[0]: must be staff, approver or admin; whoever has no role is left out',
        ),
        ("[people]\n'ana@b' = ['staff']\n'Ana@b' = ['admin']", 'people."Ana@b": the same person as "ana@b"'),
        (
            "[people]\n'status@example.org' = ['staff']",
            'people."status@example.org": is the bot itself, which can\'t have a role',
        ),
        ("[accounts.one]\nplugn = 'x'", "accounts.one.plugn: unknown key; did you mean plugin?"),
        ("[accounts.one]\nbase = 'x'", "accounts.one.plugin: is missing"),
        ("[accounts]\none = 'x'", "accounts.one: must be a table"),
        (
            "[accounts.One]\nplugin = 'x'",
            (
                "accounts.One: an account's name is at most 32 small letters, digits, - and _, "
                "begins with a letter or digit, and has no __"
            ),
        ),
        ("[accounts.all]\nplugin = 'x'", "accounts.all: this name is reserved; choose another"),
        ("[accounts.one]\nplugin = 'x'\ndeadline = '0s'", "accounts.one.deadline: must be between 1ms and 10m"),
        ("[limits]\nperson = '20'", 'limits.person: must be how many within what time, as "20/1m", or "none"'),
        ("[limits]\nroom = '0/1m'", "limits.room: must be between 1 and 10000, within 1s to 1d"),
        ("[limits]\nposts = 7", 'limits.posts: must be how many within what time, as "20/1m", or "none"'),
        ("[web]\nlisten = '8080'", 'web.listen: must be an address and a port, as "127.0.0.1:8080" or "[::1]:8080"'),
        ("[web]\nlisten = '::1:80'", 'web.listen: must be an address and a port, as "127.0.0.1:8080" or "[::1]:8080"'),
        ("[web]\nlisten = 'a:65536'", 'web.listen: must be an address and a port, as "127.0.0.1:8080" or "[::1]:8080"'),
    ],
)
def test_one_line_about_anything_else(causes: Causes, good: str, table: str, cause: str) -> None:
    assert causes(f"{good}{table}\n") == (f"config.toml: {cause}",)


def test_several_causes_are_told_at_once(causes: Causes) -> None:
    assert causes(
        "[xmpp]\njid = 'a'\npasword = 'x'\n[posting]\nhold = 'x'\n[[rooms]]\njid = 'a@b'\npost_to = ['x']"
    ) == (
        "config.toml: xmpp.jid: must be an XMPP address, as name@example.org",
        "config.toml: xmpp.pasword: unknown key; did you mean password?",
        f"config.toml: posting.hold: {DURATION}",
        'config.toml: rooms[0].post_to: no account is called "x"; there are no accounts',
    )


def test_keys_that_the_library_would_take_for_its_own(causes: Causes, good: str) -> None:
    known = "accounts, limits, people, policy, posting, rooms, store, templates, web, xmpp"
    assert causes(f"_env_file = 'x'\n{good}") == (f"config.toml: _env_file: unknown key; there are: {known}",)


def test_a_key_with_control_characters_stays_one_line(causes: Causes, good: str) -> None:
    assert causes(f'{good}"a\\nb\\u001b" = 1') == (
        (
            'config.toml: xmpp."a?b?": unknown key; there are: ca_file, host, jid, nick, password, port, resource, '
            "upload_host"
        ),
    )


@pytest.mark.parametrize(
    ("environ", "cause"),
    [
        ({"STATUSBRIDGE_XMPP__PORT": "x"}, "environment: STATUSBRIDGE_XMPP__PORT: must be a whole number"),
        (
            {"STATUSBRIDGE_XMPP_PASSWORD": "x"},
            "environment: STATUSBRIDGE_XMPP_PASSWORD: unknown key; did you mean STATUSBRIDGE_XMPP__PASSWORD?",
        ),
        (
            {"STATUSBRIDGE_XMP__PASSWORD": "x"},
            "environment: STATUSBRIDGE_XMP__PASSWORD: unknown key; did you mean STATUSBRIDGE_XMPP__PASSWORD?",
        ),
        (
            {"STATUSBRIDGE_XMPP__PASWORD": "x"},
            "environment: STATUSBRIDGE_XMPP__PASWORD: unknown key; did you mean password?",
        ),
        (
            {"STATUSBRIDGE_QQQQ__X": "x"},
            (
                "environment: STATUSBRIDGE_QQQQ__X: unknown key; "
                "there are: accounts, limits, people, policy, posting, rooms, store, templates, web, xmpp"
            ),
        ),
        (
            {"STATUSBRIDGE_ROOMS": '[{"jid": "x"}]'},
            "environment: STATUSBRIDGE_ROOMS: rooms[0].jid: must be an XMPP address, as name@example.org",
        ),
        (
            {"STATUSBRIDGE_ROOMS": "[broken"},
            "environment: STATUSBRIDGE_ROOMS: must be a list of tables: write [[rooms]], with double brackets",
        ),
        (
            {"STATUSBRIDGE_POSTING__POST_TO": "one,two"},
            f"environment: STATUSBRIDGE_POSTING__POST_TO: {NOT_A_LIST}",
        ),
    ],
)
def test_variables(causes: Causes, good: str, environ: dict[str, str], cause: str) -> None:
    assert causes(good, environ) == (cause,)


def test_a_misspelt_variable_is_one_cause(causes: Causes) -> None:
    assert causes("[xmpp]\njid = 'a@b'", {"STATUSBRIDGE_XMPP_PASSWORD": "x"}) == (
        "environment: STATUSBRIDGE_XMPP_PASSWORD: unknown key; did you mean STATUSBRIDGE_XMPP__PASSWORD?",
    )
    assert causes("[xmpp]\njid = 'a@b'", {"STATUSBRIDGE_XMPP__PASWORD": "x"}) == (
        "environment: STATUSBRIDGE_XMPP__PASWORD: unknown key; did you mean password?",
    )


def test_variables_of_an_orchestrator_are_nobodys_mistake(read: Callable[..., object], good: str) -> None:
    read(
        good,
        {
            "STATUSBRIDGE_SERVICE_HOST": "10.0.0.1",
            "STATUSBRIDGE_PORT": "tcp://10.0.0.1:8080",
            "STATUSBRIDGE_PORT_8080_TCP_ADDR": "10.0.0.1",
            "STATUSBRIDGE_LOG_LEVEL": "debug",
            "STATUSBRIDGE_CONFIG": "x",
        },
    )


def test_secret_files(causes: Causes, good: str, tmp_path: Path) -> None:
    secrets = tmp_path / "s"
    secrets.mkdir()
    (secrets / "xmpp__port").write_text("x")
    assert causes(good, {}, secrets) == ("s/xmpp__port: must be a whole number",)
    (secrets / "xmpp__port").unlink()
    (secrets / "xmpp_password").write_text("x")
    assert causes(good, {}, secrets) == ("s/xmpp_password: unknown key; did you mean STATUSBRIDGE_XMPP__PASSWORD?",)
    (secrets / "xmpp_password").unlink()
    (secrets / "xmpp__password").write_bytes(b"\xff")
    assert causes(good, {}, secrets) == ("s/xmpp__password: is not UTF-8",)
    (secrets / "xmpp__password").write_bytes(b"x" * 65537)
    assert causes(good, {}, secrets) == ("s/xmpp__password: is too large for a secret",)
    (secrets / "xmpp__password").unlink()
    (secrets / "xmpp__password").symlink_to(tmp_path / "gone")
    assert causes(good, {}, secrets) == ("s/xmpp__password: can't be read: no such file or directory",)


SECRET = "hunter2-very-secret"

WRONG_PLACES = [
    "[xmpp]\njid = '{}'\npassword = 'x'",
    "[xmpp]\njid = 'a@b/{}'\npassword = 'x'",
    "[xmpp]\njid = 'a@b'\npassword = ['{}']",
    "[xmpp]\njid = 'a@b'\npassword = {{x = '{}'}}",
    "[xmpp]\njid = 'a@b'\npasword = '{}'",
    "[xmpp]\njid = 'a@b'\npassword = '{}'\nport = '{}'",
    "[xmpp]\njid = 'a@b'\npassword = '{}'\nca_file = '{}'",
    "[xmpp]\njid = 'a@b'\npassword = '{}'\nnick = '/{}'",
    "[xmpp]\njid = 'a@b'\npassword = {}",
    "[xmpp]\njid = 'a@b'\npassword = '{}",
    "xmpp = '{}'",
    "rooms = '{}'",
    "rooms = ['{}']",
    "people = '{}'",
    "accounts = ['{}']",
    "store = '{}'",
    "[store]\nurl = '{}'",
    "[store]\nurl = 'mysql://u:{}@h/d'",
    "[posting]\nmode = '{}'",
    "[posting]\nhold = '{}'",
    "[posting]\nmax_age = '{}'",
    "[posting]\npost_to = '{}'",
    "[posting]\npost_to = ['{}', 3]",
    "[[rooms]]\njid = '{}'\nmember_role = '{}'\nreply_gesture = '{}'\nhold = '{}'\nhear_private = '{}'",
    "[people]\n'ana@b' = '{}'",
    "[people]\n'ana@b' = ['{}']",
    "[accounts.one]\ntoken = '{}'",
    "[accounts.one]\nplugin = ['{}']\ntoken = '{}'",
    "[accounts.one]\nplugin = 'x'\nenabled = '{}'\ndeadline = '{}'\nsettle_after = '{}'\nsignature = ['{}']",
    "[accounts]\none = '{}'",
    "[web]\nlisten = '{}'",
]


@pytest.mark.parametrize("text", WRONG_PLACES)
def test_a_secret_in_the_wrong_place_is_not_shown(causes: Causes, text: str) -> None:
    for line in causes(text.replace("{}", SECRET).replace("{{", "{").replace("}}", "}")):
        assert SECRET not in line
        assert "hunter2" not in line
        assert "\n" not in line


def test_a_secret_that_a_list_of_accounts_repeats_is_hidden(causes: Causes) -> None:
    text = f"[xmpp]\njid = 'a@b'\npassword = '{SECRET}'\n[posting]\npost_to = ['{SECRET}']"
    assert causes(text) == ('config.toml: posting.post_to: no account is called "[hidden]"; there are no accounts',)


def test_a_secret_in_a_variable_is_not_shown(causes: Causes, good: str) -> None:
    for name in ("XMPP__PORT", "POSTING__HOLD", "ROOMS", "ACCOUNTS__ONE", "WEB", "XMPP__JID", "PEOPLE"):
        lines = causes(good, {f"STATUSBRIDGE_{name}": SECRET})
        assert len(lines) == 1
        assert SECRET not in lines[0]
