"""Mail by a provider: what its interface is handed, whose fault a refusal is, and what its reports do."""

import base64
import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import time_machine
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import mailers as configured
from django.test import Client
from django.utils import timezone

from events_site.environment import mailers
from events_site.mail_environment import PROVIDERS, anymail, mail_provider, reports_of
from outbox import control, delivery, lists
from outbox.models import Message, State, Suppression, Unsubscription
from outbox.return_addresses import token_of

pytestmark = pytest.mark.django_db

SECRET = "events:a-long-random-word"
FINE = (200, {"ErrorCode": 0, "Message": "OK", "MessageID": "m-1", "To": "ana@example.org"})
INACTIVE = (
    "You tried to send to recipient(s) that have been marked as inactive.\n"
    "Found inactive addresses: ana@example.org.\n"
    "Inactive recipients are ones that have generated a hard bounce or a spam complaint."
)


class Provider:
    """A real server that answers as Postmark does."""

    def __init__(self):
        self.answers, self.asked = [], []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                owner.asked.append(json.loads(body))
                status, said = owner.answers.pop(0) if owner.answers else FINE
                content = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_said):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"anymail+postmark://token@?timeout=2&api_url=http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def provider(settings):
    found = Provider()
    settings.MAILERS = mailers(found.url)
    settings.RETURN_ADDRESS = "bounces@plenary.test"
    yield found
    found.server.shutdown()
    found.server.server_close()


def waiting(key="a", **fields):
    return Message.objects.create(
        **{"key": key, "recipient": "ana@example.org", "subject": "S", "text": "T\n"} | fields
    )


def states():
    return list(Message.objects.order_by("pk").values_list("state", "attempts"))


def test_a_provider_gets_all_that_the_mail_says(provider):
    message = waiting(
        recipient_name="Lima, Ana",
        sender_name="CEP",
        reply_to="desk@cep.example",
        html="<p>T</p>",
        calendar="BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n",
        calendar_method="REQUEST",
        list_name="newsletter",
    )
    assert delivery.deliver_due() == 1
    [asked] = provider.asked
    assert (asked["From"], asked["To"]) == (
        "CEP <events@plenary.test>",
        '"Lima, Ana" <ana@example.org>',
    )
    assert (asked["Subject"], asked["TextBody"], asked["HtmlBody"]) == ("S", "T\n", "<p>T</p>")
    assert asked["ReplyTo"] == "desk@cep.example"
    headers = {header["Name"]: header["Value"] for header in asked["Headers"]}
    assert headers["Message-ID"] == message.message_id
    assert headers["List-Unsubscribe"] == f"<{lists.unsubscribe_url(message)}>"
    assert headers["Auto-Submitted"] == "auto-generated"
    [file] = asked["Attachments"]
    assert file["Name"] == "event.ics"
    assert 'method="REQUEST"' in file["ContentType"]
    assert base64.b64decode(file["Content"]).decode() == message.calendar
    assert asked["Metadata"] == {"message": token_of(message)}
    assert (asked["TrackOpens"], asked["TrackLinks"]) == (False, "None")


def test_a_recipient_whom_the_provider_refuses_is_given_up(provider):
    provider.answers = [(422, {"ErrorCode": 406, "Message": INACTIVE})]
    waiting()
    waiting("b", recipient="bo@example.org")
    delivery.deliver_due()
    assert states() == [(State.FAILED, 1), (State.SENT, 1)]
    assert Suppression.objects.get().hard_bounces == 1


@pytest.mark.parametrize(
    ("status", "said", "attempts"),
    [
        (401, "Bad token", 0),
        (403, "Not your domain", 0),
        (429, "Slow down", 0),
        (500, "Oops", 1),
        (503, "Maintenance", 1),
    ],
)
def test_what_is_perhaps_not_the_fault_of_a_message_lets_the_others_go_first(
    provider, status, said, attempts
):
    provider.answers = [(status, {"ErrorCode": 10, "Message": said})]
    for key in ("a", "b", "c"):
        waiting(key)
    assert delivery.deliver_due() == 0
    assert len(provider.asked) == 1
    assert states() == [(State.WAITING, attempts), *[(State.WAITING, 0)] * 2]
    assert str(status) in Message.objects.get(key="a").last_error
    assert delivery.deliver_due() == 2
    with time_machine.travel(timezone.now() + timedelta(seconds=61), tick=False):
        assert delivery.deliver_due() == 1


def test_a_message_that_the_provider_finds_fault_with_is_tried_again_later(provider):
    provider.answers = [(422, {"ErrorCode": 300, "Message": "Something about this mail"})]
    waiting()
    waiting("b")
    assert delivery.deliver_due() == 1
    assert states() == [(State.WAITING, 1), (State.SENT, 1)]


