"""The site as calendar programs reach it, and the servers and packages that these need."""

import fcntl
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests import servers
from tests.clients.programs import run

HERE = Path(__file__).parent
#: The day on which all is read.
TODAY = datetime(2027, 1, 15, 9, tzinfo=UTC)
SITE = "https://events.plenary.test"
#: Kept between runs, outside of the tree.
READERS = HERE.parent.parent / "var" / "calendar-readers"
NO_NETWORK = ("ENOTFOUND", "ECONNREFUSED", "EAI_AGAIN", "ETIMEDOUT", "ENOTCACHED", "network")


class Site:
    """The running site; `url` is where it listens, as behind a proxy that speaks HTTPS for it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def here(self, link: str) -> str:
        """The address of a link of the site, or of a path, on this machine."""
        return self.url + link.removeprefix(SITE)


@pytest.fixture
def site(live_server, settings, time_machine):
    """The running site on a day of 2027, without events."""
    settings.SITE_URL = SITE
    time_machine.move_to(TODAY)
    return Site(live_server.url)


@pytest.fixture
def radicale(tmp_path):
    """The address of a CalDAV server that is ours alone, and lets everybody in."""
    port = servers.free_port()
    options = {
        "--server-hosts": f"127.0.0.1:{port}",
        "--storage-filesystem-folder": str(tmp_path / "collections"),
        "--auth-type": "none",
        "--rights-type": "authenticated",
        "--logging-level": "warning",
    }
    with (tmp_path / "radicale.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "radicale", "--config", ""]
            + [part for option in options.items() for part in option],
            stdout=log,
            stderr=log,
        )
    try:
        servers.wait_until(lambda: servers.answers(port), seconds=20, what="Radicale answers")
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="session")
def node():
    """Runs a script of this folder with the JavaScript readers at hand: `node(script, address)`."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node or npm is not on the PATH")
    _install_readers()

    def ask(script: str, *arguments: str, timezone: str = "UTC") -> str:
        # Node finds packages beside a script, and beside itself when the script comes on its input.
        command = ("node", "--input-type=module", "-", *arguments)
        words = (HERE / script).read_text("utf-8")
        return run(*command, words=words, folder=READERS, TZ=timezone)

    return ask


def _install_readers() -> None:
    """Install what the lock file names, unless that is there: one process at a time."""
    READERS.mkdir(parents=True, exist_ok=True)
    with (READERS / "busy").open("w") as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)
        wanted = (HERE / "package-lock.json").read_bytes()
        installed = READERS / "installed.json"
        if installed.is_file() and installed.read_bytes() == wanted:
            return
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, READERS)
        # Neither addresses of packages nor scripts of theirs: the hashes alone say what is right.
        done = subprocess.run(
            ["npm", "ci", "--omit-lockfile-registry-resolved", "--ignore-scripts", "--no-audit",
             "--no-fund", "--fetch-retries=1", "--loglevel=error"],
            cwd=READERS, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        if done.returncode and any(sign in done.stderr for sign in NO_NETWORK):
            pytest.skip("npm cannot reach its registry, and the readers are not installed")
        assert done.returncode == 0, f"npm could not install the readers:\n{done.stderr}"
        installed.write_bytes(wanted)
