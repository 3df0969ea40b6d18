"""What people share, without what they didn't mean to share."""

from __future__ import annotations

import errno
import struct
from dataclasses import asdict
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from bridge.pictures import gifs
from bridge.pictures.scrub import Order, answer, keep, target
from bridge.pictures.scrub import fit as fit_here
from bridge.pictures.scrub import scrub as scrub_here
from bridge.pictures.scrubbing import Scrubbed, ScrubError, fit, scrub
from bridge.pictures.sniff import GIF, JPEG, PNG, TYPES, WEBP, Unfit
from tests.servers.pictures import (
    COMMENT,
    SECRETS,
    colours_of,
    corners,
    full_png,
    full_webp,
    moving_frames,
    moving_gif,
    names_in,
    parts_of,
    phone_jpeg,
    placed,
    strange_profile,
)

HARMLESS = {
    *("E0", "EE", "DB", "C0", "C2", "C4", "DA", "DD"),
    *("IHDR", "PLTE", "tRNS", "IDAT", "IEND", "acTL", "fcTL", "fdAT"),
    *("VP8", "VP8L", "VP8X", "ALPH", "ANIM", "ANMF"),
}


def assert_clean(data: bytes) -> None:
    assert [secret for secret in SECRETS if secret in data] == []
    if not data.startswith(b"GIF"):
        assert set(parts_of(data)) <= HARMLESS


def scrubbed_here(folder: Path, data: bytes) -> bytes:
    into = folder / "into"
    made = scrub_here(placed(folder, data), into)
    with Image.open(into) as picture:
        assert (made.width, made.height) == picture.size
    assert_clean(into.read_bytes())
    return into.read_bytes()