def test_a_provider_that_cannot_be_reached_costs_one_message_an_attempt(settings):
    settings.MAILERS = mailers("anymail+postmark://token@?api_url=http://127.0.0.1:9/")
    waiting()
    waiting("b")
    assert delivery.deliver_due() == 0
    assert states() == [(State.WAITING, 1), (State.WAITING, 0)]


@pytest.mark.parametrize("name", sorted(PROVIDERS.keys() - {"amazon-ses"}))
def test_each_provider_can_be_named_as_its_example_says(settings, name):
    url = PROVIDERS[name].form
    if PROVIDERS[name].package:
        pytest.importorskip(PROVIDERS[name].package)
    assert mail_provider(url) == name
    settings.MAILERS = mailers(url)
    assert configured.default.esp_name.lower().replace(" ", "-") in {name, "scaleway-tem"}


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("anymail+postmark://t%2Fk@", {"server_token": "t/k", "timeout": 15}),
        (
            "anymail+mailgun://key@mg.example.org?eu=1&timeout=5",
            {"api_key": "key", "sender_domain": "mg.example.org", "timeout": 5,
             "api_url": "https://api.eu.mailgun.net/v3"},
        ),
        ("anymail+mailjet://key:secret@", {"api_key": "key", "secret_key": "secret", "timeout": 15}),
        (
            "anymail+scaleway://secret@11111111-aaaa?region=nl-ams",
            {"secret_key": "secret", "project_id": "11111111-aaaa", "region": "nl-ams", "timeout": 15},
        ),
    ],
)  # fmt: skip
def test_the_address_of_a_provider_becomes_its_options(url, options):
    assert mailers(url)["default"]["OPTIONS"] == {"ignore_unsupported_features": True, **options}


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (
            "anymail+postmrak://token@",
            "names the provider 'postmrak'; known are anymail+amazon-ses",
        ),
        ("anymail+postmark://", "must look like anymail+postmark://TOKEN@"),
        ("anymail+mailjet://key@", "must look like anymail+mailjet://KEY:SECRET@"),
        ("anymail+mailgun://key@", "must look like anymail+mailgun://KEY@mail.example.org"),
        ("anymail+brevo://key@?eu=1", "must look like anymail+brevo://KEY@"),
        ("anymail+brevo://key@?timeout=x", "a number of seconds from 1 to 60; it is 'x'"),
        ("smtp://mail.example?timeout=0", "a number of seconds from 1 to 60; it is '0'"),
    ],
)
def test_an_address_that_lacks_something_is_refused_at_start(url, says):
    with pytest.raises(ImproperlyConfigured) as refused:
        mailers(url)
    assert says in str(refused.value)
    assert "token" not in str(refused.value)


def test_amazon_says_which_package_is_missing():
    try:
        import boto3  # noqa: F401
    except ImportError:
        with pytest.raises(
            ImproperlyConfigured, match=r"pip install 'django-anymail\[amazon-ses\]'"
        ):
            mailers(PROVIDERS["amazon-ses"].form)
    else:
        options = mailers(PROVIDERS["amazon-ses"].form)["default"]["OPTIONS"]
        assert options["client_params"]["region_name"] == "eu-central-1"


@pytest.mark.parametrize(
    ("provider", "secret", "key", "says"),
    [
        ("brevo", "short:x", "", "ANYMAIL_WEBHOOK_SECRET must be two random words"),
        ("brevo", "a-long-word-without-a-colon", "", "ANYMAIL_WEBHOOK_SECRET must be two random words"),
        ("mailgun", SECRET, "", "mailgun signs its reports"),
    ],
)  # fmt: skip
def test_reports_are_taken_only_with_all_their_secrets(provider, secret, key, says):
    with pytest.raises(ImproperlyConfigured, match=says):
        anymail(provider, secret=secret, key=key)


def test_without_a_secret_no_reports_are_taken():
    assert anymail("brevo", secret="", key="") == {}
    assert reports_of("brevo", {}) == ""
    assert reports_of("", {}) == ""


# -- Reports --------------------------------------------------------------------------------------


@pytest.fixture
def hears(settings):
    """The site hears Postmark's reports; gives what reports one."""
    settings.MAIL_PROVIDER = "postmark"
    settings.ANYMAIL = anymail("postmark", secret=SECRET, key="")
    settings.MAIL_REPORTS = reports_of("postmark", settings.ANYMAIL)

    def report(said, *, secret=SECRET, provider="postmark"):
        credentials = base64.b64encode(secret.encode()).decode()
        return Client(enforce_csrf_checks=True).post(
            f"/mail/webhooks/{provider}/",
            json.dumps(said),
            content_type="application/json",
            headers={"Authorization": f"Basic {credentials}"},
        )

    return report


