"""The house as it is drawn: who imports whom, and who may open which address."""

import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.urls import get_resolver

from outbox import lists
from outbox.models import Message
from recaps import newsletters
from recaps.newsletters import Wish
from registrations import mailed_link, own_calendar
from registrations.links import address_token, feed_token, invitation_token, token_of
from registrations.models import Invitation, Registration, StatusChange
from tests.factories import (
    ArticleFactory,
    EventFactory,
    InvitationFactory,
    JurisdictionFactory,
    OrganisationFactory,
    SeriesFactory,
    TopicFactory,
    UserFactory,
    registered,
    terms,
)

ROOT = Path(__file__).resolve().parent.parent

#: Every address outside /desk/, by its pattern, and its policy: `page` (public, for reading, kept by shared caches),
#: `form` (public, with a token for its form), `file` (public, kept), `asked` (public, not kept), `secret` (a page
#: behind a personal link), `moment` (the same, where it leads to something at certain moments only), `button` (a
#: personal link that only takes a press), `own` (of whoever followed the mailed link in this browser), `press` (the
#: same, only takes a press), `feed` (a secret file), `door` (public, takes JSON),
#: `report` (of a mail provider with its secret; there is none without it).
POLICIES = {
    "": "page",
    "events/": "page",
    "events/past/": "page",
    "events/<slug:slug>/": "page",
    "events/<slug:slug>/calendar.ics": "file",
    "events/<slug:slug>/register/": "form",
    "events/<slug:slug>/register/sent/": "page",
    "events/<slug:slug>/join/": "form",
    "events/<slug:slug>/join/sent/": "page",
    "events/<slug:slug>/notice/": "form",
    "events/<slug:slug>/notice/sent/": "page",
    "events/<slug:slug>/participants/": "page",
    "calendar/": "page",
    "calendar/all.ics": "file",
    "calendar/topics/<slug:slug>.ics": "file",
    "calendar/series/<slug:slug>.ics": "file",
    "calendar/organisations/<slug:slug>.ics": "file",
    "covers/<slug:slug>.svg": "file",
    "news/": "page",
    "news/<slug:slug>/": "page",
    "newsletter/": "form",
    "newsletter/sent/": "page",
    "newsletter/confirm/<str:token>/": "secret",
    "newsletter/preferences/<str:token>/": "secret",
    "r/<str:token>/": "secret",
    "r/<str:token>/verify/": "button",
    "r/<str:token>/mail/": "button",
    "r/<str:token>/swap/": "button",
    "r/<str:token>/accept/": "button",
    "r/<str:token>/cancel/": "secret",
    "r/<str:token>/change/": "secret",
    "r/<str:token>/mode/": "moment",
    "r/<str:token>/email/": "secret",
    "r/<str:token>/substitute/": "moment",
    "r/<str:token>/erase/": "secret",
    "r/<str:token>/certificate.pdf": "moment",
    "r/<str:token>/calendar.ics": "secret",
    "address/<str:token>/": "secret",
    "i/<str:token>/": "secret",
    "i/<str:token>/open/": "button",
    "i/<str:token>/decline/": "button",
    "i/<str:token>/register/": "secret",
    "mail/unsubscribe/<str:token>/": "secret",
    "mail/webhooks/<slug:provider>/": "report",
    "privacy/": "page",
    "me/": "form",
    "me/sent/": "page",
    "me/calendar/": "press",
    "me/consent/": "press",
    "me/data.json": "own",
    "me/erase/": "own",
    "me/erased/event/": "page",
    "me/erased/": "page",
    "me/leave/": "press",
    "me/<str:token>/": "secret",
    "calendar/personal/<str:token>.ics": "feed",
    "api/v1/^events/$": "asked",
    "api/v1/^events/(?P<slug>[^/.]+)/$": "asked",
    "api/v1/^events/(?P<slug>[^/.]+)/questions/$": "asked",
    "api/v1/^events/(?P<slug>[^/.]+)/registrations/$": "door",
    "api/v1/^articles/$": "asked",
    "api/v1/^articles/(?P<slug>[^/.]+)/$": "asked",
    "api/v1/^jurisdictions/$": "asked",
    "api/v1/^jurisdictions/(?P<code>[^/.]+)/$": "asked",
    "api/v1/schema/": "asked",
    "api/v1/docs/": "asked",
    "live": "asked",
    "ready": "asked",
    "theme.css": "file",
    "robots.txt": "file",
    "sitemap.xml": "asked",
    "media/<path:path>": "media",
}


