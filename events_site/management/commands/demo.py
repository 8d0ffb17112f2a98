"""`manage.py demo`: loads the demo network. What is there already stays as it is."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Model
from django.utils import timezone

from accounts import jurisdictions
from accounts.models import Jurisdiction, Organisation
from events.models import Event, Series, Topic, Venue
from events_site.demo import network
from events_site.demo.articles import Articles
from events_site.demo.editions import make_editions
from events_site.demo.loading import Count, Reader, load
from events_site.demo.newsletter import make_newsletter
from events_site.demo.people import People
from events_site.demo.records import LISTS, Ledger, UnreadableFile, read_file
from events_site.demo.sign_ins import EDITOR, ORGANISER, ensure_users
from recaps.models import Article
from registrations import mailings
from registrations.models import Registration

NETWORK = "demo/network.json"
MODELS: tuple[type[Model], ...] = (Organisation, Topic, Series, Venue, Event, Article)


class Command(BaseCommand):
    help = (
        "Loads the demo network: its events and articles, fictional people, and next editions. "
        "Repeating it changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--file",
            help=f"the network's records (default: {NETWORK})",
        )

    def handle(self, *args: Any, file: str | None, **options: Any) -> None:
        begun = monotonic()
        name = file or NETWORK
        try:
            self.lists = read_file(Path(file) if file else settings.BASE_DIR / NETWORK, name)
        except UnreadableFile as error:
            raise CommandError(str(error)) from error
        self.ledger = Ledger(name)
        with _quiet("wagtail", "django_tasks"):
            self._load_all()
        bad = len(self.ledger.faults)
        self.stdout.write(
            f"The demo network has {Event.objects.count()} events, {Article.objects.count()} articles and "
            f"{Registration.objects.count()} registrations ({monotonic() - begun:.1f} s)."
        )
        if bad:
            raise CommandError(
                f"{bad} of the records of {name} {'is' if bad == 1 else 'are'} bad and left out; "
                "the reasons are above."
            )

    def _load_all(self) -> None:
        jurisdictions.seed()
        known = {jurisdiction.code: jurisdiction for jurisdiction in Jurisdiction.objects.all()}
        countries = {jurisdiction.country for jurisdiction in known.values()}
        people = People(known)
        self._load(
            "organisations", lambda record: network.organisation(record, countries=countries)
        )
        self._load("topics", network.topic)
        self._load("series", network.series)
        self._load("venues", lambda record: network.venue(record, countries=countries))

        organisations = self.ledger.stored["organisations"]
        sign_ins = Path(settings.VAR_DIR, "demo-sign-ins.txt")
        users = ensure_users(organisations, file=sign_ins)
        self._load("events", network.Events(people=people, by=users[ORGANISER]).read)
        publisher = next(iter(organisations.values()), None)
        self._load("articles", Articles(publisher=publisher, by=users[EDITOR]).read)
        new, present = make_editions(
            list(self.ledger.stored["events"].values()), people=people, by=users[ORGANISER]
        )
        self._say("next editions", Count(new=new, present=present))
        mailings.write_due(timezone.now())  # what people are told of those that are called off
        self._say("issues of the newsletter", make_newsletter(by=users[EDITOR]))
        self.stdout.write(f"\nWho can sign in (also in {sign_ins}):\n\n{sign_ins.read_text()}\n")

    def _load(self, list_name: str, read: Reader) -> None:
        known_faults = len(self.ledger.faults)
        model = dict(zip(LISTS, MODELS, strict=True))[list_name]
        count = load(list_name, self.lists[list_name], model=model, read=read, ledger=self.ledger)
        for fault in self.ledger.faults[known_faults:]:
            self.stderr.write(str(fault))
        self._say(list_name, count)

    def _say(self, what: str, count: Count) -> None:
        refused = f", {count.bad} bad" if count.bad else ""
        self.stdout.write(
            f"{what:<14}{count.new:>5} new, {count.present:>4} there already{refused}"
        )


@contextmanager
def _quiet(*loggers: str) -> Iterator[None]:
    """Keep to warnings what would otherwise name each revision that is stored."""
    levels = {name: logging.getLogger(name).level for name in loggers}
    for name in loggers:
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
