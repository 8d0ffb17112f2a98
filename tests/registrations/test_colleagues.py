"""One person registers colleagues: each gets an own mail, confirms alone, and owns the own record."""

import pytest
from django.urls import reverse

from outbox.models import Message
from registrations import seats
from registrations.models import Registration
from tests.factories import EventFactory, JurisdictionFactory, registered, terms

pytestmark = pytest.mark.django_db


@pytest.fixture
def event():
    return EventFactory(capacity_in_person=10)


@pytest.fixture
def scotland():
    return JurisdictionFactory(code="GB-SCT", country="GB", name="Scotland")


@pytest.fixture
def send(client, event, scotland):
    """Sends the form of Ana with rows of colleagues: (given name, family name, address), and what the test adds."""

    def send(*colleagues, **more):
        said = {
            "given_name": "Ana",
            "family_name": "Müller",
            "email": "ana@example.org",
            "organisation": "Probation Service",
            "jurisdiction": scotland.pk,
            **more,
        }
        for number, row in enumerate(colleagues, start=1):
            for part, value in zip(("given_name", "family_name", "email"), row, strict=True):
                said[f"colleague_{number}_{part}"] = value
        return client.post(reverse("register", args=[event.slug]), said)

    return send


BO, CY = ("Bo", "Berg", "bo@example.org"), ("Cy", "Clark", "cy@example.org")


def errors(answer):
    assert answer.status_code == 422
    assert Registration.objects.count() == 0
    return answer.context["form"].errors


def test_each_colleague_has_an_own_record_and_an_own_mail(send, scotland):
    catalonia = JurisdictionFactory(code="ES-CT", country="ES", name="Catalonia")
    assert send(BO, CY, colleague_2_jurisdiction=catalonia.pk).status_code == 302
    ana, bo, cy = Registration.objects.order_by("pk")
    assert [one.name for one in (ana, bo, cy)] == ["Ana Müller", "Bo Berg", "Cy Clark"]
    assert [one.brought_by for one in (ana, bo, cy)] == [None, ana, ana]
    assert [one.jurisdiction for one in (ana, bo, cy)] == [scotland, scotland, catalonia]
    assert {one.organisation for one in (ana, bo, cy)} == {"Probation Service"}
    assert {one.status for one in (ana, bo, cy)} == {"unverified"}
    assert [one.seat for one in (ana, bo, cy)] == [1, 2, 3]
    mails = Message.objects.order_by("pk")
    assert [mail.recipient for mail in mails] == [one.email for one in (ana, bo, cy)]
    assert "Ana Müller has registered you" in mails[1].text


def test_colleagues_confirm_alone(send):
    send(BO)
    ana, bo = Registration.objects.order_by("pk")
    seats.verify(bo)
    ana.refresh_from_db(), bo.refresh_from_db()
    assert (ana.status, bo.status) == ("unverified", "confirmed")
    seats.cancel(ana)
    bo.refresh_from_db()
    assert bo.status == "confirmed"


def test_colleagues_prove_their_addresses_also_where_others_need_not(event, send):
    terms(event, checks_address=False)
    send(BO)
    ana, bo = Registration.objects.order_by("pk")
    assert (ana.status, bo.status) == ("confirmed", "unverified")


def test_up_to_five_come_along(client, event, send):
    page = client.get(reverse("register", args=[event.slug])).text
    assert page.count("<legend>Colleague ") == 5
    assert "<details" in page
    assert "<details open" not in page.replace(' class="colleagues"', "")
    send(*[(f"N{n}", "Berg", f"n{n}@example.org") for n in range(6)])
    assert Registration.objects.count() == 6


def test_a_row_is_filled_in_wholly_or_not_at_all(send):
    answer = send(("Bo", "", ""))
    assert errors(answer) == {
        "colleague_1_family_name": ["Enter the family name of colleague 1."],
        "colleague_1_email": ["Enter the e-mail address of colleague 1."],
    }
    assert '<details class="colleagues" open>' in answer.text
    assert '<a href="#id_colleague_1_email">' in answer.text


def test_an_address_stands_once_in_a_form(send):
    again = "This address stands in the form already. Give another."
    assert errors(
        send(("Bo", "Berg", "ANA@example.org"), CY, ("Di", "Dahl", "cy@example.org"))
    ) == {
        "colleague_1_email": [again],
        "colleague_3_email": [again],
    }


@pytest.mark.parametrize(
    "email", ["bo", "a@example.org,b@example.org", "a@b.example\nBcc: c@d.example"]
)
def test_an_address_of_a_colleague_is_one_address(send, email):
    assert list(errors(send(("Bo", "Berg", email)))) == ["colleague_1_email"]


def test_what_a_rule_has_against_a_colleague_stands_at_the_row_and_nobody_is_registered(
    event, send
):
    terms(event, mail_domains="justice.example")
    answer = send(BO, email="ana@justice.example")
    [message] = errors(answer)["colleague_1_email"]
    assert message.startswith("Bo Berg: Registering is open to addresses at justice.example.")
    assert Message.objects.count() == 0


def test_who_is_registered_already_stays_so_and_the_answer_is_the_same(event, send):
    known = registered(event, 1, email="bo@example.org")
    answer = send(BO)
    assert answer.status_code == 302
    known.refresh_from_db()
    assert (known.name, known.brought_by) == ("Ana Müller 1", None)
    assert Registration.objects.count() == 2


def test_a_colleague_does_not_learn_under_which_name_an_address_is_registered(event, send):
    known = registered(event, 1, email="ana@example.org", given_name="Secret")
    send(BO)
    bo = Registration.objects.get(email="bo@example.org")
    mail = Message.objects.get(recipient="bo@example.org")
    assert "Ana Müller has registered you" in mail.text
    assert "Secret" not in mail.text
    assert bo.brought_by is None
    known.refresh_from_db()
    assert known.given_name == "Secret"


def test_colleagues_count_in_the_network(event, send, settings):
    settings.REGISTRATIONS_FROM_A_NETWORK = 2
    assert send(BO, CY).status_code == 429
    assert Registration.objects.count() == 0
    assert send(BO).status_code == 429
