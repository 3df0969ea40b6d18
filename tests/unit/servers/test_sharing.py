from __future__ import annotations

import base64
import hashlib
import io
from xml.etree.ElementTree import Element, fromstring, tostring

import pytest
from PIL import Image

from tests.servers.sharing import (
    ATTACH,
    CLIENT,
    FALLBACK,
    FILE_4,
    FILE_5,
    HASHES,
    MEDIA_SHARING,
    METADATA,
    OOB,
    RECEIPTS,
    REFERENCE,
    SFS,
    URL_DATA,
    File,
    Shape,
    announcement_xml,
    message_xml,
    repetition_xml,
)

URL = "https://upload.example.org/x/photo.jpg"
CAPTION = "Back up \N{PARTY POPPER}"


def picture() -> bytes:
    kept = io.BytesIO()
    Image.new("RGB", (4, 3)).save(kept, "JPEG")
    return kept.getvalue()


FILE = File(data=picture())
HASH = base64.b64encode(hashlib.sha256(FILE.data).digest()).decode()


def read(message: Element) -> Element:
    """Return the message as it comes off a stream."""
    return fromstring(tostring(message))


def body(message: Element) -> str | None:
    return message.findtext(CLIENT + "body")


def oob(message: Element) -> str | None:
    return message.findtext(f"{OOB}x/{OOB}url")


def fallbacks(message: Element) -> list[tuple[str | None, dict[str, str]]]:
    found: list[tuple[str | None, dict[str, str]]] = []
    for one in message.iterfind(FALLBACK + "fallback"):
        (part,) = one
        assert part.tag == FALLBACK + "body"
        found.append((one.get("for"), part.attrib))
    return found


def told(element: Element | None, namespace: str) -> dict[str, str | None]:
    assert element is not None
    return {part.tag.removeprefix(namespace): part.text for part in element if part.tag.startswith(namespace)}


@pytest.mark.parametrize("shape", Shape)
@pytest.mark.parametrize("room", [False, True])
def test_every_shape_is_a_message_with_the_url_in_it(shape: Shape, room: bool) -> None:
    message = read(message_xml(shape, URL, to="ops@rooms.example.org", identifier="s1", room=room))
    assert message.tag == CLIENT + "message"
    assert (message.get("to"), message.get("id")) == ("ops@rooms.example.org", "s1")
    assert message.get("type") == ("groupchat" if room else "chat")
    assert (message.find(RECEIPTS + "request") is not None) <= (not room)
    assert len(message.findall(CLIENT + "body")) == 1
    assert oob(message) in {URL, None}
    if shape is not Shape.BESIDE:
        assert body(message) == URL


@pytest.mark.parametrize("shape", [Shape.CONVERSATIONS, Shape.CONVERSE, Shape.DINO, Shape.MOVIM])
def test_those_that_take_no_caption(shape: Shape) -> None:
    assert not shape.takes_caption
    message = read(message_xml(shape, URL, CAPTION))
    assert (body(message), oob(message), fallbacks(message)) == (URL, URL, [])


@pytest.mark.parametrize(
    ("shape", "text", "beside"),
    [
        (Shape.KAIDAN, CAPTION, None),
        (Shape.SIMS, CAPTION, None),
        (Shape.CHEOGRAM, f"{CAPTION}{URL}", URL),
        (Shape.BESIDE, CAPTION, URL),
        (Shape.TYPED, f"{CAPTION}\n{URL}", None),
    ],
)
def test_those_that_do(shape: Shape, text: str, beside: str | None) -> None:
    assert shape.takes_caption
    message = read(message_xml(shape, URL, CAPTION))
    assert (body(message), oob(message)) == (text, beside)


def test_what_is_typed_has_nothing_else() -> None:
    message = read(message_xml(Shape.TYPED, URL, CAPTION))
    assert [part.tag for part in message] == [CLIENT + "body", "{urn:xmpp:sid:0}origin-id"]


