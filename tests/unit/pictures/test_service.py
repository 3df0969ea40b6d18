from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from structlog.testing import capture_logs

from bridge.domain.deliveries import Delivery, DeliveryKind, State
from bridge.domain.ids import EntryId
from bridge.domain.outbox import Draft
from bridge.domain.people import Place, Target
from bridge.domain.pictures import Lost, PictureState, StoredPicture
from bridge.domain.posts import Key
from bridge.pictures.fetch import FetchError
from bridge.pictures.service import ATTEMPTS, KEEP, Pictures
from bridge.plugin import Limits
from bridge.settings import Current, Settings
from bridge.store import NotCommitted, Store, notices, pictures, posts
from bridge.testing import FakeClock
from tests.servers.pictures import MAKER, moving_gif, phone_jpeg
from tests.servers.watch import PATIENCE, Watch

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable
    from pathlib import Path

    from bridge.store import Tx

RAJ = Target("raj@example.org", Place.DIRECT)
PHOTO = "https://upload.example.org/photo.jpg"
POST = EntryId(1)


@dataclass
class Shelf:
    """Files behind links; a link may also fail, or wait until the test lets it go."""

    files: dict[str, bytes | FetchError]
    asked: list[str] = field(default_factory=list[str])
    gates: dict[str, asyncio.Event] = field(default_factory=dict[str, asyncio.Event])
    watch: Watch = field(default_factory=Watch)

    async def fetch(self, url: str, into: Path) -> int:
        self.asked.append(url)
        self.watch.changed()
        if gate := self.gates.get(url):
            await gate.wait()
        found = self.files[url]
        if isinstance(found, FetchError):
            raise FetchError(str(found), again=found.again)
        await asyncio.to_thread(into.write_bytes, found)
        return len(found)

    async def is_asked(self, count: int) -> None:
        await self.watch.until(
            lambda: len(self.asked) >= count, timeout=PATIENCE, otherwise=lambda: f"asked for {self.asked}"
        )


@dataclass
class Bench:
    """One store, one directory, and services that come and go."""

    store: Store
    clock: FakeClock
    settings: Settings
    shelf: Shelf

    @property
    def folder(self) -> Path:
        return self.settings.store.media

    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir()) if self.folder.exists() else []

    def service(self) -> Pictures:
        return Pictures(self.store, Current(self.settings), self.clock, lambda: self.shelf)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[Pictures]:
        service = self.service()
        task = asyncio.create_task(service.run())
        try:
            yield service
        finally:
            task.cancel()
            await asyncio.wait({task})
            assert task.cancelled()

    async def share(self, url: str = PHOTO, *, post: EntryId | None = None, alt: str = "") -> int:
        now = self.clock.now()
        return await self.store.write(
            lambda tx: pictures.add(tx, url=url, sender=RAJ.jid, source=RAJ, alt=alt, stanza=None, at=now, post=post)
        )

    async def add_post(self) -> EntryId:
        draft = Draft(
            author=RAJ.jid,
            nick="raj",
            source=RAJ,
            text="look",
            hold=timedelta(0),
            created_at=self.clock.now(),
            pictures=1,
        )
        return (await self.store.write(lambda tx: posts.add(tx, draft, stanza=None))).id

    async def becomes(self, one: int, state: PictureState) -> StoredPicture:
        """Wait until a picture stands so."""
        found = None
        for _ in range(3_000):
            found = await self.store.read(lambda tx: pictures.get(tx, one))
            if found is not None and found.state is state:
                return found
            await asyncio.sleep(0.01)
        raise AssertionError(f"{found} is not {state}")

    async def said(self) -> list[str]:
        return [one.body for one in await self.store.read(notices.pending)]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    clock = FakeClock()
    settings = Settings.model_validate(
        {
            "xmpp": {"jid": "status@example.org", "password": "secret"},
            "store": {"media": str(tmp_path / "media")},
            "accounts": {"mastodon": {"plugin": "mastodon"}},
        }
    )
    async with Store.open(f"sqlite:///{tmp_path / 'store.db'}", clock=clock) as store:
        yield Bench(store, clock, settings, Shelf({PHOTO: phone_jpeg()}))


def delivery(post: EntryId = POST, **values: Any) -> Delivery:
    made = Delivery(
        id=1,
        post=post,
        source=RAJ,
        account="mastodon",
        kind=DeliveryKind.POST,
        text="look",
        state=State.SENDING,
        key=Key(token="k", minted_at=FakeClock().now()),
        fresh_since=FakeClock().now(),
        pictures=1,
    )
    return replace(made, **values)


