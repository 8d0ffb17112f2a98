"""Owns a running demo: sets up what is missing, keeps web, worker and beat alive, leaves no process behind.

Uses the standard library alone, because it starts before the packages are there.
"""

import ctypes
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
VAR = Path(os.environ.get("VAR_DIR") or ROOT / "var")
PYTHON = str(ROOT / ".venv/bin/python")

TICK = 0.2  # seconds between two looks at the processes
START_LIMIT = 60  # seconds that the first answer may take
STOP_LIMIT = 10  # seconds that a process may take to end by itself
STEADY = 60  # seconds after which a process counts as running well again
LONGEST_PAUSE = 60  # seconds, at most, before a process is started again


class Stopped(Exception):
    """Somebody asked the demo to stop."""


class Failed(Exception):
    """The demo cannot run; the text says why, if that has not been said."""


class Processes:
    """All that the demo has started, each as the leader of a process group of its own.

    A group of its own keeps the terminal's Ctrl-C away from it, so that the demo alone decides the order.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.leaders: list[subprocess.Popen[bytes]] = []
        self.parent = os.getppid()
        self.asked_to_stop = False
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if name == signal.SIGHUP and signal.getsignal(name) == signal.SIG_IGN:
                continue  # started under nohup
            signal.signal(name, self._ask_to_stop)

    def _ask_to_stop(self, *_: object) -> None:
        self.asked_to_stop = True

    def pause(self) -> None:
        """Wait one tick. Raises Stopped when a signal came or the process that started the demo is gone."""
        time.sleep(TICK)
        if self.asked_to_stop or os.getppid() != self.parent:
            raise Stopped

    def start(self, command: list[str], log: Path | None = None) -> subprocess.Popen[bytes]:
        """Start a command in the project's folder; its output goes to the end of `log`, or to ours."""
        with open(log or os.devnull, "ab") as output:
            leader = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output if log else None,
                stderr=subprocess.STDOUT if log else None,
                start_new_session=True,
                preexec_fn=end_with_parent if sys.platform == "linux" else None,
            )
        self.leaders.append(leader)
        return leader

    def run(self, command: list[str]) -> None:
        """Run a command to its end. Raises Failed when it fails, having said why itself."""
        leader = self.start(command)
        while leader.poll() is None:
            self.pause()
        self.bury(leader)
        if leader.returncode:
            raise Failed

    def bury(self, leader: subprocess.Popen[bytes]) -> None:
        """Make sure that nothing is left of a process that ended or must end: workers outlive their master."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(leader.pid, signal.SIGKILL)
        leader.wait()
        self.leaders.remove(leader)

    def stop(self) -> None:
        """Ask all to end, wait, and end the rest by force."""
        for leader in self.leaders:
            leader.terminate()
        limit = time.monotonic() + STOP_LIMIT
        for leader in list(self.leaders):
            with suppress(subprocess.TimeoutExpired):
                leader.wait(max(0, limit - time.monotonic()))
            self.bury(leader)


class Service:
    """One process that must keep running: it is started again when it ends, after a pause that grows."""

    def __init__(self, processes: Processes, name: str, command: list[str]) -> None:
        self.processes = processes
        self.name = name
        self.command = command
        self.log = VAR / "log" / f"{name}.log"
        self.log.write_bytes(b"")
        self.next_pause = 1
        self.start()

    def start(self) -> None:
        self.started_at = time.monotonic()
        self.start_at: float | None = None
        self.leader = self.processes.start(self.command, self.log)

    def tend(self) -> None:
        """Look after the process once."""
        if self.start_at is not None:
            if time.monotonic() >= self.start_at:
                self.start()
        elif (code := self.leader.poll()) is not None:
            self.processes.bury(self.leader)
            if time.monotonic() - self.started_at >= STEADY:
                self.next_pause = 1
            say(
                f"The {self.name} process ended (code {code}); it starts again in {self.next_pause} s."
                f" See {shown(self.log)}."
            )
            self.start_at = time.monotonic() + self.next_pause
            self.next_pause = min(2 * self.next_pause, LONGEST_PAUSE)


def end_with_parent() -> None:
    """Have the kernel end this process when the demo is killed without a chance to do it (Linux only)."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def say(text: str, to: TextIO = sys.stdout) -> None:
    with suppress(OSError):  # the terminal may be gone, and the processes must end all the same
        print(text, end="\n" if text else "", file=to, flush=True)


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def chosen_port() -> int:
    """Return the port from the environment, 8000 by default. Raises Failed unless it is free."""
    text = os.environ.get("PORT") or "8000"
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise Failed(f"PORT must be a number from 1 to 65535, and is {text!r}: PORT=8001 make demo")
    port = int(text)
    if not is_free(port):
        other = next((n for n in range(port + 1, 65536) if is_free(n)), 8001)
        raise Failed(
            f"Port {port} is in use; choose another one, for example: PORT={other} make demo"
        )
    return port