def addresses(resolver, prefix=""):
    """Every pattern outside /desk/."""
    for entry in resolver.url_patterns:
        pattern = prefix + str(entry.pattern)
        if pattern.startswith("desk/"):
            continue
        if hasattr(entry, "url_patterns"):
            yield from addresses(entry, pattern)
        else:
            yield pattern


def of(*policies):
    return [pattern for pattern, policy in POLICIES.items() if policy in policies]


@pytest.fixture
def site(db):
    """Something behind every address; gives the path that a pattern stands for."""
    event = EventFactory(hybrid=True)
    registration = registered(event, jurisdiction=JurisdictionFactory(code="NL", country="NL"))
    article = ArticleFactory(event=event)
    for thing in (TopicFactory, SeriesFactory, OrganisationFactory):
        thing(slug=event.slug)

    registration.pending_email = "new@example.org"
    registration.save()
    invitation = InvitationFactory(event=event)
    soon = event.starts_at - timedelta(days=1)
    terms(event, shows_participants=True, members_only_until=soon)
    preferences = newsletters.preferences_path(newsletters.subscribe(Wish("bo@example.org")))
    own = {
        "r": token_of(registration),
        "me": mailed_link.token_of(registration.email),
        "calendar": feed_token(own_calendar.renew(registration.email)),
        "address": address_token(registration),
        "i": invitation_token(invitation),
        "mail": lists.token_for(registration.email, lists.NEWSLETTER),
        "newsletter/confirm": newsletters.token_of(Wish("ana@example.org")),
        "newsletter/preferences": preferences.split("/")[-2],
    }

    def path(pattern, token=""):
        first, _slash, rest = pattern.partition("/")
        token = token or own.get(first) or own.get(f"{first}/{rest.partition('/')[0]}", "")
        slug = article.slug if "news" in pattern or "articles" in pattern else event.slug
        pattern = re.sub(r"<str:token>", token, pattern)
        pattern = re.sub(r"\(\?P<code>[^)]+\)", "NL", pattern)
        pattern = re.sub(r"<slug:slug>|\(\?P<slug>[^)]+\)", slug, pattern)
        return "/" + pattern.replace("^", "").replace("$", "")

    return path


