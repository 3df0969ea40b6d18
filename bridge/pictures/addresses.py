"""Where a shared file may be fetched from: judgements of links and of addresses, without asking the network.

A name says nothing: what it resolves to is judged, too, by whoever connects (see bridge.pictures.fetch).
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final
from urllib.parse import quote

MOST_CHARACTERS: Final = 2_000
"""How long a link may be."""
_LOWEST_FREE_PORT: Final = 1024
_HIGHEST_PORT: Final = 65_535
_MOST_HOST_CHARACTERS: Final = 253
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}

PRIVATE: Final = "the link leads into a private network, which no file is fetched from"
ONLY_HTTPS: Final = "the link doesn't begin with https://, and only such links are fetched"

_LINK: Final = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<place>[^/?#]*)(?P<rest>[^#]*)(?:#.*)?")
_PLACE: Final = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]*\]|[^:\[\]/?#@%\\\s]*)(?::(?P<port>[0-9]*))?", re.ASCII)
_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
# A last label like these makes the whole host an IPv4 address to a resolver: 127.1, 2130706433, 0x7f.0x1.
_NUMBER: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
_KEPT_IN_PATHS: Final = "%:/?[]@!$&'()*+,;="

# What the IANA special-purpose registries call not globally reachable, with multicast, the reserved 240.0.0.0/4 and
# the relays of 6to4 (RFC 7526).
_SPECIAL_4: Final = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
# All of IPv6 that is given out to the world, and what isn't meant for it there: protocol assignments and documentation.
_GLOBAL_6: Final = IPv6Network("2000::/3")
_SPECIAL_6: Final = tuple(IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "3fff::/20"))
_NAT64: Final = IPv6Network("64:ff9b::/96")
_LAST_32_BITS: Final = 0xFFFF_FFFF


class Forbidden(Exception):  # noqa: N818 - says what is the case
    """Nothing is fetched from there; the message is one sentence for people, and names neither host nor address."""


@dataclass(frozen=True, slots=True)
class UploadHost:
    """The upload service that the operator named: allowed at a private address, and by plain http.

    With `port` None it is meant at the scheme's own port: 443 for https, 80 for http.
    """

    host: str
    port: int | None

    @classmethod
    def parse(cls, text: str) -> UploadHost:
        """Read `upload.example.org`, `127.0.0.1:5280` or `[::1]:5281`; raises ValueError with what is wrong."""
        try:
            return cls(*_host_and_port(text))
        except ValueError as error:
            raise ValueError(
                f"an upload host is written as upload.example.org or [::1]:5281, but this {error}"
            ) from None

    def covers(self, scheme: str, host: str, port: int) -> bool:
        """Tell whether that is the upload service, and not something else on its machine."""
        return host == self.host and port == (_DEFAULT_PORTS[scheme] if self.port is None else self.port)


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """What a link asks for: `url` as it is to be requested, and where that leads.

    `host` is a name in lower case and ASCII, or an IP address in its canonical form (`literal`). A `trusted` one is the
    configured upload service, whose address is not judged.
    """

    url: str
    host: str
    port: int
    literal: bool
    trusted: bool


def is_public(address: str) -> bool:
    """Tell whether anybody on the internet may be asked at that IP address.

    An IPv6 address that carries an IPv4 address on (mapped, 6to4, Teredo, NAT64) is as public as what it carries. What
    is no IP address in canonical form, or has a scope, is not public.
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv4Address):
        return _is_public_4(ip)
    if ip.scope_id is not None:
        return False
    carried = _carried(ip)
    if carried:
        return all(_is_public_4(inner) for inner in carried)
    return ip in _GLOBAL_6 and not any(ip in network for network in _SPECIAL_6)


