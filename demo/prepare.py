"""Brings the database, the static files and the demo network up to date; quick when nothing has changed.

One process for all the commands, because starting Django takes longer than most of them.
"""

import hashlib
import io
import logging
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "events_site.settings")

import django  # noqa: E402
from django.conf import settings  # noqa: E402
from django.contrib.staticfiles.finders import get_finders  # noqa: E402
from django.core.management import CommandError, call_command  # noqa: E402


def main() -> None:
    django.setup()
    logging.disable(logging.INFO)  # what the loader edits and publishes is no news here
    print("Bringing the database up to date.", flush=True)
    call_command("migrate", interactive=False, verbosity=0)
    call_command("setup_site", stdout=io.StringIO())
    collect_static()
    load_network()


def load_network() -> None:
    """Load the demo network and say what there is. Records left out are named, and the rest is shown."""
    print("Bringing the demo network up to date (half a minute the first time).", flush=True)
    output = io.StringIO()
    try:
        call_command("demo", stdout=output)
    except CommandError as error:
        print(error, file=sys.stderr)
    print("".join(output.getvalue().splitlines(keepends=True)[-1:]), end="")


def collect_static() -> None:
    """Collect the static files unless they are the same as last time: hashing them all takes seconds."""
    stamp = Path(settings.VAR_DIR) / "static.stamp"
    manifest = Path(settings.STATIC_ROOT) / "staticfiles.json"
    sources = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list(ignore_patterns=None):
            status = os.stat(storage.path(path))
            sources.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    if manifest.exists() and stamp.exists() and stamp.read_text() == sources.hexdigest():
        return
    print("Collecting the static files.", flush=True)
    call_command("collectstatic", interactive=False, verbosity=0)
    stamp.write_text(sources.hexdigest())


if __name__ == "__main__":
    try:
        main()
    except CommandError as error:
        sys.exit(f"{error}")
