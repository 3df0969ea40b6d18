"""The container image: built without a registry, started as it will be, on a read-only root file system.

What buildah's chroot isolation can't do, a container engine would: `--read-only`, the health check's timer, the
entry point. So the root is mounted read-only by hand in a mount namespace of its own, and the image's own commands
are read from its configuration and run there as the image's own user.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.servers.ports import HOST, claim_port, release_port
from tests.servers.require import STRICT

pytestmark = [pytest.mark.servers, pytest.mark.timeout(900)]

PROJECT = Path(__file__).parents[2]
TAG = "localhost/statusbridge:test"
VOLUME = "var/lib/statusbridge"
PATIENCE = 60.0

ENTER = """
set -e
root=$1 volume=$2 config=$3
shift 3
mount --make-rprivate /
mount --bind "$root" "$root"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount --bind "$volume" "$root/var/lib/statusbridge"
mount --bind "$config" "$root/etc/statusbridge"
mount -o remount,bind,ro "$root/etc/statusbridge"
mount -o remount,bind,ro "$root"
exec chroot --userspec=10001:10001 "$root" /usr/bin/env -i -C /var/lib/statusbridge "$@"
"""

CONFIG = """
[xmpp]
jid = "status@example.org"
password = "s3cret-of-the-image-test"
host = "127.0.0.1"
port = {xmpp}

[store]
url = "sqlite:////var/lib/statusbridge/statusbridge.db"
media = "/var/lib/statusbridge/media"

[[rooms]]
jid = "ops@rooms.example.org"

[people]
"ana@example.org" = ["admin"]

