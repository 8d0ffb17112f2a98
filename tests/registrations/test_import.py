"""Importing people: a dry run that shows what the real run then does, line by line."""

import pytest
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from events.models import Event, Mode
from events.models import Status as EventStatus
from outbox.models import Message
from registrations import imports, tables
from registrations.models import PendingImport, Registration, StatusChange, Vacancy
from tests.factories import (
    EventFactory,
    JurisdictionFactory,
    enrolled,
    terms,
)

pytestmark = pytest.mark.django_db

LIST = (
    "Given name;Family name;E-mail;Organisation;Country\n"
    "Ana;Silva;ana@a.example;Police;GB-SCT\n"
    "Bo;Berg;bo@b.example;Courts;scotland\n"
    "Cy;Cole;person1@example.org;;Alba\n"
    "Di;Dahl;di@@d;;\n"
    "Ed;Eck;ed@e.example;;Atlantis\n"
    "Flo;Falk;ANA@a.example;;\n"
    "Gu;Gad;gu@g.example;;\n"
)


@pytest.fixture
def event(organisation):
    """With three places, one of them taken."""
    event = EventFactory(organiser=organisation, capacity_in_person=3)
    JurisdictionFactory(code="GB-SCT", name="Scotland", aliases=["Alba"])
    enrolled(event, 1)
    return event


def upload(desk, event, data, **more):
    file = SimpleUploadedFile("people.csv", data if isinstance(data, bytes) else data.encode())
    return desk.post(reverse("desk_import", args=[event.pk]), {"file": file, **more})


def results(page):
    return [(one.entry.line, one.result, one.why) for one in page.context["outcomes"]]


def everything():
    """What an import may change."""
    tables_of = (Registration, Message, StatusChange, Vacancy)
    return [list(model.objects.order_by("pk").values()) for model in tables_of]


