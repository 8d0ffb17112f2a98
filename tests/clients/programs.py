"""Runs programs of others, away from what this machine's user has set up."""

import os
import subprocess
import sys
from pathlib import Path

#: Where the programs of the requirements are.
BESIDE_PYTHON = Path(sys.executable).parent


def run(*command: str | Path, folder: Path, words: str = "", **environment: str) -> str:
    """Run a program that has `folder` as its home, gets `words` to read and must end well.

    Returns what it printed.
    """
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        input=words,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            **environment,
        },
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}:\n{done.stderr}"
    return done.stdout
