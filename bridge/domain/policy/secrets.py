"""What looks like a secret: each detector has a name, and a pattern without a repetition inside a repetition."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Final

from bridge.domain.policy import hosts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True, slots=True)
class Detector:
    """Something that shouldn't be published: its name as a sentence has it, and how it is seen."""

    name: str
    sees: Callable[[str], bool]


def _like(pattern: str, *, case: bool = True) -> Callable[[str], bool]:
    compiled = re.compile(pattern, 0 if case else re.IGNORECASE)
    return lambda text: compiled.search(text) is not None


_PRIVATE: Final = tuple(
    map(
        ip_network,
        (
            *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "100.64.0.0/10"),
            *("fc00::/7", "fe80::/10", "::1/128"),
        ),
    )
)
_ADDRESS: Final = re.compile(
    r"(?<![\w.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?!\.?\w)|(?<![\w:.])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])",
    re.IGNORECASE,
)
_INTERNAL: Final = (
    *("internal", "intranet", "corp", "lan", "local", "localdomain", "localhost", "home.arpa", "private"),
)
_LOCALHOST: Final = re.compile(r"(?<![\w.@-])localhost(?![\w-])", re.IGNORECASE)


def _address(text: str) -> bool:
    return any(_is_private(match[0]) for match in _ADDRESS.finditer(text))


def _is_private(word: str) -> bool:
    try:
        address = ip_address(word)
    except ValueError:
        return False
    return any(address.version == network.version and address in network for network in _PRIVATE)


def _internal(more: Iterable[str]) -> Callable[[str], bool]:
    wanted = (*_INTERNAL, *more)

    def sees(text: str) -> bool:
        linked = (host for host in hosts.links(text) if host != hosts.UNKNOWN)
        names = (*linked, *hosts.names(text))
        return any(hosts.below(name, wanted) for name in names) or _LOCALHOST.search(text) is not None

    return sees


DETECTORS: Final = (
    Detector(
        "a private key",
        _like(r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-[0-9]"),
    ),
    Detector("an AWS access key", _like(r"(?<![A-Z0-9])(?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[0-9A-Z]{16}(?![A-Z0-9])")),
    Detector("a Google API key", _like(r"(?<![\w-])AIza[\w-]{35}(?![\w-])|(?<![\w-])GOCSPX-[\w-]{28}")),
    Detector("an Azure storage key", _like(r"AccountKey=[A-Za-z0-9+/=]{80,100}")),
    Detector("a GitHub token", _like(r"(?<!\w)(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{40,255})")),
    Detector("a GitLab token", _like(r"(?<![\w-])gl(?:pat|dt|rt|cbt|ptt|ft|soat)-[\w-]{20,50}")),
    Detector(
        "a Slack token",
        _like(r"(?<!\w)xox[abeoprs]-[A-Za-z0-9-]{10,250}|hooks\.slack\.com/services/T\w{6,12}/B\w{6,12}/\w{20,30}"),
    ),
    Detector("a Stripe key", _like(r"(?<!\w)(?:sk|rk)_live_[A-Za-z0-9]{16,250}")),
    Detector("a SendGrid key", _like(r"(?<!\w)SG\.[\w-]{22}\.[\w-]{43}")),
    Detector("a Twilio key", _like(r"(?<!\w)(?:AC|SK)[0-9a-f]{32}(?!\w)")),
    Detector("an npm token", _like(r"(?<!\w)npm_[A-Za-z0-9]{36}|_authToken\s?=\s?[\w-]{20,100}")),
    Detector("a token of a Python package index", _like(r"(?<![\w-])pypi-AgE[\w-]{50,300}")),
    Detector("a model provider's key", _like(r"(?<![\w-])sk-(?:proj-|ant-|svcacct-)?[A-Za-z0-9_-]{32,200}")),
    Detector("a Telegram bot's token", _like(r"(?<!\w)[0-9]{8,10}:AA[\w-]{33}(?![\w-])")),
    Detector("a Discord bot's token", _like(r"(?<![\w.-])[MNO][\w-]{23,25}\.[\w-]{6}\.[\w-]{27,38}(?![\w-])")),
    Detector("a JSON web token", _like(r"(?<![\w-])eyJ[\w-]{10,2000}\.eyJ[\w-]{4,4000}\.[\w-]{0,1000}")),
    Detector(
        "a password in a link",
        _like(r"(?<![a-z0-9])[a-z][a-z0-9+.-]{1,20}://[^\s/?#:@]{0,200}:[^\s/?#@]{1,200}@", case=False),
    ),
    Detector(
        "a password or token",
        _like(
            r"(?<![a-z0-9])(?:pass(?:word|wd|phrase)|pwd|secret(?:[_-]?key)?|api[_-]?key|(?:access|auth|bearer)[_-]?token|"
            r"client[_-]?secret)[\"'`]?\s{0,3}(?:[:=]|=>|:=)\s{0,3}[\"'`]?(?=[^\s\"'`]{0,60}[0-9])[^\s\"'`/]{6,200}",
            case=False,
        ),
    ),
    Detector("a private address", _address),
    Detector("the name of an internal host", _internal(())),
)
"""All of them, in the order in which they are told. The last one knows only the names that are internal everywhere."""


def suspicions(text: str, internal_hosts: Iterable[str] = ()) -> Iterator[str]:
    """Yield what a text seems to have in it that shouldn't be published; never the thing itself."""
    *others, internal = DETECTORS
    own = Detector(internal.name, _internal(internal_hosts))
    yield from (one.name for one in (*others, own) if one.sees(text))
