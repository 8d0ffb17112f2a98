"""What people see when something is refused or breaks, on pages and from the API."""

import pytest
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.test import Client
from django.urls import path

from events_site import urls
from tests.factories import EventFactory, JurisdictionFactory


def broken(request):
    raise RuntimeError("a secret of the inside")


def refusing(request):
    raise PermissionDenied


class Addresses:
    """The site's own addresses, with two that fail."""

    urlpatterns = [
        path("broken/", broken),
        path("refusing/", refusing),
        *urls.urlpatterns,
    ]
    handler403, handler404, handler500 = urls.handler403, urls.handler404, urls.handler500


@pytest.fixture
def visitor(settings):
    """A browser that gets to see error pages, on a site where two addresses fail."""
    for view in (broken, refusing):
        view.login_required = False
    settings.ROOT_URLCONF = Addresses
    return Client(raise_request_exception=False)


def in_our_clothes(answer: HttpResponse, heading: str) -> bool:
    """Whether it is a page of the site, with one heading, that search engines leave alone."""
    assert answer["Content-Type"] == "text/html; charset=utf-8"
    assert answer.text.count("<h1>") == 1
    assert f"<h1>{heading}</h1>" in answer.text
    assert f"<title>{heading} - Probation Network</title>" in answer.text
    assert '<meta name="robots" content="noindex">' in answer.text
    assert 'href="/events/"' in answer.text
    return True


@pytest.mark.django_db
@pytest.mark.parametrize(
    "address", ["/nowhere/", "/events/nowhere/", "/news/nowhere/", "/media/nowhere"]
)
def test_a_page_that_is_not_there_says_so_and_leads_on(visitor, address):
    answer = visitor.get(address)
    assert answer.status_code == 404
    assert in_our_clothes(answer, "There is no such page")
    assert not answer.cookies


@pytest.mark.django_db
@pytest.mark.parametrize(
    "address", ["/r/nowhere/", "/i/nowhere/", "/address/nowhere/", "/me/nowhere/"]
)
def test_a_personal_link_that_opens_nothing_leads_to_a_new_one(visitor, address):
    answer = visitor.get(address)
    assert answer.status_code == 404
    assert in_our_clothes(answer, "This link opens nothing any more")
    assert 'class="button" href="/me/"' in answer.text


@pytest.mark.django_db
def test_the_address_of_a_button_says_that_it_only_takes_a_press(visitor):
    answer = visitor.post("/events/")
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
    assert in_our_clothes(answer, "This address only takes the press of a button")


@pytest.mark.django_db
def test_a_refused_page_says_what_to_do(visitor):
    answer = visitor.get("/refusing/")
    assert answer.status_code == 403
    assert in_our_clothes(answer, "This is not open to you")


@pytest.mark.django_db
def test_a_form_without_its_token_says_what_became_of_the_input():
    event = EventFactory()
    answer = Client(enforce_csrf_checks=True).post(f"{event.get_absolute_url()}register/", {})
    assert answer.status_code == 403
    assert in_our_clothes(answer, "The form was open for too long")
    assert "Nothing was sent." in answer.text


@pytest.mark.django_db
def test_a_broken_page_tells_nothing_of_the_inside(visitor, caplog):
    answer = visitor.get("/broken/")
    assert answer.status_code == 500
    assert in_our_clothes(answer, "Something broke on our side")
    assert "a secret of the inside" not in answer.text
    assert "RuntimeError" not in answer.text
    assert "a secret of the inside" in caplog.text


@pytest.mark.django_db
def test_a_broken_page_needs_no_database(visitor, settings, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert visitor.get("/broken/").status_code == 500


@pytest.mark.django_db
def test_the_api_says_in_json_that_something_is_not_there(client):
    for address in ("/api/v1/events/nowhere/", "/api/v1/articles/nowhere/"):
        answer = client.get(address)
        assert answer.status_code == 404
        assert answer["Content-Type"] == "application/json"
        assert set(answer.json()) == {"detail"}


@pytest.mark.django_db
def test_the_api_names_each_field_that_is_wrong(client):
    answer = client.post(
        f"/api/v1/events/{EventFactory().slug}/registrations/",
        {"given_name": "Ana", "email": "ana,bo@example.org", "jurisdiction": "??"},
        content_type="application/json",
    )
    assert answer.status_code == 400
    assert set(answer.json()) == {"family_name", "email", "jurisdiction"}


@pytest.mark.django_db
def test_the_api_answers_a_refusal_with_its_reason(client):
    JurisdictionFactory(code="NL", country="NL")
    event = EventFactory(entry="invitation")
    answer = client.post(
        f"/api/v1/events/{event.slug}/registrations/",
        {
            "given_name": "Ana",
            "family_name": "Bo",
            "email": "ana@example.org",
            "jurisdiction": "NL",
        },
        content_type="application/json",
    )
    assert (answer.status_code, answer.json()) == (
        409,
        {"detail": "This event is by invitation only."},
    )


@pytest.mark.django_db
@pytest.mark.parametrize("body", ["{", "[]", '"text"', "null"])
def test_the_api_takes_nothing_that_is_not_an_object(client, body):
    address = f"/api/v1/events/{EventFactory().slug}/registrations/"
    answer = client.post(address, body, content_type="application/json")
    assert answer.status_code == 400


@pytest.mark.django_db
def test_the_api_takes_no_form_of_another_site(client):
    answer = client.post(f"/api/v1/events/{EventFactory().slug}/registrations/", {"email": "a@b.c"})
    assert answer.status_code == 415