@pytest.fixture
def sent():
    return waiting(
        recipient="Ana@Example.org",
        state=State.SENT,
        sent_at=timezone.now(),
        list_name="newsletter",
    )


def bounce(message, *, kind="HardBounce", named=True, **more):
    metadata = {"message": token_of(message)} if named else {}
    return {
        "RecordType": "Bounce", "Type": kind, "ID": 42, "Email": "ana@example.org", "MessageID": "m-1",
        "BouncedAt": "2027-03-01T10:00:00Z", "Metadata": metadata, **more,
    }  # fmt: skip


@pytest.mark.parametrize("named", [True, False])
def test_a_reported_bounce_marks_the_address_once(hears, sent, named):
    for _time in range(2):
        assert hears(bounce(sent, named=named, Details="smtp;550 5.1.1 unknown")).status_code == 200
    [row] = Suppression.objects.all()
    assert (row.address, row.hard_bounces) == ("ana@example.org", 1)
    sent.refresh_from_db()
    assert sent.last_error == "smtp;550 5.1.1 unknown"


@pytest.mark.parametrize(
    ("said", "bounces"),
    [
        ({"kind": "HardBounce"}, 1),
        ({"kind": "BadEmailAddress"}, 1),
        ({"kind": "SoftBounce"}, 0),
        ({"kind": "Transient"}, 0),
        ({"kind": "HardBounce", "Details": "smtp;552 5.2.2 mailbox full"}, 0),
        ({"kind": "SoftBounce", "Details": "smtp;550 5.1.1 unknown"}, 1),
        ({"kind": "Blocked"}, 0),
        ({"kind": "AutoResponder"}, 0),
        ({"kind": "DnsError"}, 0),
    ],
)
def test_a_report_is_hard_only_where_the_address_is_dead(hears, sent, said, bounces):
    hears(bounce(sent, **said))
    assert sum(Suppression.objects.values_list("hard_bounces", flat=True)) == bounces


def test_a_reported_complaint_marks_the_address(hears, sent):
    complaint = bounce(sent, kind="SpamComplaint") | {"RecordType": "SpamComplaint"}
    assert hears(complaint).status_code == 200
    row = Suppression.objects.get()
    assert (row.hard_bounces, row.complained_at is not None) == (0, True)


def test_who_unsubscribes_at_the_provider_leaves_the_list(hears, sent):
    change = {
        "RecordType": "SubscriptionChange", "Recipient": "ana@example.org", "SuppressSending": True,
        "SuppressionReason": "ManualSuppression", "Metadata": {"message": token_of(sent)},
    }  # fmt: skip
    hears(change)
    assert Unsubscription.objects.get().list_name == "newsletter"


def test_a_report_about_no_message_of_ours_changes_nothing(hears, sent):
    other = bounce(sent) | {"Metadata": {"message": "1-aaaaaaaaaaaaaaaaaaaa"}}
    unknown = bounce(sent, named=False) | {"Email": "nobody@example.org"}
    for said in (other, unknown, bounce(sent, named=False) | {"Email": ""}):
        assert hears(said).status_code == 200
    assert not Suppression.objects.exists()


def test_a_late_report_about_an_emptied_message_marks_nobody(hears, sent):
    said = bounce(sent, Details="smtp;550 5.1.1 <ana@example.org> unknown")
    control.empty(Message.objects.all())
    assert hears(said).status_code == 200
    emptied = bounce(Message.objects.get(), Details="smtp;550 5.1.1 <ana@example.org> unknown")
    assert hears(emptied).status_code == 200
    assert not Suppression.objects.exists()
    assert Message.objects.get().last_error == ""


def test_a_report_without_the_secret_is_refused(hears, sent):
    for secret in ("events:wrong", "", ":"):
        assert hears(bounce(sent), secret=secret).status_code == 400
    assert not Suppression.objects.exists()


def test_there_is_no_address_for_reports_without_a_secret_or_of_another_provider(
    hears, sent, settings
):
    assert hears(bounce(sent), provider="brevo").status_code == 404
    settings.MAIL_REPORTS = ""
    assert hears(bounce(sent)).status_code == 404
    settings.MAIL_PROVIDER = ""
    assert Client().get("/mail/webhooks/postmark/").status_code == 404
    assert not Suppression.objects.exists()


def test_opening_the_address_for_reports_does_nothing(hears):
    assert Client().get("/mail/webhooks/postmark/").status_code == 405