def test_an_app_imports_only_from_the_floors_below_it():
    program = Path(sys.executable).parent / "lint-imports"
    answer = subprocess.run(
        [program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "Contracts: 1 kept, 0 broken." in answer.stdout


def test_every_address_has_a_policy():
    assert sorted(addresses(get_resolver())) == sorted(POLICIES)


@pytest.mark.parametrize("pattern", of("page", "form", "file", "asked"))
def test_a_public_address_answers_everybody(client, site, pattern):
    answer = client.get(site(pattern))
    assert answer.status_code == 200


@pytest.mark.parametrize("pattern", of("page", "file"))
def test_what_is_public_may_be_kept_and_sets_no_cookie(client, site, pattern):
    answer = client.get(site(pattern))
    assert "public" in re.split(r", *", answer["Cache-Control"])
    assert not answer.cookies
    assert "Cookie" not in answer.get("Vary", "")


@pytest.mark.parametrize("pattern", of("asked", "file", "page"))
def test_only_forms_set_cookies(client, site, pattern):
    assert not client.get(site(pattern)).cookies


@pytest.mark.parametrize("pattern", of("page"))
def test_a_public_page_is_the_same_for_staff(client, site, pattern):
    staff = Client()
    staff.force_login(UserFactory(is_superuser=True))
    address = site(pattern)
    assert staff.get(address).content == client.get(address).content


@pytest.mark.parametrize("pattern", of("form"))
def test_a_form_is_kept_by_nobody_and_sets_only_its_token(client, site, pattern):
    answer = client.get(site(pattern))
    assert {"no-store", "private"} <= set(re.split(r", *", answer["Cache-Control"]))
    assert list(answer.cookies) == ["csrf"]


@pytest.mark.parametrize("pattern", of("secret"))
def test_a_page_behind_a_secret_is_kept_and_told_to_nobody(client, site, pattern):
    answer = client.get(site(pattern))
    assert answer.status_code == 200
    assert {"no-store", "private"} <= set(re.split(r", *", answer["Cache-Control"]))
    assert answer["X-Robots-Tag"] == "noindex"
    assert answer["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("pattern", of("secret", "button", "moment"))
def test_a_wrong_secret_opens_nothing(client, site, pattern):
    own = token_of(Registration.objects.get())
    reference, _dash, signature = own.partition("-")
    turned = f"{reference}-{signature[::-1]}"
    for wrong in (turned, reference, f"{reference}-", own.upper(), f"{own}a", "x", "%00"):
        for ask in (client.get, client.post):
            assert ask(site(pattern, wrong)).status_code == 404
    assert Registration.objects.get().status == "unverified"


@pytest.mark.parametrize("pattern", of("own", "press"))
def test_an_own_page_leads_strangers_to_the_form(client, site, pattern):
    for ask in (client.get, client.post):
        answer = ask(site(pattern))
        assert (answer.status_code, answer["Location"]) == (302, "/me/")
        assert {"no-store", "private"} <= set(re.split(r", *", answer["Cache-Control"]))


@pytest.mark.parametrize("pattern", of("feed"))
def test_a_secret_file_is_kept_and_told_to_nobody(client, site, pattern):
    answer = client.get(site(pattern))
    assert answer.status_code == 200
    assert {"no-store", "private"} <= set(re.split(r", *", answer["Cache-Control"]))
    assert answer["X-Robots-Tag"] == "noindex"
    assert answer["Referrer-Policy"] == "no-referrer"
    assert client.post(site(pattern)).status_code == 405
    assert client.get(site(pattern, token_of(Registration.objects.get()))).status_code == 404


@pytest.mark.parametrize("pattern", of("report"))
def test_reports_of_a_provider_are_taken_nowhere_without_its_secret(client, pattern):
    for provider in ("postmark", "brevo"):
        for ask in (client.get, client.post):
            assert ask("/" + pattern.replace("<slug:provider>", provider)).status_code == 404


@pytest.mark.parametrize("pattern", of("button"))
def test_a_button_is_not_pressed_by_opening_its_address(client, site, pattern):
    answer = client.get(site(pattern))
    assert (answer.status_code, answer["Allow"]) == (405, "POST")


READ_ONLY = [
    *of("page", "file", "asked", "feed"),
    "r/<str:token>/",
    "r/<str:token>/calendar.ics",
    "i/<str:token>/",
]


@pytest.mark.parametrize("pattern", READ_ONLY)
def test_what_is_for_reading_takes_nothing(client, site, pattern):
    for ask in (client.post, client.put, client.patch, client.delete):
        assert ask(site(pattern), content_type="application/json").status_code == 405


@pytest.mark.parametrize(
    "pattern",
    [
        *of("form"),
        "r/<str:token>/cancel/",
        "r/<str:token>/change/",
        "me/<str:token>/",
        "i/<str:token>/register/",
    ],
)
def test_a_form_takes_a_post_and_nothing_else(client, site, pattern):
    for ask in (client.put, client.patch, client.delete):
        assert ask(site(pattern)).status_code == 405


@pytest.mark.parametrize("pattern", of("door"))
def test_a_door_of_the_api_takes_a_post_and_nothing_else(client, site, pattern):
    for ask in (client.get, client.put, client.patch, client.delete):
        assert ask(site(pattern)).status_code == 405


def test_opening_changes_nothing(client, site):
    def rows():
        tables = (Registration, StatusChange, Message, Invitation)
        return [list(table.objects.order_by("pk").values()) for table in tables]

    before = rows()
    assert [len(table) for table in before] == [1, 1, 1, 1]
    for pattern in POLICIES:
        client.get(site(pattern))
        client.head(site(pattern))
    assert rows() == before


def test_media_are_the_files_of_their_folder_and_no_others(client, settings, site):
    folder = Path(settings.MEDIA_ROOT)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a.txt").write_text("a")
    (folder.parent / "beside.txt").write_text("b")
    answer = client.get("/media/a.txt")
    assert b"".join(answer.streaming_content) == b"a"
    answer.close()
    for path in ("../beside.txt", "%2e%2e/beside.txt", "..%2fbeside.txt"):
        assert client.get(f"/media/{path}").status_code == 400
    assert client.get("/media/").status_code == 404
