"""How long the list of an event's people takes at the desk, and what memory its export needs.

`python -m tests.bench.participants` makes events of 5,000 and 20,000 registrations in a PostgreSQL of its own, serves
them with gunicorn and one worker, and prints the time of the first page, of narrowed pages and of a page with answers
for the smaller one (aim: the first page under 600 ms); then time and size of each export, and how far the memory of
the worker grew while it ran.
"""

import http.client
import statistics
import sys
import threading
import time

from tests.bench import stage

ROUNDS = 7
SIZES = (5_000, 20_000)

#: Runs inside `manage.py shell`: makes the events and prints the numbers of both, of a question, and a session.
MAKE = """
from datetime import timedelta
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone
from accounts.models import Jurisdiction, Organisation, User
from events.models import Event, EventOrganisation
from registrations.models import Answer, Option, Question, Registration
user = User.objects.create_superuser("bench@plenary.example", "a good long password")
body = Organisation.objects.create(slug="bench", name="Bench")
places = list(Jurisdiction.objects.all()[:40])
now = timezone.now()
made = []
for size in SIZES:
    event = Event.objects.create(
        slug=f"bench-{size}", title=f"{size} people", kind="conference", format="online", status="published",
        starts_at=now + timedelta(days=30), ends_at=now + timedelta(days=31), timezone="Europe/Madrid",
    )
    EventOrganisation.objects.create(event=event, organisation=body, role="organiser")
    question = Question.objects.create(event=event, kind="choice", label="Which visit?")
    options = [Option.objects.create(question=question, label=f"Visit {n}") for n in range(4)]
    people = Registration.objects.bulk_create((
        Registration(
            event=event, mode="online", given_name=f"Ana {n % 97}", family_name=f"Müller {n * 7919 % size}",
            email=f"person{n}@example.org", organisation=f"Organisation {n % 300}", jurisdiction=places[n % 40],
            status="waiting" if n % 10 == 0 else "confirmed", seat=None if n % 10 == 0 else n,
            confirmed_at=None if n % 10 == 0 else now, created_at=now + timedelta(seconds=n),
        )
        for n in range(1, size + 1)
    ), batch_size=1000)
    Answer.objects.bulk_create((
        Answer(registration=one, question=question, value=[options[n % 4].pk]) for n, one in enumerate(people)
    ), batch_size=1000)
    made += [event.pk, question.pk, options[0].pk]
session = SessionStore()
session.update({
    "_auth_user_id": str(user.pk), "_auth_user_backend": "accounts.permissions.MembershipBackend",
    "_auth_user_hash": user.get_session_auth_hash(),
})
session.save()
print(*made, session.session_key)
"""


class Server:
    """One worker of gunicorn, asked as somebody who is signed in."""

    def __init__(self, port: int, pid: int, cookie: str) -> None:
        self.port, self.cookie = port, cookie
        self.worker = stage.children(pid)[0]

    def ask(self, path: str) -> tuple[float, int]:
        """Return the seconds that a request takes and the bytes that it brings."""
        start = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request("GET", path, headers={"Cookie": self.cookie})
        answer, size = connection.getresponse(), 0
        while chunk := answer.read(65536):
            size += len(chunk)
        connection.close()
        if answer.status != 200:
            sys.exit(f"{path} answers {answer.status}")
        return time.perf_counter() - start, size

    def memory(self) -> float:
        return stage.resident_mb(self.worker)


class Watch(threading.Thread):
    """Keeps the most memory that the worker held while something ran."""

    def __init__(self, server: Server) -> None:
        super().__init__(daemon=True)
        self.server, self.most, self.is_over = server, server.memory(), threading.Event()

    def run(self) -> None:
        while not self.is_over.wait(0.05):
            self.most = max(self.most, self.server.memory())


def main() -> None:
    with stage.environment() as site:
        stage.build(site, with_demo=False)
        made = stage.manage(site, "shell", "-v0", "-c", MAKE.replace("SIZES", repr(SIZES))).split()
        with stage.served(site, workers=1) as (port, pid, _first):
            server = Server(port, pid, f"session={made[-1]}")
            show_pages(server, *made[:3])
            for size, event in zip(SIZES, (made[0], made[3]), strict=True):
                show_exports(server, size, event)


def show_pages(server: Server, event: str, question: str, option: str) -> None:
    pages = {
        "first page": "",
        "last page": "?page=100",
        "search": "?q=ana+organisation+7",
        "state and answer": f"?state=confirmed&question_{question}={option}",
        "answers as column": f"?col=question_{question}&col=rank&sort=organisation",
    }
    print(f"\n{SIZES[0]} registrations\n{'page':20}{'ms':>8}{'kB':>8}")
    for name, query in pages.items():
        path = f"/desk/events/{event}/participants/{query}"
        server.ask(path)
        taken = [server.ask(path) for _round in range(ROUNDS)]
        seconds = statistics.median(one for one, _size in taken)
        print(f"{name:20}{seconds * 1000:8.0f}{taken[0][1] / 1000:8.0f}")


def show_exports(server: Server, size: int, event: str) -> None:
    print(f"\nexport of {size} rows\n{'file':8}{'s':>8}{'kB':>8}{'MB before':>12}{'most MB':>10}")
    for ending in ("csv", "xlsx"):
        before = server.memory()
        watch = Watch(server)
        watch.start()
        seconds, length = server.ask(f"/desk/events/{event}/participants/export.{ending}")
        watch.is_over.set()
        watch.join()
        print(f"{ending:8}{seconds:8.1f}{length / 1000:8.0f}{before:12.0f}{watch.most:10.0f}")


if __name__ == "__main__":
    main()