def said(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_the_dry_run_shows_what_would_happen_and_changes_nothing(desk, event):
    before = everything()

    check = upload(desk, event, LIST)["Location"]
    page = desk.get(check)

    assert results(page) == [
        (2, "place", ""),
        (3, "place", ""),
        (4, "known", "State: confirmed."),
        (5, "bad", "“di@@d” is not one e-mail address."),
        (6, "bad", "“Atlantis” is no country or jurisdiction that is known here."),
        (7, "bad", "The address stands in line 2 too."),
        (8, "waiting", "No place is free."),
    ]
    assert "Add 3 people" in page.text
    assert "3 people will get a mail." in page.text
    assert everything() == before


def test_the_real_run_does_what_the_dry_run_showed(desk, manager, event):
    check = upload(desk, event, LIST)["Location"]
    tried = results(desk.get(check))

    page = desk.post(check)

    assert results(page) == tried
    states = dict(event.registrations.values_list("email", "status"))
    assert states == {
        "person1@example.org": "confirmed",
        "ana@a.example": "confirmed",
        "bo@b.example": "confirmed",
        "gu@g.example": "waiting",
    }
    ana = event.registrations.get(email="ana@a.example")
    assert (ana.name, ana.organisation, ana.jurisdiction.code) == ("Ana Silva", "Police", "GB-SCT")
    assert ana.changes.get().changed_by == manager
    assert Message.objects.filter(recipient="ana@a.example").count() == 1


def test_the_declaration_is_asked_for_everybody_on_the_list(desk, event):
    terms(event, declaration="I work for a public body.")
    assert upload(desk, event, LIST).status_code == 422

    desk.post(upload(desk, event, LIST, declares="yes")["Location"])

    assert event.registrations.get(email="ana@a.example").declared_at


def test_a_list_is_taken_in_once(desk, event):
    check = upload(desk, event, LIST)["Location"]
    desk.post(check)
    before = everything()

    again = desk.post(check)

    assert again["Location"] == reverse("desk_participants", args=[event.pk])
    assert "taken in already" in said(again)[0]
    assert desk.get(check).status_code == 302
    assert everything() == before
    assert not PendingImport.objects.exists()


def test_what_time_does_not_allow_for_is_kept_for_the_next_press(desk, event, monkeypatch):
    check = upload(desk, event, LIST)["Location"]
    monkeypatch.setattr(imports, "SECONDS", 0)
    page = desk.post(check)
    assert [result for _line, result, _why in results(page)] == ["left"] * 7
    assert event.registrations.count() == 1
    monkeypatch.setattr(imports, "SECONDS", 60)
    rest = reverse("desk_import_check", args=[event.pk, PendingImport.objects.get().pk])
    assert rest in page.text
    assert [one[1] for one in results(desk.post(rest))].count("place") == 2
    assert not PendingImport.objects.exists()


def test_the_dry_run_holds_nobody_up_and_only_lines_that_were_shown_are_taken_in(
    desk, event, monkeypatch
):
    check = upload(desk, event, LIST)["Location"]
    ticks = iter(range(100))
    monkeypatch.setattr(imports.time, "monotonic", lambda: next(ticks) * 0.9)
    page = desk.get(check)
    monkeypatch.undo()
    assert [result for _line, result, _why in results(page)] == ["place"] * 2 + ["left"] * 5
    assert "2 lines were looked at" in page.text
    assert '<input type="hidden" name="shown" value="2">' in page.text

    done = desk.post(check, {"shown": "2"})

    assert [result for _line, result, _why in results(done)] == ["place"] * 2 + ["left"] * 5
    assert event.registrations.count() == 3
    rest = reverse("desk_import_check", args=[event.pk, PendingImport.objects.get().pk])
    assert rest in done.text
    shown = desk.get(rest)
    assert [line for line, _result, _why in results(shown)] == [4, 5, 6, 7, 8]
    assert "lines that are left" not in shown.text


@pytest.mark.parametrize("said", ["", "-1", "x", "9" * 5000])
def test_a_number_of_lines_that_is_none_keeps_nobody_out(desk, event, said):
    check = upload(desk, event, LIST)["Location"]
    assert "left" not in {one[1] for one in results(desk.post(check, {"shown": said}))}


def test_the_real_run_takes_line_by_line_so_that_nobody_waits_for_all(desk, event, monkeypatch):
    inside = []
    take = imports._take

    def look(*arguments):
        inside.append(len(connection.savepoint_ids))
        return take(*arguments)

    monkeypatch.setattr(imports, "_take", look)
    check = upload(desk, event, LIST)["Location"]
    around = len(connection.savepoint_ids)
    desk.post(check)
    assert inside == [around] * 7


@pytest.mark.parametrize("status", [EventStatus.CANCELLED, EventStatus.DRAFT])
def test_an_event_that_is_cancelled_after_the_upload_takes_nobody(desk, event, status):
    check = upload(desk, event, LIST)["Location"]
    Event.objects.filter(pk=event.pk).update(status=status)
    before = everything()
    for answer in (desk.get(check), desk.post(check)):
        assert answer["Location"] == reverse("desk_participants", args=[event.pk])
        assert "Nobody was added" in said(answer)[-1]
    assert everything() == before


def test_an_event_that_is_cancelled_during_the_run_takes_nobody_more(desk, event, monkeypatch):
    check = upload(desk, event, LIST)["Location"]
    take = imports._take

    def cancel_behind_the_first(event, entry, *more):
        outcome = take(event, entry, *more)
        Event.objects.filter(pk=event.pk).update(status=EventStatus.CANCELLED)
        return outcome

    monkeypatch.setattr(imports, "_take", cancel_behind_the_first)
    found = results(desk.post(check))
    assert [one[1] for one in found] == [
        "place",
        "refused",
        "known",
        "bad",
        "bad",
        "bad",
        "refused",
    ]
    assert found[1][2] == "This event has been cancelled."
    assert not Message.objects.filter(recipient="bo@b.example").exists()


def test_lists_of_the_day_before_are_forgotten(desk, event, time_machine):
    old = upload(desk, event, LIST)["Location"]
    time_machine.move_to(PendingImport.objects.get().uploaded_at + imports.KEPT * 1.1)
    client = Client()
    client.force_login(PendingImport.objects.get().uploaded_by)
    assert client.get(old).status_code == 302
    upload(client, event, LIST)
    assert PendingImport.objects.count() == 1


def test_a_list_belongs_to_one_event(desk, event, organisation):
    check = upload(desk, event, LIST)["Location"]
    other = EventFactory(organiser=organisation)
    elsewhere = reverse("desk_import_check", args=[other.pk, PendingImport.objects.get().pk])
    assert desk.get(elsewhere).status_code == 302
    assert desk.post(elsewhere).status_code == 302
    assert not other.registrations.exists()
    assert desk.get(check).status_code == 200


def test_the_rules_of_the_event_hold(desk, event):
    terms(event, mail_domains="a.example\nb.example", most_per_organisation=1)
    text = (
        "name,email,organisation\nAna Silva,ana@a.example,Police\nBo,bo@a.example,Police\n"
        "Cy,cy@c.example,Police\nDi,di@b.example,\n"
    )
    check = upload(desk, event, text)["Location"]
    tried = results(desk.get(check))
    assert [result for _line, result, _why in tried] == ["place", "waiting", "refused", "refused"]
    assert "for people of one organisation is taken" in tried[1][2]
    assert "addresses at a.example, b.example" in tried[2][2]
    assert "say which one you come from" in tried[3][2]
    assert results(desk.post(check)) == tried


def test_a_hybrid_event_asks_how_people_attend_of_whom_the_list_does_not_say(desk, organisation):
    event = EventFactory(organiser=organisation, hybrid=True)
    text = "name,email,mode\nA B,a@a.example,Online\nC D,c@c.example,\nE F,e@e.example,by boat\n"
    assert list(upload(desk, event, text).context["form"].errors) == ["mode"]
    check = upload(desk, event, text, mode="in-person")["Location"]
    assert [one[1] for one in results(desk.post(check))] == ["place", "place", "bad"]
    assert dict(event.registrations.values_list("email", "mode")) == {
        "a@a.example": Mode.ONLINE,
        "c@c.example": Mode.IN_PERSON,
    }


@pytest.mark.parametrize(
    ("heads", "cells", "name"),
    [
        ("First name,Surname,Mail", "Ana,de la Cruz,a@a.example", ("Ana", "de la Cruz")),
        ("NAME,E-MAIL", "Ana María Silva,a@a.example", ("Ana María", "Silva")),
        ("Full name,E_mail address", '"Silva, Ana María",a@a.example', ("Ana María", "Silva")),
        ("Name,Email", "Madonna,a@a.example", ("", "Madonna")),
    ],
)
def test_columns_and_names_are_found_however_they_are_written(desk, event, heads, cells, name):
    desk.post(upload(desk, event, f"{heads}\n{cells}\n")["Location"])
    found = event.registrations.get(email="a@a.example")
    assert (found.given_name, found.family_name) == name


def test_our_own_list_can_be_taken_in_again(desk, event, organisation):
    other = EventFactory(organiser=organisation)
    for file_format in ("csv", "xlsx"):
        taken = desk.get(reverse("desk_export", args=[event.pk, file_format]))
        data = b"".join(taken.streaming_content)
        desk.post(upload(desk, other, data)["Location"])
    assert other.registrations.get().name == "Ana Müller 1"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "The submitted file is empty."),
        (b"\x00\x01\x02", "This is no table."),
        ("name,email\n", "There is nobody on the list."),
        ("name,telephone\nAna,1\n", "No column of addresses was found."),
        ("email\n" + "a@a.example\n" * (imports.MOST_PEOPLE + 1), "Split it"),
        (b"x" * (tables.MOST_BYTES + 1), "The file is larger than 5 MB."),
    ],
)
def test_a_file_that_is_no_list_is_refused_at_its_field(desk, event, data, words):
    page = upload(desk, event, data)
    assert page.status_code == 422
    assert words in page.context["form"].errors["file"][0]
    assert not PendingImport.objects.exists()