def destination(url: str, upload: UploadHost | None) -> Destination:
    """Return where a link leads, if a file may be fetched from there.

    That is https, on port 443 or one from 1024 on, at a name or at a public address; or the upload host, by http too.
    Raises Forbidden. A name's addresses remain to be judged when they are known.
    """
    link = _link(url)
    scheme = link["scheme"].lower()
    try:
        host, port = _host_and_port(link["place"])
    except ValueError as error:
        raise Forbidden(f"the link {error}") from None
    port = _DEFAULT_PORTS[scheme] if port is None else port
    there = Destination(
        url=_url(scheme, host, port, link["rest"]),
        host=host,
        port=port,
        literal=_is_literal(host),
        trusted=upload is not None and upload.covers(scheme, host, port),
    )
    if there.trusted:
        return there
    if scheme != "https":
        raise Forbidden(ONLY_HTTPS)
    if port != _DEFAULT_PORTS["https"] and port < _LOWEST_FREE_PORT:
        raise Forbidden(f"the link names port {port}, which is no port for files")
    if there.literal and not is_public(host):
        raise Forbidden(PRIVATE)
    return there


def _link(url: str) -> re.Match[str]:
    if len(url) > MOST_CHARACTERS:
        raise Forbidden(f"the link is longer than {MOST_CHARACTERS:,} characters")
    if not url.isprintable() or " " in url or "\\" in url:
        raise Forbidden("the link has a space, a backslash or an invisible character in it")
    link = _LINK.fullmatch(url)
    if link is None or link["scheme"].lower() not in _DEFAULT_PORTS:
        raise Forbidden(ONLY_HTTPS)
    if "@" in link["place"]:
        raise Forbidden("the link has a user name or a password in it, which isn't sent on")
    return link


def _host_and_port(text: str) -> tuple[str, int | None]:
    """Take a URL's authority apart; raises ValueError, whose message goes on from a subject."""
    place = _PLACE.fullmatch(text)
    if place is None:
        raise ValueError("has a host that is neither a name nor an IP address")
    if place["host"] in {"", "[]"}:
        raise ValueError("names no host")
    return _host(place["host"]), None if place["port"] is None else _port(place["port"])


def _port(digits: str) -> int:
    # The length first: turning millions of digits into a number takes long.
    if not digits or len(digits) > len(str(_HIGHEST_PORT)) or not 1 <= int(digits) <= _HIGHEST_PORT:
        raise ValueError("has a port that isn't a number from 1 to 65535")
    return int(digits)


def _host(text: str) -> str:
    if text.startswith("["):
        try:
            return str(IPv6Address(text[1:-1]))
        except ValueError:
            raise ValueError("has an IPv6 address that can't be read") from None
    try:
        name = (text if text.isascii() else text.encode("idna").decode("ascii")).lower()
    except UnicodeError:
        raise ValueError("has a host that is no name") from None
    if _NUMBER.fullmatch(name.rstrip(".")):
        try:
            return str(IPv4Address(name))
        except ValueError:
            raise ValueError("has an IPv4 address that isn't written as four plain decimal numbers") from None
    name = name.removesuffix(".")
    if len(name) > _MOST_HOST_CHARACTERS or not _NAME.fullmatch(name):
        raise ValueError("has a host that is no name")
    return name


def _is_literal(host: str) -> bool:
    return ":" in host or _NUMBER.fullmatch(host) is not None


def _url(scheme: str, host: str, port: int, rest: str) -> str:
    place = f"[{host}]" if ":" in host else host
    at = "" if port == _DEFAULT_PORTS[scheme] else f":{port}"
    path = rest if rest.startswith("/") else f"/{rest}"
    return f"{scheme}://{place}{at}{quote(path, safe=_KEPT_IN_PATHS)}"


def _is_public_4(ip: IPv4Address) -> bool:
    return not any(ip in network for network in _SPECIAL_4)


def _carried(ip: IPv6Address) -> tuple[IPv4Address, ...]:
    """Return the IPv4 addresses that packets to this address end up at, or pass."""
    if ip.ipv4_mapped is not None:
        return (ip.ipv4_mapped,)
    if ip.sixtofour is not None:
        return (ip.sixtofour,)
    if ip.teredo is not None:
        return ip.teredo
    if ip in _NAT64:
        return (IPv4Address(int(ip) & _LAST_32_BITS),)
    return ()