def is_free(port: int) -> bool:
    with socket.socket() as caller:
        caller.settimeout(1)
        if caller.connect_ex(("127.0.0.1", port)) == 0:
            return False
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def is_live(port: int, site_url: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/live", headers={"Host": urlsplit(site_url).netloc})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def wait_until_live(processes: Processes, web: Service, port: int) -> None:
    """Wait for the first answer of the web server. Raises Failed when it ends or takes too long."""
    limit = time.monotonic() + START_LIMIT
    while not is_live(port, processes.environment["SITE_URL"]):
        if web.leader.poll() is not None or time.monotonic() > limit:
            end = "\n".join(web.log.read_text(errors="replace").splitlines()[-5:])
            raise Failed(f"The web server does not answer; {shown(web.log)} ends so:\n{end}")
        processes.pause()


def run(processes: Processes, port: int) -> None:
    """Run the demo until somebody stops it, which raises Stopped. Raises Failed when it cannot start."""
    processes.run([str(ROOT / ".ci/set-up"), "requirements.txt"])
    processes.run([PYTHON, str(ROOT / "demo/prepare.py")])

    # The same three processes as in production; the web server first, as somebody waits for its address.
    (VAR / "log").mkdir(parents=True, exist_ok=True)
    gunicorn = [PYTHON, "-m", "gunicorn", "events_site.wsgi", "--bind", f"127.0.0.1:{port}"]
    celery = [PYTHON, "-m", "celery", "-A", "events_site"]
    worker = [*celery, "worker", "--concurrency", "1", "--without-gossip", "--without-mingle"]
    beat = [*celery, "beat", "--schedule", str(VAR / "beat-schedule")]
    # Loaded once for both of its workers, which halves the time to the first answer.
    web = Service(
        processes, "web", [*gunicorn, "--workers", "2", "--preload", "--no-control-socket"]
    )
    wait_until_live(processes, web, port)
    services = [
        web,
        Service(processes, "worker", [*worker, "--loglevel", "INFO"]),
        Service(processes, "beat", [*beat, "--loglevel", "INFO"]),
    ]

    say(f"\nPlenary runs at {processes.environment['SITE_URL']}\n")
    with suppress(FileNotFoundError):
        say((VAR / "demo-sign-ins.txt").read_text())
    say(f"Mail goes to {shown(VAR / 'mail')}, logs to {shown(VAR / 'log')}. Ctrl-C stops it all.")
    while True:
        for service in services:
            service.tend()
        processes.pause()


def main() -> int:
    try:
        port = chosen_port()
        environment = {"SITE_URL": f"http://127.0.0.1:{port}", "DEMO": "1", **os.environ}
        processes = Processes(environment)
        try:
            run(processes, port)
        except Stopped:
            say("\nStopping.")
        finally:
            processes.stop()
    except Failed as failure:
        say(str(failure), to=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