[web]
listen = "127.0.0.1:{web}"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A container made of the image: its file system, what the image says of itself, a volume and a configuration."""

    root: Path
    config: dict[str, Any]
    volume: Path
    etc: Path

    def command(self, *arguments: str, **extra: str) -> list[str]:
        """Return what runs `arguments` inside, as the image's user, with the image's environment and `extra`."""
        environment = [*self.config["Env"], *(f"{name}={value}" for name, value in extra.items())]
        inside = [str(self.root), str(self.volume), str(self.etc), *environment, *arguments]
        return ["unshare", "--mount", "bash", "-c", ENTER, "enter", *inside]

    def run(self, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        """Run `arguments` inside to their end."""
        command = self.command(*arguments, **extra)
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)

    def configure(self, *, xmpp: int, web: int) -> None:
        """Write a configuration for the ports `xmpp` and `web`."""
        file = self.etc / "config.toml"
        file.write_text(CONFIG.format(xmpp=xmpp, web=web), encoding="utf-8")
        file.chmod(0o600)
        os.chown(file, 10001, 10001)


def buildah(*arguments: str) -> str:
    return subprocess.run(["buildah", *arguments], capture_output=True, text=True, timeout=PATIENCE, check=True).stdout


@pytest.fixture(scope="module")
def container() -> Iterator[tuple[Path, dict[str, Any]]]:
    """Build the image and unpack a container of it."""
    lacking = [name for name in ("buildah", "debootstrap", "unshare") if shutil.which(name) is None]
    if os.geteuid() != 0:
        lacking.append("root")
    if lacking:
        reason = f"the image needs {', '.join(lacking)}: run `make test-servers` as root"
        if os.environ.get(STRICT) == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    built = subprocess.run(
        [str(PROJECT / "scripts/image.sh"), TAG], capture_output=True, text=True, timeout=840, check=False
    )
    assert built.returncode == 0, built.stderr
    name = buildah("from", "--pull=never", TAG).strip()
    try:
        config = json.loads(buildah("inspect", "--type", "image", TAG))["Docker"]["config"]
        yield Path(buildah("mount", name).strip()), config
    finally:
        buildah("rm", name)


@pytest.fixture
def image(container: tuple[Path, dict[str, Any]], tmp_path: Path) -> Image:
    root, config = container
    volume, etc = tmp_path / "volume", tmp_path / "etc"
    volume.mkdir(mode=0o750)
    os.chown(volume, 10001, 10001)
    etc.mkdir(mode=0o755)
    return Image(root=root, config=config, volume=volume, etc=etc)


@pytest.fixture
def ports() -> Iterator[tuple[int, int]]:
    """Two free ports: nothing listens on the first, the bridge will on the second."""
    claimed = claim_port(), claim_port()
    yield claimed
    for port in claimed:
        release_port(port)


def test_says_what_an_engine_must_know(image: Image) -> None:
    assert image.config["User"] == "10001:10001"
    assert image.config["WorkingDir"] == f"/{VOLUME}"
    assert list(image.config["Volumes"]) == [f"/{VOLUME}"]
    assert image.config["Entrypoint"] == ["statusbridge", "--config", "/etc/statusbridge/config.toml"]
    assert image.config["Cmd"] == ["run"]
    assert image.config["Healthcheck"]["Test"][:2] == ["CMD", "python3"]


def test_holds_neither_build_tools_nor_caches(image: Image) -> None:
    scripts = {path.name for path in image.root.glob("opt/statusbridge/bin/*")}
    assert {"python3", "statusbridge"} <= scripts
    assert not {name for name in scripts if name.startswith(("pip", "hatch"))}
    assert not [name for name in ("src", "wheel", "opt/build", "root/.cache") if image.root.joinpath(name).exists()]
    assert [image.run("sh", "-c", f"command -v {name}").stdout for name in ("cc", "gcc", "make")] == ["", "", ""]


def test_isnt_root_and_can_write_to_the_volume_alone(image: Image) -> None:
    assert image.run("id", "-u").stdout == "10001\n"
    places = [
        f"/{VOLUME}",
        "/",
        "/etc",
        "/etc/statusbridge",
        "/opt/statusbridge",
        "/tmp",
        "/usr",
        "/var/lib",
        "/var/tmp",
    ]
    probe = 'for place; do if touch "$place/probe" 2>/dev/null; then echo "$place"; fi; done'
    assert image.run("sh", "-c", probe, "probe", *places).stdout.splitlines() == [f"/{VOLUME}"]
    assert [path.name for path in image.volume.iterdir()] == ["probe"]
    assert image.volume.joinpath("probe").stat().st_uid == 10001


def test_tells_its_version(image: Image) -> None:
    done = image.run("statusbridge", "--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["statusbridge", "0.1.0"]


def test_a_missing_configuration_is_one_clear_line(image: Image) -> None:
    done = image.run(*image.config["Entrypoint"], "check")
    assert done.returncode != 0
    (line,) = (done.stdout + done.stderr).splitlines()
    assert "/etc/statusbridge/config.toml" in line
    assert list(image.volume.iterdir()) == []


def test_check_reads_the_configuration_and_names_what_is_unreachable(image: Image, ports: tuple[int, int]) -> None:
    xmpp, web = ports
    image.configure(xmpp=xmpp, web=web)
    done = image.run(*image.config["Entrypoint"], "check")
    assert done.returncode != 0, done.stdout
    assert "127.0.0.1" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert "s3cret-of-the-image-test" not in done.stdout + done.stderr


def test_runs_on_a_read_only_root_and_stops_when_told(image: Image, ports: tuple[int, int]) -> None:
    xmpp, web = ports
    image.configure(xmpp=xmpp, web=web)
    with started(image, web) as process:
        health = image.run(*image.config["Healthcheck"]["Test"][1:], HEALTH_URL=f"http://{HOST}:{web}/healthz")
        # Nobody is at the other end, so it may well say that it isn't healthy: the check must agree with the page.
        assert (health.returncode == 0) == (status_of(web) == 200), health.stderr
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, output
    assert "Traceback" not in output
    assert "s3cret-of-the-image-test" not in output
    assert image.volume.joinpath("statusbridge.db").stat().st_uid == 10001


@contextmanager
def started(image: Image, web: int) -> Generator[subprocess.Popen[str]]:
    """Run the image's own command until its page answers; end it, whatever happens."""
    command = image.command(*image.config["Entrypoint"], *image.config["Cmd"])
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            deadline = time.monotonic() + PATIENCE
            while status_of(web) is None:
                assert process.poll() is None, process.communicate()[0]
                assert time.monotonic() < deadline, "the page never answered"
                time.sleep(0.05)
            yield process
        finally:
            process.kill()


def status_of(port: int) -> int | None:
    """Return the status of /healthz on `port`, None while nobody listens."""
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status
    except ConnectionRefusedError:
        return None
    finally:
        connection.close()