def test_bad_lines_say_what_is_wrong(desk, event):
    text = (
        "given name,family name,email,organisation\n"
        f'{"x" * 101},B,a@a.example,\n,,b@b.example,\nC,D,,\nE,F,"e@e.example,f@f.example",\n'
        "G,H,g@g.example,Police,stray\n"
    )
    assert [why for _line, _result, why in results(desk.get(upload(desk, event, text)["Location"]))] == [
        "Given name: at most 100 letters.",
        "There is no name.",
        "There is no e-mail address.",
        "“e@e.example,f@f.example” is not one e-mail address.",
        "This line has more cells than there are headers.",
    ]  # fmt: skip


def test_what_a_list_says_is_text_on_the_page(desk, event):
    odd = "<script>alert(1)</script>"
    text = f"name,email,country\n{odd} =1+1,a@a.example,\n{odd},b@b.example,{odd}\n"
    page = desk.get(upload(desk, event, text)["Location"]).text
    assert odd not in page
    assert escape(odd) in page


def test_nobody_is_imported_into_a_draft(desk, organisation):
    event = EventFactory(organiser=organisation, draft=True)
    page = upload(desk, event, LIST)
    assert "Publish the event before you add people." in page.text
    assert not PendingImport.objects.exists()


def test_an_event_that_is_over_takes_people_without_a_mail(desk, event, time_machine, manager):
    time_machine.move_to(event.ends_at)
    client = Client()
    client.force_login(manager)
    before = Message.objects.count()
    check = upload(client, event, "name,email\nAna B,a@a.example\n")["Location"]
    assert "will get a mail" not in client.get(check).text
    client.post(check)
    assert event.registrations.get(email="a@a.example").status == "confirmed"
    assert Message.objects.count() == before
