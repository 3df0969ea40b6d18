from __future__ import annotations

import pytest

from bridge.pictures.addresses import ONLY_HTTPS, PRIVATE, Destination, Forbidden, UploadHost, destination, is_public

UPLOAD = UploadHost("upload.example.org", 5281)


@pytest.mark.parametrize(
    "address",
    [
        "93.184.216.34",
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2606:4700::1111",
        "2001:200::1",
        "::ffff:93.184.216.34",
        "2002:5db8:d822::1",
        "64:ff9b::93.184.216.34",
        "2001:0:4136:e378:8000:63bf:a247:27dd",
    ],
)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:7f00:1",
        "::ffff:10.0.0.1",
        "2002:7f00:1::",
        "2002:c0a8:101::1",
        "64:ff9b::7f00:1",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::1",
        "2001:0:7f00:1::a247:27dd",  # Teredo: its server
        "2001:0:4136:e378:8000:63bf:80ff:fffe",  # Teredo: its client, 127.0.0.1 with each bit turned
        "fe80::1",
        "fe80::1%eth0",
        "2606:4700::1111%eth0",
        "fec0::1",
        "fc00::1",
        "fd12:3456::1",
        "ff02::1",
        "100::1",
        "2001:2::1",
        "2001:10::1",
        "2001:db8::1",
        "3fff::1",
        "4000::1",
    ],
)
def test_an_address_that_is_not_everybodys_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "text", ["", "localhost", "2130706433", "127.1", "0177.0.0.1", "0x7f.0.0.1", "1.1.1.1 ", "[::1]"]
)
def test_what_is_no_address_is_not_public(text: str) -> None:
    assert not is_public(text)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("upload.example.org", "upload.example.org", None),
        ("Upload.Example.ORG.:443", "upload.example.org", 443),
        ("127.0.0.1:5280", "127.0.0.1", 5280),
        ("[::1]:5281", "::1", 5281),
        ("[0:0:0:0:0:0:0:1]", "::1", None),
        ("bücher.example.org", "xn--bcher-kva.example.org", None),
    ],
)
def test_an_upload_host_is_read(text: str, host: str, port: int | None) -> None:
    assert UploadHost.parse(text) == UploadHost(host, port)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "names no host"),
        (":443", "names no host"),
        ("[]:443", "names no host"),
        ("https://upload.example.org", "neither a name nor an IP address"),
        ("upload.example.org/", "neither a name nor an IP address"),
        ("ana@upload.example.org", "neither a name nor an IP address"),
        ("::1", "neither a name nor an IP address"),
        ("upload.example.org:", "from 1 to 65535"),
        ("upload.example.org:0", "from 1 to 65535"),
        ("upload.example.org:65536", "from 1 to 65535"),
        ("upload.example.org:" + "9" * 5_000, "from 1 to 65535"),
        ("127.1", "four plain decimal numbers"),
        ("[::1%25lo]", "neither a name nor an IP address"),
        ("[:::1]", "can't be read"),
        ("upload..example.org", "no name"),
        ("-upload.example.org", "no name"),
        ("ü" * 64 + ".example.org", "no name"),
    ],
)
def test_what_is_no_upload_host_is_told(text: str, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        UploadHost.parse(text)


@pytest.mark.parametrize(
    ("upload", "covered"),
    [
        (UploadHost("upload.example.org", None), {("https", 443), ("http", 80)}),
        (UploadHost("upload.example.org", 443), {("https", 443), ("http", 443)}),
        (UploadHost("upload.example.org", 5281), {("https", 5281), ("http", 5281)}),
    ],
)
def test_the_upload_host_is_meant_at_its_port_only(upload: UploadHost, covered: set[tuple[str, int]]) -> None:
    asked = [(scheme, port) for scheme in ("http", "https") for port in (80, 443, 5280, 5281)]
    assert {at for at in asked if upload.covers(at[0], upload.host, at[1])} == covered
    assert not any(upload.covers(scheme, "example.org", port) for scheme, port in asked)


@pytest.mark.parametrize(
    ("url", "there"),
    [
        ("https://files.example.org/a/b.png", ("https://files.example.org/a/b.png", "files.example.org", 443)),
        ("HTTPS://Files.Example.ORG.", ("https://files.example.org/", "files.example.org", 443)),
        ("https://files.example.org:443/a", ("https://files.example.org/a", "files.example.org", 443)),
        ("https://files.example.org:8443?a=1#top", ("https://files.example.org:8443/?a=1", "files.example.org", 8443)),
        ("https://files.example.org:1024/", ("https://files.example.org:1024/", "files.example.org", 1024)),
        ("https://files.example.org/ü%20<b>", ("https://files.example.org/%C3%BC%20%3Cb%3E", "files.example.org", 443)),
        ("https://1a.example.org/", ("https://1a.example.org/", "1a.example.org", 443)),
        ("https://93.184.216.34/", ("https://93.184.216.34/", "93.184.216.34", 443)),
        ("https://[2606:4700:0::1111]:5281/", ("https://[2606:4700::1111]:5281/", "2606:4700::1111", 5281)),
        ("https://localhost/", ("https://localhost/", "localhost", 443)),
    ],
)
def test_a_link_to_the_internet_is_taken(url: str, there: tuple[str, str, int]) -> None:
    found = destination(url, UPLOAD)
    assert (found.url, found.host, found.port) == there
    assert not found.trusted
    assert found.literal == is_public(found.host)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("127.0.0.1:5280", "http://127.0.0.1:5280/"),
        ("[::1]:5281", "https://[::1]:5281/"),
        ("upload.example.org", "http://upload.example.org/"),
        ("upload.example.org:80", "https://upload.example.org:80/"),
    ],
)
def test_the_upload_host_may_be_private_and_without_tls(text: str, url: str) -> None:
    upload = UploadHost.parse(text)
    found = destination(url.replace("upload", "UPLOAD"), upload)
    literal = upload.host != "upload.example.org"
    port = upload.port or 80
    assert found == Destination(url=url, host=upload.host, port=port, literal=literal, trusted=True)


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("", ONLY_HTTPS),
        ("files.example.org/a.png", ONLY_HTTPS),
        ("//files.example.org/a.png", ONLY_HTTPS),
        ("http://files.example.org/a.png", ONLY_HTTPS),
        ("http://upload.example.org/a.png", ONLY_HTTPS),
        ("https:files.example.org", ONLY_HTTPS),
        ("file:///etc/passwd", ONLY_HTTPS),
        ("ftp://files.example.org/a.png", ONLY_HTTPS),
        ("data:image/png;base64,AAAA", ONLY_HTTPS),
        ("aesgcm://files.example.org/a.png", ONLY_HTTPS),
        ("https:///a.png", "names no host"),
        ("https://:443/a.png", "names no host"),
        ("https://ana@files.example.org/", "a user name or a password"),
        ("https://ana:secret@upload.example.org:5281/", "a user name or a password"),
        ("https://files.example.org:/", "from 1 to 65535"),
        ("https://files.example.org:0/", "from 1 to 65535"),
        ("https://files.example.org:65536/", "from 1 to 65535"),
        ("https://files.example.org:+443/", "neither a name nor"),
        ("https://files.example.org:22/", "port 22"),
        ("https://files.example.org:1023/", "port 1023"),
        ("https://files.example.org/a b", "a space"),
        ("https://files.example.org\\@example.org/", "a backslash"),
        ("https://files.example.org/\r\nHost: x", "an invisible character"),
        ("https://files.example.org/\x00", "an invisible character"),
        ("https://files.exam\u200bple.org/", "an invisible character"),
        ("https://files.example.org/\udc80", "an invisible character"),
        ("https://files.example.org/" + "a" * 2_000, "longer than 2,000 characters"),
        ("https://files%2eexample.org/", "neither a name nor"),
        ("https://files..example.org/", "no name"),
        ("https://" + "a." * 130 + "org/", "no name"),
        ("https://127.0.0.1:5281/", PRIVATE),
        ("https://[::1]/", PRIVATE),
        ("https://[::ffff:127.0.0.1]/", PRIVATE),
        ("https://[2002:7f00:1::]/", PRIVATE),
        ("https://[64:ff9b::7f00:1]/", PRIVATE),
        ("https://0.0.0.0/", PRIVATE),
        ("https://169.254.169.254/latest/", PRIVATE),
        ("https://[fe80::1%25lo]/", "neither a name nor"),
        ("https://[v1.a]/", "neither a name nor"),
        ("https://[::1/", "neither a name nor"),
        ("https://2130706433/", "four plain decimal numbers"),
        ("https://017700000001/", "four plain decimal numbers"),
        ("https://0x7f000001/", "four plain decimal numbers"),
        ("https://0x7f.1/", "four plain decimal numbers"),
        ("https://0X7F.0.0.1/", "four plain decimal numbers"),
        ("https://127.1/", "four plain decimal numbers"),
        ("https://127.0.1/", "four plain decimal numbers"),
        ("https://0177.0.0.1/", "four plain decimal numbers"),
        ("https://127.0.0.1./", "four plain decimal numbers"),
        ("https://93.184.216.34./", "four plain decimal numbers"),
        ("https://example.0x/", "four plain decimal numbers"),
        ("https://\uff11\uff12\uff17.0.0.1/", PRIVATE),
        ("https://127\u30020\u30020\u30021/", PRIVATE),
    ],
)
def test_any_other_link_is_forbidden(url: str, what: str) -> None:
    with pytest.raises(Forbidden) as caught:
        destination(url, UPLOAD)
    assert what in str(caught.value)
    assert "secret" not in str(caught.value)
