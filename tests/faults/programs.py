"""Programs that are started again when they end, and a Redis that can be killed and frozen."""

import contextlib
import os
import shutil
import signal
import subprocess
import threading
from pathlib import Path

import psutil

from tests.servers import free_port

ROOT = Path(__file__).resolve().parent.parent.parent


class Service:
    """One process that is started again when it ends, as compose does with `restart: unless-stopped`."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str], log: Path):
        self.name, self.starts = name, 0
        self._command, self._environment, self._log = command, environment, log
        self._ends = False
        self._lock = threading.Lock()
        self._start()
        self._keeper = threading.Thread(target=self._keep, name=name, daemon=True)
        self._keeper.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def text(self) -> str:
        """All that it has written so far."""
        return self._log.read_text(errors="replace")

    def kill(self) -> None:
        """Kill -9 the process with its children; it comes back by itself."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def ask_to_end(self) -> None:
        """Tell the process to end in its own time, as a deployment does; it comes back by itself."""
        self._process.terminate()

    def children(self) -> list[int]:
        with contextlib.suppress(psutil.NoSuchProcess):
            return [child.pid for child in psutil.Process(self.pid).children()]
        return []

    def end(self) -> None:
        """Kill the process for good."""
        with self._lock:
            self._ends = True
            self.kill()

    def stop(self) -> None:
        """Kill the process for good and wait until it is gone."""
        self.end()
        self._keeper.join(20)

    def _start(self) -> None:
        self.starts += 1
        with self._log.open("ab") as lines:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                cwd=ROOT,
                stdout=lines,
                stderr=lines,
                start_new_session=True,
            )

    def _keep(self) -> None:
        while True:
            self._process.wait()
            self.kill()  # what it leaves behind
            with self._lock:
                if self._ends:
                    return
                self._start()


class Redis:
    """A Redis without a memory: what is killed comes back empty."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("redis-server")
        assert program, "redis-server is not on the PATH"
        self.port = free_port()
        self._command = [
            *(program, "--port", str(self.port), "--bind", "127.0.0.1"),
            *("--save", "", "--dir", str(folder), "--maxmemory-policy", "noeviction"),
        ]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it, unless it runs."""
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(10)

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def flush(self) -> None:
        """Forget everything, as FLUSHALL does."""
        import redis

        with redis.Redis(port=self.port) as client:
            client.flushall()
