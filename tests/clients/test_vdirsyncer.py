"""vdirsyncer fetches the feeds into folders of files, and khal shows what is in these."""

import json
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import pytest
from icalendar import Calendar

from events.models import Event
from registrations import links, own_calendar
from tests.clients import life
from tests.clients.programs import BESIDE_PYTHON, run
from tests.factories import verified

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("clients")]

PAIR = """
[pair {name}]
a = "{name}_here"
b = "{name}_there"
collections = null

[storage {name}_here]
type = "filesystem"
path = "{folder}"
fileext = ".ics"

[storage {name}_there]
type = "http"
url = "{url}"
"""

KHAL = """
[calendars]
[[events]]
path = {folder}
readonly = True

[locale]
local_timezone = {timezone}
default_timezone = {timezone}
timeformat = %H:%M
dateformat = %Y-%m-%d
longdateformat = %Y-%m-%d
datetimeformat = %Y-%m-%d %H:%M
longdatetimeformat = %Y-%m-%d %H:%M

[sqlite]
path = {home}/{name}.sqlite3
"""


class Reader:
    """Somebody's machine with vdirsyncer and khal on it."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._config = home / "vdirsyncer.conf"
        self._config.write_text(f'[general]\nstatus_path = "{home / "status"}"\n')

    def subscribe(self, name: str, url: str) -> None:
        self.folder(name).mkdir()
        with self._config.open("a") as config:
            config.write(PAIR.format(name=name, folder=self.folder(name), url=url))
        self._vdirsyncer("discover")

    def folder(self, name: str) -> Path:
        return self._home / name

    def sync(self) -> None:
        self._vdirsyncer("sync")

    def files(self, name: str) -> dict[str, int]:
        """The files of a calendar, each with the time at which it was written."""
        return {path.name: path.stat().st_mtime_ns for path in self.folder(name).iterdir()}

    def entries(self, name: str, *, uids: dict[str, str]) -> list[life.Entry]:
        """What the files of a calendar say. vdirsyncer gives entries of its own UIDs; the title tells whose it is."""
        found = []
        for path in sorted(self.folder(name).glob("*.ics")):
            [entry] = Calendar.from_ical(path.read_bytes()).events
            starts, ends = (_moment(entry[edge].dt) for edge in ("DTSTART", "DTEND"))
            found.append(
                life.Entry(
                    title=str(entry["SUMMARY"]),
                    starts=starts,
                    ends=ends,
                    status=str(entry["STATUS"]),
                    sequence=entry["SEQUENCE"],
                    uid=uids[str(entry["URL"])],
                )
            )
        return life.in_order(found)

    def khal(self, name: str, *, timezone: str, days: tuple[str, str]) -> list[dict[str, str]]:
        """What khal lists of a calendar between two days, to somebody who lives by the clock of a zone."""
        config = self._home / "khal.conf"
        stem = f"{name}-{timezone.replace('/', '-')}"
        config.write_text(
            KHAL.format(home=self._home, folder=self.folder(name), timezone=timezone, name=stem)
        )
        fields = ("title", "start-long", "end-long", "all-day", "status", "description")
        wanted = [part for field in fields for part in ("--json", field)]
        said = run(
            BESIDE_PYTHON / "khal",
            "-c",
            config,
            "list",
            "--once",
            *wanted,
            *days,
            folder=self._home,
        )
        return [one for line in said.splitlines() for one in json.loads(line)]

    def _vdirsyncer(self, *command: str) -> None:
        run(BESIDE_PYTHON / "vdirsyncer", "--config", self._config, *command, folder=self._home)


@pytest.fixture
def reader(tmp_path):
    return Reader(tmp_path)


def _moment(value):
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def uids():
    """The UID behind each address of an event."""
    return {life.PAGE.format(slug=event.slug): str(event.uid) for event in Event.objects.all()}


#: What the clocks of two readers show after each step: from, to, title, state.
SHOWN = {
    "Europe/Amsterdam": [
        ("2027-06-10 10:00", "2027-06-10 17:00", "Course", "CONFIRMED"),
        ("2027-06-12 03:00", "2027-06-12 05:30", "Course", "CONFIRMED"),
        ("2027-06-12 03:00", "2027-06-12 05:30", "Evening, course", "CONFIRMED"),
        ("2027-06-12 03:00", "2027-06-12 05:30", "Postponed: Evening, course", "TENTATIVE"),
        ("2027-06-12 03:00", "2027-06-12 05:30", "Evening, course", "CONFIRMED"),
        ("2027-06-12 03:00", "2027-06-12 05:30", "Cancelled: Evening, course", "CANCELLED"),
    ],
    "America/Los_Angeles": [
        ("2027-06-10 01:00", "2027-06-10 08:00", "Course", "CONFIRMED"),
        ("2027-06-11 18:00", "2027-06-11 20:30", "Course", "CONFIRMED"),
        ("2027-06-11 18:00", "2027-06-11 20:30", "Evening, course", "CONFIRMED"),
        ("2027-06-11 18:00", "2027-06-11 20:30", "Postponed: Evening, course", "TENTATIVE"),
        ("2027-06-11 18:00", "2027-06-11 20:30", "Evening, course", "CONFIRMED"),
        ("2027-06-11 18:00", "2027-06-11 20:30", "Cancelled: Evening, course", "CANCELLED"),
    ],
}


def test_vdirsyncer_and_khal_follow_the_life_of_an_event(site, reader):
    event, others = life.course(), life.neighbours()
    steps = life.live(event)
    first = next(steps)
    person = verified(Event.objects.get(pk=event.pk))
    reader.subscribe("all", site.here("/calendar/all.ics"))
    reader.subscribe("mine", site.here(links.feed_link(own_calendar.renew(person.email))))

    for number, step in enumerate(chain([first], steps)):
        reader.sync()
        assert reader.entries("all", uids=uids()) == life.in_order([*others, step])
        assert reader.entries("mine", uids=uids()) == [step]
        for timezone, shown in SHOWN.items():
            listed = reader.khal("all", timezone=timezone, days=("2027-06-01", "2027-06-30"))
            assert [
                (one["start-long"], one["end-long"], one["title"], one["status"]) for one in listed
            ] == [shown[number]]


def test_vdirsyncer_writes_nothing_when_nothing_changed(site, reader, time_machine):
    event, _others = life.course(), life.neighbours()
    steps = life.live(event)
    next(steps)
    reader.subscribe("all", site.here("/calendar/all.ics"))
    reader.sync()
    before = reader.files("all")

    time_machine.shift(3 * 3600)
    reader.sync()
    again = reader.files("all")
    next(steps)
    reader.sync()
    after = reader.files("all")

    assert again == before
    assert len(before) == len(after)
    assert len(before.items() - after.items()) == 1


def test_khal_shows_several_days_as_days_and_odd_words_as_they_are(site, reader):
    life.several_days(), life.odd_words()
    reader.subscribe("all", site.here("/calendar/all.ics"))
    reader.sync()

    [several] = reader.khal("all", timezone="Asia/Tokyo", days=("2027-03-01", "2027-03-31"))
    [odd] = reader.khal("all", timezone="Asia/Tokyo", days=("2027-05-01", "2027-05-31"))

    assert (several["start-long"], several["end-long"]) == ("2027-03-27", "2027-03-29")
    assert several["all-day"] == "True"
    assert (odd["title"], odd["start-long"]) == (life.TITLE, "2027-05-04 17:00")
    assert odd["description"] == life.odd_text()