def noise(size: tuple[int, int], mode: str = "RGB") -> Image.Image:
    return Image.effect_noise((size[0] // 4, size[1] // 4), 60).resize(size).convert(mode)


async def test_a_telephones_jpeg(tmp_path: Path) -> None:
    given = phone_jpeg()
    assert all(secret in given for secret in (b"Exif", b"xmpmeta", b"8BIM", COMMENT.encode()))
    into = tmp_path / "into.jpg"
    made = await scrub(placed(tmp_path, given, "sunset.png"), into)
    assert made == Scrubbed(type=JPEG, size=into.stat().st_size, width=32, height=48, frames=1)
    with Image.open(into) as picture:
        assert colours_of(picture) == "WRGB"
        assert picture.getexif() == {}
    assert_clean(into.read_bytes())
    assert names_in(tmp_path) == ["into.jpg", "sunset.png"]


@pytest.mark.parametrize(
    ("orientation", "seen"),
    [
        (1, "RGBW"),
        (2, "GRWB"),
        (3, "BWRG"),
        (4, "WBGR"),
        (5, "RWBG"),
        (6, "WRGB"),
        (7, "BGRW"),
        (8, "GBWR"),
        (99, "RGBW"),
    ],
)
def test_every_way_to_hold_a_camera(tmp_path: Path, orientation: int, seen: str) -> None:
    with Image.open(BytesIO(scrubbed_here(tmp_path, phone_jpeg(orientation=orientation)))) as picture:
        assert colours_of(picture) == seen


@pytest.mark.parametrize("broken", [b"Exif\0\0MM\0*\xff\xff\xff\xff nothing", b"Exif\0\0nothing"])
@pytest.mark.parametrize("form", ["JPEG", "WEBP"])
def test_exif_that_is_none_turns_nothing(tmp_path: Path, form: str, broken: bytes) -> None:
    source, into = placed(tmp_path, b""), tmp_path / "into"
    corners().save(source, form, exif=broken)
    order = Order(do="scrub", source=str(source), into=str(into), types=[], most_bytes=0, seconds=1)
    assert answer(order) == {"made": {"type": f"image/{form.lower()}", "width": 48, "height": 32, "frames": 1}}
    with Image.open(into) as picture:
        assert colours_of(picture) == "RGBW"


def test_only_the_first_of_a_telephones_pictures(tmp_path: Path) -> None:
    out = BytesIO()
    corners().save(out, "MPO", save_all=True, append_images=[corners().rotate(180)])
    data = scrubbed_here(tmp_path, out.getvalue())
    assert data.count(b"\xff\xd8\xff") == 1


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_jpegs_of_other_colours(tmp_path: Path, mode: str) -> None:
    out = BytesIO()
    corners(mode).save(out, "JPEG")
    with Image.open(BytesIO(scrubbed_here(tmp_path, out.getvalue()))) as picture:
        assert picture.mode == {"L": "L", "CMYK": "RGB"}[mode]
        assert mode == "L" or colours_of(picture) == "RGBW"


@pytest.mark.parametrize(("subsampling", "first"), [(0, (1, 1)), (2, (2, 2))])
def test_the_colours_stay_as_fine_as_they_were(tmp_path: Path, subsampling: int, first: tuple[int, int]) -> None:
    out = BytesIO()
    corners().save(out, "JPEG", subsampling=subsampling)
    with Image.open(BytesIO(scrubbed_here(tmp_path, out.getvalue()))) as picture:
        assert getattr(picture, "layer", [])[0][1:3] == first


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_a_png_keeps_its_mode(tmp_path: Path, mode: str) -> None:
    # Turned by a quarter, so that all of it must have been looked at.
    with Image.open(BytesIO(scrubbed_here(tmp_path, full_png(corners(mode))))) as picture:
        assert picture.mode == mode
        assert picture.size == (32, 48)
        assert mode in {"1", "L", "LA"} or colours_of(picture) == "WRGB"


async def test_a_png_with_all_kinds_of_text(tmp_path: Path) -> None:
    made = await scrub(placed(tmp_path, full_png(corners("RGBA"))), tmp_path / "into")
    assert (made.type, made.width, made.height) == (PNG, 32, 48)
    assert_clean((tmp_path / "into").read_bytes())


@pytest.mark.parametrize("mode", ["P", "RGB", "RGBA"])
def test_colours_are_what_the_profile_means(tmp_path: Path, mode: str) -> None:
    out = BytesIO()
    corners(mode).save(out, "PNG", icc_profile=strange_profile())
    with Image.open(BytesIO(scrubbed_here(tmp_path, out.getvalue()))) as picture:
        assert picture.mode == mode
        assert colours_of(picture) == "BGRW"


@pytest.mark.parametrize("broken", [b"no profile", strange_profile()[:300]])
@pytest.mark.parametrize("mode", ["CMYK", "L", "RGB"])
def test_a_profile_that_is_none_changes_nothing(tmp_path: Path, mode: str, broken: bytes) -> None:
    out = BytesIO()
    corners(mode).save(out, "JPEG", icc_profile=broken)
    with Image.open(BytesIO(scrubbed_here(tmp_path, out.getvalue()))) as picture:
        assert mode == "L" or colours_of(picture) == "RGBW"


@pytest.mark.parametrize("transparency", [0, bytes([0, 128, 255])])
def test_a_palette_keeps_what_is_clear_in_it(tmp_path: Path, transparency: int | bytes) -> None:
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([*(200, 10, 10), *(10, 200, 10), *(10, 10, 200)])
    palette.putpixel((1, 0), 1)
    with Image.open(BytesIO(scrubbed_here(tmp_path, full_png(palette, transparency=transparency)))) as picture:
        assert picture.mode == "P"
        alphas = [picture.convert("RGBA").getpixel((3, 0)), picture.convert("RGBA").getpixel((3, 1))]
    assert [pixel[3] for pixel in alphas if isinstance(pixel, tuple)] == [0, 255 if transparency == 0 else 128]


@pytest.mark.parametrize(("mode", "clear", "becomes"), [("L", 7, "LA"), ("RGB", RED := (220, 30, 30), "RGBA")])
def test_one_clear_colour_becomes_alpha(tmp_path: Path, mode: str, clear: object, becomes: str) -> None:
    picture = Image.new(mode, (4, 4), 7 if mode == "L" else RED)
    with Image.open(BytesIO(scrubbed_here(tmp_path, full_png(picture, transparency=clear)))) as after:
        assert after.mode == becomes
        assert after.getchannel("A").getextrema() == (0, 0)


@pytest.mark.parametrize("clear", [None, 0x8000])
def test_sixteen_bits_become_eight(tmp_path: Path, clear: int | None) -> None:
    deep = Image.frombytes("I;16", (4, 1), struct.pack("<4H", 0, 0x1234, 0x8000, 0xFFFF))
    options = {} if clear is None else {"transparency": clear}
    out = BytesIO()
    deep.save(out, "PNG", **options)
    with Image.open(BytesIO(scrubbed_here(tmp_path, out.getvalue()))) as picture:
        assert picture.getchannel(0).tobytes() == bytes([0, 0x12, 0x80, 0xFF])
        assert clear is None or picture.getchannel("A").tobytes() == bytes([255, 255, 0, 255])


async def test_an_animated_gif(tmp_path: Path) -> None:
    given = moving_gif()
    assert COMMENT.encode() in given
    made = await scrub(placed(tmp_path, given), tmp_path / "into")
    data = (tmp_path / "into").read_bytes()
    assert made == Scrubbed(type=GIF, size=len(data), width=32, height=24, frames=3)
    assert_clean(data)
    assert data.endswith(b";")
    with Image.open(BytesIO(given)) as before, Image.open(BytesIO(data)) as after:
        assert after.info["loop"] == 4
        for number, duration in enumerate([100, 250, 400]):
            before.seek(number)
            after.seek(number)
            assert after.info["duration"] == duration
            assert after.convert("RGBA").tobytes() == before.convert("RGBA").tobytes()
        assert colours_of(after)[0] == "."


def test_a_gif_is_the_same_frame_for_frame(tmp_path: Path) -> None:
    out = BytesIO()
    first, *others = [corners().rotate(angle).quantize(16 + angle) for angle in range(5)]
    first.save(out, "GIF", save_all=True, append_images=others, interlace=1)
    before, after = gifs.parse(out.getvalue()), gifs.parse(scrubbed_here(tmp_path, out.getvalue()))
    assert [asdict(frame) | {"packed": 0, "interlaced": 0} for frame in after.frames] == [
        asdict(frame) | {"packed": 0, "interlaced": 0} for frame in before.frames
    ]
    assert after.palette == before.palette
    assert after.loop is None


@pytest.mark.parametrize(("media_type", "loop"), [(PNG, 2), (WEBP, 3)])
def test_other_animations(tmp_path: Path, media_type: str, loop: int) -> None:
    first, *others = moving_frames()
    many = {"save_all": True, "append_images": others, "duration": [100, 250, 400], "loop": loop}
    data = scrubbed_here(tmp_path, full_png(first, **many) if media_type == PNG else full_webp(first, **many))
    with Image.open(BytesIO(data)) as picture:
        assert getattr(picture, "n_frames", 1) == 3
        assert picture.info["loop"] == loop
        durations: list[float] = []
        for number in range(3):
            picture.seek(number)
            picture.load()
            durations.append(picture.info["duration"])
    assert durations == [100, 250, 400]


@pytest.mark.parametrize("count", [1, 2])
def test_what_an_animated_png_hides_is_left_out(tmp_path: Path, count: int) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime")[:count]]
    given = full_png(corners(size=(8, 8)), save_all=True, append_images=frames, default_image=True, duration=50)
    with Image.open(BytesIO(scrubbed_here(tmp_path, given))) as picture:
        assert getattr(picture, "n_frames", 1) == count
        assert picture.convert("RGB").getcolors() == [(64, (255, 0, 0))]


@pytest.mark.parametrize(("lossless", "chunk"), [(True, "VP8L"), (False, "VP8")])
async def test_a_webp_stays_what_it_is(tmp_path: Path, lossless: bool, chunk: str) -> None:
    given = full_webp(corners(), lossless=lossless)
    assert b"xmpmeta" in given
    made = await scrub(placed(tmp_path, given), tmp_path / "into")
    data = (tmp_path / "into").read_bytes()
    assert (made.type, made.width, made.height, made.frames) == (WEBP, 32, 48, 1)
    assert parts_of(data) == [chunk]
    assert_clean(data)


@pytest.mark.timeout(240)  # it is real work, and the machine may have other
async def test_six_megapixels_in_300_kilobytes(tmp_path: Path) -> None:
    source, types = placed(tmp_path, b""), frozenset({JPEG, PNG})
    noise((3000, 2000)).save(source, "JPEG", quality=92)
    assert source.stat().st_size > 600_000
    made = await fit(source, tmp_path / "one", types=types, most_bytes=300_000, seconds=120)
    assert made.type == JPEG
    assert 150_000 < made.size <= 300_000
    assert made.width * 2 == pytest.approx(made.height * 3, abs=4)
    again = fit_here(source, tmp_path / "two", types, 300_000)
    assert (again.width, again.height) == (made.width, made.height)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


async def test_what_shows_through_lies_on_white(tmp_path: Path) -> None:
    source = placed(tmp_path, b"")
    moving_frames()[0].save(source, "PNG")
    made = await fit(source, tmp_path / "into", types=frozenset({JPEG}), most_bytes=0)
    assert (made.type, made.width, made.height) == (JPEG, 32, 24)
    with Image.open(tmp_path / "into") as picture:
        assert colours_of(picture) == "WWWW"


def test_a_webp_becomes_a_jpeg(tmp_path: Path) -> None:
    source = placed(tmp_path, b"")
    corners().save(source, "WEBP", lossless=True)
    assert fit_here(source, tmp_path / "into", frozenset({JPEG, GIF}), 0).type == JPEG


@pytest.mark.parametrize("media_type", [PNG, GIF, WEBP])
@pytest.mark.parametrize("mode", ["RGBA", "L"])
def test_pixels_are_given_up_where_quality_is_not_enough(tmp_path: Path, media_type: str, mode: str) -> None:
    source, picture = placed(tmp_path, b""), noise((200, 152), mode)
    if mode == "RGBA":
        picture.putalpha(noise((200, 152), "L"))
    picture.save(source, "PNG")
    made = fit_here(source, tmp_path / "into", frozenset({media_type}), 4000)
    assert made.type == media_type
    assert 1000 < (tmp_path / "into").stat().st_size <= 4000
    assert made.width < 200 or media_type == WEBP


def test_a_little_less_quality_comes_first(tmp_path: Path) -> None:
    source, sizes = placed(tmp_path, b""), [0, 0]
    noise((600, 400)).save(source, "JPEG", quality=90, optimize=True, progressive=True)
    for number, part in enumerate((0.95, 0.8)):
        made = fit_here(source, tmp_path / "into", TYPES, int(source.stat().st_size * part))
        assert made.width == 600
        sizes[number] = (tmp_path / "into").stat().st_size
    assert sizes[0] > sizes[1]


@pytest.mark.parametrize("given", [moving_gif(), full_webp(corners()), phone_jpeg()])
def test_what_fits_is_copied(tmp_path: Path, given: bytes) -> None:
    made = fit_here(placed(tmp_path, given), tmp_path / "into", frozenset(), len(given))
    assert (tmp_path / "into").read_bytes() == given
    assert made.frames == (3 if made.type == GIF else 1)


@pytest.mark.parametrize(
    ("types", "most_bytes", "sentence"),
    [
        ({GIF}, 300, "it is an animation of 0.[0-9] kB, and at most 0.3 kB are taken there"),
        ({JPEG, PNG}, 0, "it is an animated GIF, which isn't taken there, and I don't convert animations"),
    ],
)
async def test_animations_are_never_converted(tmp_path: Path, types: set[str], most_bytes: int, sentence: str) -> None:
    with pytest.raises(ScrubError, match=f"^{sentence}$"):
        await fit(placed(tmp_path, moving_gif()), tmp_path / "into", types=frozenset(types), most_bytes=most_bytes)
    assert not (tmp_path / "into").exists()
    with pytest.raises(Unfit, match=f"^{sentence}$"):
        fit_here(tmp_path / "given", tmp_path / "into", frozenset(types), most_bytes)


def test_what_can_not_be_made_small_enough(tmp_path: Path) -> None:
    with pytest.raises(Unfit, match="it can't be made as small as the 20 bytes that are taken there"):
        fit_here(placed(tmp_path, full_png(corners())), tmp_path / "into", TYPES, 20)


@pytest.mark.parametrize(
    ("own", "types", "opaque", "becomes"),
    [
        (PNG, {PNG, JPEG}, True, JPEG),
        (PNG, {PNG, WEBP}, True, PNG),
        (WEBP, {PNG, WEBP}, False, WEBP),
        (GIF, {GIF, PNG}, False, PNG),
        (PNG, set[str](), False, PNG),
        (PNG, {GIF, JPEG}, False, JPEG),
        (PNG, {GIF}, True, GIF),
    ],
)
def test_what_a_still_picture_becomes(own: str, types: set[str], opaque: bool, becomes: str) -> None:
    assert target(own, frozenset(types), opaque=opaque) == becomes


def test_where_nothing_that_we_write_is_taken() -> None:
    with pytest.raises(Unfit, match="it would have to be a type of picture that I can't write"):
        target(PNG, frozenset({"image/avif"}), opaque=True)


async def test_the_machines_faults_are_not_the_pictures(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file") as caught:
        await scrub(tmp_path / "none", tmp_path / "into")
    assert caught.value.errno == errno.ENOENT


def test_a_place_that_is_none(tmp_path: Path) -> None:
    source = placed(tmp_path, phone_jpeg())
    order = Order(do="fit", source=str(source), into=str(tmp_path / "a/b"), types=[], most_bytes=0, seconds=1)
    assert answer(order) == {"failed": errno.ENOENT}


def test_no_file_grows_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.pictures.scrub.MOST_BYTES", 10)
    with pytest.raises(Unfit, match="it is too large to unpack"):
        keep(bytes(11), tmp_path / "into")
    assert list(tmp_path.iterdir()) == []