async def test_a_picture_is_fetched_cleaned_kept_and_told(bench: Bench) -> None:
    one = await bench.share()
    async with bench.running():
        ready = await bench.becomes(one, PictureState.READY)
    assert ready.file is not None
    assert bench.files() == [ready.file]
    data = (bench.folder / ready.file).read_bytes()
    assert (ready.type, ready.size, ready.frames) == ("image/jpeg", len(data), 1)
    assert MAKER.encode() not in data
    assert b"Exif" not in data
    (line,) = await bench.said()
    assert line.startswith(f"I have your picture (JPEG, {ready.width} x {ready.height}, 1 kB), without its metadata.")


async def test_a_post_gets_its_pictures_with_their_descriptions(bench: Bench) -> None:
    post = await bench.add_post()
    one = await bench.share(post=post, alt="A shut door")
    async with bench.running() as service:
        await bench.becomes(one, PictureState.READY)
        limits = Limits(text=500, media=4)
        (media,) = await service.media(delivery(post), limits)
        assert (media.type, media.alt) == ("image/jpeg", "A shut door")
        assert media.data == (bench.folder / bench.files()[0]).read_bytes()
        assert await service.media(delivery(post, part=1), limits) == ()
        assert await service.media(delivery(post), Limits(text=500)) == ()


async def test_a_picture_is_made_to_fit_once(bench: Bench) -> None:
    bench.shelf.files[PHOTO] = phone_jpeg(Image.effect_noise((400, 300), 90).convert("RGB"))
    post = await bench.add_post()
    one = await bench.share(post=post)
    async with bench.running() as service:
        ready = await bench.becomes(one, PictureState.READY)
        limits = Limits(text=500, media=4, media_bytes=9_000, media_types=frozenset({"image/png", "image/jpeg"}))
        assert ready.size > limits.media_bytes
        first, second = await asyncio.gather(
            service.media(delivery(post), limits), service.media(delivery(post), limits)
        )
        assert first == second
        assert len(first[0].data) <= limits.media_bytes
        assert first[0].type == "image/jpeg"
        assert len(bench.files()) == 2


async def test_an_animation_that_does_not_fit_is_left_out(bench: Bench) -> None:
    bench.shelf.files[PHOTO] = moving_gif()
    post = await bench.add_post()
    one = await bench.share(post=post)
    async with bench.running() as service:
        ready = await bench.becomes(one, PictureState.READY)
        assert ready.frames > 1
        fits = Limits(text=500, media=1, media_bytes=ready.size)
        assert len(await service.media(delivery(post), fits)) == 1
        assert await service.media(delivery(post), replace(fits, media_bytes=ready.size - 1)) == ()
        assert await service.media(delivery(post), replace(fits, media_types=frozenset({"image/png"}))) == ()


async def test_a_file_that_is_gone_is_no_reason_to_post_without_it(bench: Bench) -> None:
    post = await bench.add_post()
    one = await bench.share(post=post)
    async with bench.running() as service:
        ready = await bench.becomes(one, PictureState.READY)
        assert ready.file is not None
        (bench.folder / ready.file).unlink()
        with pytest.raises(Lost, match="on the disk any more"):
            await service.media(delivery(post), Limits(text=500, media=4))
        with pytest.raises(Lost, match="its picture"):
            await service.media(delivery(post), Limits(text=500, media=4, media_types=frozenset({"image/png"})))


async def test_what_was_wanted_before_a_kill_is_fetched_after_it(bench: Bench) -> None:
    gate = bench.shelf.gates[PHOTO] = asyncio.Event()
    one = await bench.share()
    async with bench.running():
        await bench.shelf.is_asked(1)
    assert bench.files() == []
    (bench.folder / "1-left.raw").write_bytes(b"of an earlier run")
    (bench.folder / ".1-left.picture.part").write_bytes(b"of an earlier run")
    gate.set()
    async with bench.running():
        ready = await bench.becomes(one, PictureState.READY)
    assert bench.shelf.asked == [PHOTO, PHOTO]
    assert bench.files() == [ready.file]
    assert len(await bench.said()) == 1