def test_cheogram_marks_the_part_that_is_the_url() -> None:
    message = read(message_xml(Shape.CHEOGRAM, URL, CAPTION))
    ((namespace, part),) = fallbacks(message)
    assert namespace == "jabber:x:oob"
    text = body(message) or ""
    assert text[int(part["start"]) : int(part["end"])] == URL
    assert text[: int(part["start"])] == CAPTION
    assert fallbacks(read(message_xml(Shape.CHEOGRAM, URL))) == [("jabber:x:oob", {})]


def test_kaidan_shares_and_repeats_what_a_caption_left_out() -> None:
    plain, captioned = (read(message_xml(Shape.KAIDAN, URL, caption, file=FILE)) for caption in (None, CAPTION))
    for message in (plain, captioned):
        sharing = message.find(SFS + "file-sharing")
        assert sharing is not None
        assert sharing.get("disposition") == "inline"
        assert told(sharing.find(METADATA + "file"), METADATA) == {
            "media-type": "image/jpeg",
            "name": "photo.jpg",
            "size": str(len(FILE.data)),
            "width": "4",
            "height": "3",
        }
        digest = sharing.find(f"{METADATA}file/{HASHES}hash")
        assert digest is not None
        assert (digest.get("algo"), digest.text) == ("sha-256", HASH)
        source = sharing.find(f"{SFS}sources/{URL_DATA}url-data")
        assert source is not None
        assert source.get("target") == URL
    assert (fallbacks(plain), fallbacks(captioned)) == ([("urn:xmpp:sfs:0", {})], [])
    again = read(repetition_xml(URL, about="share-1"))
    assert (body(again), oob(again), fallbacks(again)) == (URL, URL, [("urn:xmpp:sfs:0", {})])
    attached = again.find(ATTACH + "attach-to")
    assert attached is not None
    assert attached.get("id") == captioned.get("id")


def test_dino_announces_a_file_and_then_says_where_it_is() -> None:
    first, second = read(announcement_xml(FILE)), read(message_xml(Shape.DINO, URL, file=FILE))
    sharing, sources, attached = (
        first.find(SFS + "file-sharing"),
        second.find(SFS + "sources"),
        second.find(ATTACH + "attach-to"),
    )
    assert sharing is not None
    assert sources is not None
    assert attached is not None
    assert (body(first), sharing.find(SFS + "sources")) == (None, None)
    assert told(sharing.find(METADATA + "file"), METADATA)["width"] == "4"
    assert sources.get("id") == sharing.get("id")
    assert attached.get("id") == first.get("id")
    assert [source.get("target") for source in sources] == [URL]
    assert second.find(SFS + "file-sharing") is None


@pytest.mark.parametrize(("shape", "version"), [(Shape.MOVIM, FILE_4), (Shape.SIMS, FILE_5)])
def test_sims(shape: Shape, version: str) -> None:
    message = read(message_xml(shape, URL, CAPTION, file=FILE))
    reference = message.find(REFERENCE + "reference")
    assert reference is not None
    file = reference.find(f"{MEDIA_SHARING}media-sharing/{version}file")
    assert told(file, version) == {"media-type": "image/jpeg", "name": "photo.jpg", "size": str(len(FILE.data))}
    assert (reference.find(f".//{HASHES}hash") is None) is (shape is Shape.MOVIM)
    source = reference.find(f"{MEDIA_SHARING}media-sharing/{MEDIA_SHARING}sources/{REFERENCE}reference")
    assert source is not None
    assert (source.get("type"), source.get("uri")) == ("data", URL)
    about = {"begin": "0", "end": str(len(CAPTION))} if shape is Shape.SIMS else {}
    assert reference.attrib == {"type": "data", **about}


def test_what_is_no_picture_has_no_dimensions() -> None:
    file = File(name="notes.txt", type="text/plain", data=b"notes")
    assert file.dimensions is None
    assert "width" not in told(announcement_xml(file).find(f"{SFS}file-sharing/{METADATA}file"), METADATA)
