"""The certificate of attendance: for whom, in which scripts, and as text."""

import re
import zlib
from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse

from registrations import attendance, certificates, links
from tests.factories import EventFactory, verified

pytestmark = pytest.mark.django_db


@pytest.fixture
def event():
    return EventFactory(title="Prison & probation: #emph[what] $next$ \\ <x>")


@pytest.fixture
def afterwards(event):
    """The day after the event."""
    with time_machine.travel(event.ends_at + timedelta(days=1), tick=False):
        yield


def was_present(event, n=1, **said):
    with time_machine.travel(event.starts_at - timedelta(days=2), tick=False):
        registration = verified(event, n, **said)
    attendance.tick(
        event, day=event.first_day, present={registration.pk}, shown={registration.pk}, by=None
    )
    return registration


def address(registration):
    return reverse("registration_certificate", args=[links.token_of(registration)])


def text_of(pdf):
    """What stands in the page, by the map from glyphs to letters of each font."""
    streams = []
    for found in re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        try:
            streams.append(zlib.decompress(found[1]))
        except zlib.error:
            streams.append(found[1])
    letters = set()
    for stream in streams:
        for block in re.findall(rb"beginbf(?:char|range)(.*?)endbf", stream, re.DOTALL):
            for code in re.findall(rb"<([0-9A-Fa-f]{4,})>", block):
                letters |= set(bytes.fromhex(code.decode()).decode("utf-16-be", "ignore"))
    return letters


@pytest.mark.usefixtures("afterwards")
@pytest.mark.parametrize("name", ["Ana Müller", "Ελένη Παπαδοπούλου", "Łukasz Żółć"])
def test_it_is_tagged_for_reading_aloud_and_names_the_person(client, event, name):
    given, _blank, family = name.partition(" ")
    registration = was_present(event, given_name=given, family_name=family)
    answer = client.get(address(registration))
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"] == f'attachment; filename="certificate-{event.slug}.pdf"'
    assert "no-store" in answer["Cache-Control"]
    pdf = answer.content
    assert pdf.startswith(b"%PDF-")
    assert b"pdfuaid" in pdf
    assert set(name.replace(" ", "")) <= text_of(pdf)


@pytest.mark.usefixtures("afterwards")
@pytest.mark.parametrize("name", ["محمد العربي", "王小明", "ᚠᚢᚦ", "\u2066x\u2069"])
def test_a_script_without_letters_here_does_not_keep_anybody_from_it(client, event, name, caplog):
    registration = was_present(event, given_name=name)
    answer = client.get(address(registration))
    assert answer.status_code == 200
    assert answer.content.startswith(b"%PDF-")
    assert name not in caplog.text


@pytest.mark.usefixtures("afterwards")
def test_what_people_typed_is_never_markup(event):
    registration = was_present(
        event,
        given_name='#read("/etc/passwd")',
        family_name="$x$ *b* `c` @d <e> \\ [f]",
        organisation='"); #panic("x',
    )
    said = certificates._words(registration)
    assert said["name"] == '#read("/etc/passwd") $x$ *b* `c` @d <e> \\ [f]'
    pdf = certificates.pdf(registration)
    assert b"pdfuaid" in pdf
    assert {"#", "$", "*", "`", "@", "<", "\\", "["} <= text_of(pdf)


def test_it_is_for_people_who_were_there_once_the_event_is_over(client, event):
    present = was_present(event, 1)
    with time_machine.travel(event.starts_at - timedelta(days=1), tick=False):
        absent = verified(event, 2)
        assert client.get(address(present)).status_code == 404
        page = client.get(reverse("registration", args=[links.token_of(present)]))
        assert "certificate" not in page.text
    with time_machine.travel(event.ends_at + timedelta(hours=1), tick=False):
        assert client.get(address(present)).status_code == 200
        assert client.get(address(absent)).status_code == 404
        page = client.get(reverse("registration", args=[links.token_of(present)]))
        assert address(present) in page.text


@pytest.mark.usefixtures("afterwards")
def test_each_day_of_attendance_is_said(event):
    event.ends_at = event.starts_at + timedelta(days=1, hours=8)
    event.save()
    with time_machine.travel(event.starts_at - timedelta(days=2), tick=False):
        registration = verified(event, 1)
    for day in event.days:
        attendance.tick(event, day=day, present={registration.pk}, shown={registration.pk}, by=None)
    days = certificates._words(registration)["days"]
    assert len(days) == 2
    assert all(line.endswith("(in person)") for line in days)