async def test_what_came_of_a_picture_is_written_once_though_the_store_fails(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, failures = bench.store.write, [NotCommitted("the disk is full"), NotCommitted("the disk is full")]

    async def failing(unit: Callable[[Tx], Any], *, bulk: bool = False) -> Any:
        if failures and not bulk:
            raise failures.pop()
        return await write(unit, bulk=bulk)

    one = await bench.share()
    monkeypatch.setattr(bench.store, "write", failing)
    async with bench.running():
        for _ in range(2):
            await bench.clock.wait_for_wait(1.0)
            await bench.clock.advance(1)
        ready = await bench.becomes(one, PictureState.READY)
    assert bench.files() == [ready.file]
    assert len(await bench.said()) == 1


async def test_what_is_forgotten_while_it_is_fetched_leaves_no_file(bench: Bench) -> None:
    gate = bench.shelf.gates[PHOTO] = asyncio.Event()
    one = await bench.share()
    async with bench.running() as service:
        await bench.shelf.is_asked(1)
        await bench.store.write(lambda tx: pictures.drop(tx, one))
        gate.set()
        await asyncio.gather(*service._working.values())
        assert bench.files() == []
    assert await bench.said() == []


async def test_a_server_that_is_away_is_asked_again_and_then_no_more(bench: Bench) -> None:
    bench.shelf.files[PHOTO] = FetchError("the server of the file doesn't answer", again=True)
    one = await bench.share()
    async with bench.running():
        for count, pause in enumerate((5, 15, 45), 1):
            await bench.shelf.is_asked(count)
            await bench.clock.wait_for_wait(pause)
            await bench.clock.advance(pause)
        failed = await bench.becomes(one, PictureState.FAILED)
    assert len(bench.shelf.asked) == failed.attempts == ATTEMPTS
    assert await bench.said() == [
        "I can't take that picture: the server of the file doesn't answer. Nothing was posted.",
    ]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (FetchError("it isn't there any more", again=False), "it isn't there any more"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "it is an SVG drawing"),
        (phone_jpeg()[:200], ""),
    ],
)
async def test_what_is_no_picture_is_refused_at_once(bench: Bench, found: bytes | FetchError, said: str) -> None:
    bench.shelf.files[PHOTO] = found
    one = await bench.share()
    async with bench.running():
        await bench.becomes(one, PictureState.FAILED)
    assert len(bench.shelf.asked) == 1
    assert bench.files() == []
    (line,) = await bench.said()
    assert line.startswith(f"I can't take that picture: {said}")
    assert line.endswith(". Nothing was posted.")


async def test_what_waited_too_long_is_not_fetched(bench: Bench) -> None:
    one = await bench.share()
    await bench.clock.advance(3_601)
    async with bench.running():
        await bench.becomes(one, PictureState.FAILED)
    assert bench.shelf.asked == []


async def test_what_is_settled_while_the_directory_is_tidied_keeps_its_file(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = bench.shelf.gates[PHOTO] = asyncio.Event()
    one = await bench.share()
    async with bench.running() as service:
        await bench.shelf.is_asked(1)
        read = bench.store.read

        async def slow(query: Callable[[Tx], Any]) -> Any:
            monkeypatch.setattr(bench.store, "read", read)
            found = await read(query)
            gate.set()
            await bench.becomes(one, PictureState.READY)
            return found

        monkeypatch.setattr(bench.store, "read", slow)
        await service.tidy()
        ready = await bench.becomes(one, PictureState.READY)
        assert bench.files() == [ready.file]


async def test_an_error_of_ours_does_not_ask_a_server_for_ever(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise TypeError("a bug")

    monkeypatch.setattr("bridge.pictures.service.scrub", broken)
    one = await bench.share()
    with capture_logs() as logs:
        async with bench.running():
            for count, pause in enumerate((5, 15, 45), 1):
                await bench.shelf.is_asked(count)
                await bench.clock.wait_for_wait(pause)
                await bench.clock.advance(pause)
            await bench.becomes(one, PictureState.FAILED)
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["a picture could not be fetched"] * 4
    assert len(bench.shelf.asked) == ATTEMPTS
    assert bench.files() == []


async def test_one_slow_server_keeps_nobody_else_waiting(bench: Bench) -> None:
    slow = "https://slow.example.org/a.jpg"
    bench.shelf.gates[slow] = asyncio.Event()
    first = await bench.share(slow)
    second = await bench.share()
    async with bench.running():
        await bench.becomes(second, PictureState.READY)
        assert (await bench.becomes(first, PictureState.WANTED)).attempts == 0


async def test_files_go_when_nobody_can_need_them_any_more(bench: Bench) -> None:
    post = await bench.add_post()
    loose, used = await bench.share(), await bench.share(post=post)
    async with bench.running() as service:
        await bench.becomes(loose, PictureState.READY)
        await bench.becomes(used, PictureState.READY)
        await service.media(delivery(post), Limits(text=500, media=4, media_types=frozenset({"image/webp"})))
        await service.tidy()
        assert len(bench.files()) == 3
        await bench.clock.advance(KEEP.total_seconds() + 1)
        await service.tidy()
    assert bench.files() == []
    assert (await bench.becomes(used, PictureState.DROPPED)).file is None
