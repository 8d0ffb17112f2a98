"""The newsletter: subscribe by a mailed link, choose topics, leave; and an issue, written reader by reader."""

import logging
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models import Model
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from events.models import Event, Topic
from outbox import lists, returns
from outbox.lists import NEWSLETTER
from outbox.models import Lane, Message
from outbox.posting import Bell, RefusedAddress, compose, post, post_all, withdraw
from recaps.models import Article, Issue, IssueState, Subscriber
from registrations import privacy
from registrations.values import facts

logger = logging.getLogger(__name__)

CONFIRM_SALT = "recaps.newsletters.confirm"
PREFERENCES_SALT = "recaps.newsletters.preferences"
#: How long the link that confirms a subscription is good.
CONFIRM_SECONDS = 7 * 24 * 60 * 60
CHUNK = 100
KEPT = privacy.Kept(
    gettext_lazy("To send you the newsletter that you asked for."),
    gettext_lazy("Until you leave it, or ask for erasure."),
)


class OldLink(Exception):
    """The link that confirms was right once: its week is over."""


class RefusedIssue(Exception):
    """The issue cannot be sent; the text says why and what to do."""


@dataclass(frozen=True)
class Wish:
    """What somebody asked for and has not confirmed: nothing of it is stored, it is all in the mailed link."""

    email: str
    topics: list[int] = field(default_factory=list)
    language: str = "en"


def ask(wish: Wish) -> None:
    """Send the link that confirms a subscription, the same whether the address is known or not.

    However often it is asked for within a minute, one mail goes out. Raises TooManyMessages.
    """
    asked_by = salted_hmac(CONFIRM_SALT, wish.email.lower(), algorithm="sha256").hexdigest()
    post(
        "newsletter-confirm",
        {
            "email": wish.email,
            "topics": _names(wish.topics),
            "link": settings.SITE_URL + reverse("newsletter_confirm", args=[token_of(wish)]),
        },
        key=f"newsletter/confirm/{asked_by}/{timezone.now():%Y-%m-%dT%H:%MZ}",
        to=wish.email,
        language=wish.language,
        is_requested=True,
    )


def token_of(wish: Wish) -> str:
    """Return the secret that confirms a wish."""
    return signing.dumps([wish.email, wish.topics, wish.language], salt=CONFIRM_SALT)


def read_wish(token: str) -> Wish | None:
    """Return what a mailed link confirms, or None where it is not ours. Raises OldLink after a week."""
    try:
        said = signing.loads(token, salt=CONFIRM_SALT, max_age=CONFIRM_SECONDS)
    except signing.SignatureExpired as error:
        raise OldLink from error
    except signing.BadSignature:
        return None
    return Wish(*said)


def subscribe(wish: Wish) -> Subscriber:
    """Store a confirmed wish; whoever subscribed before, or has left, gets what is wished now."""
    with transaction.atomic():
        lists.join(wish.email, NEWSLETTER)
        # The mail with the link has arrived, so the address works.
        returns.lift(wish.email)
        subscriber, _is_new = Subscriber.objects.update_or_create(
            email=wish.email.lower(), defaults={"language": wish.language}
        )
        choose(subscriber, topics=wish.topics)
    return subscriber


def choose(subscriber: Subscriber, *, topics: list[int]) -> None:
    """Narrow the newsletter to topics, by id; none is all. Topics that are gone are left out and count as chosen."""
    subscriber.wants_all = not topics
    subscriber.save(update_fields=["wants_all"])
    subscriber.topics.set(Topic.objects.filter(pk__in=topics))


def leave(subscriber: Subscriber) -> None:
    """End a subscription, as the link in an issue does: see `on_left`."""
    lists.leave(subscriber.email, NEWSLETTER)


def on_left(sender: type[Model], address: str, list_name: str, **_more: Any) -> None:
    """Forget the address and the topics of whoever has left, by whatever link."""
    if list_name == NEWSLETTER:
        Subscriber.objects.of_address(address).delete()


def on_joined(sender: type[Model], address: str, list_name: str, **_more: Any) -> None:
    """Take back whoever left by mistake, with all topics."""
    if list_name == NEWSLETTER:
        Subscriber.objects.get_or_create(email=address)


def connect() -> None:
    """Listen to who leaves and joins; called once when the app is ready."""
    lists.list_left.connect(on_left, dispatch_uid="recaps.list_left")
    lists.list_joined.connect(on_joined, dispatch_uid="recaps.list_joined")
    privacy.add_record(
        NEWSLETTER,
        title=gettext_lazy("Your newsletter"),
        fields=dict.fromkeys(("email", "language", "wants_all", "topics", "subscribed_at"), KEPT),
        of=kept_of,
    )
    lists.describers[NEWSLETTER] = lambda _name: (
        _("the newsletter of %(site)s") % {"site": settings.SITE_NAME}
    )


def kept_of(email: str) -> dict[str, Any] | None:
    """Return what is kept of a reader, to hand it over; None where the address is no reader's."""
    subscriber = Subscriber.objects.of_address(email).first()
    if subscriber is None:
        return None
    return {
        "email": subscriber.email,
        "language": subscriber.language,
        "wants_all": subscriber.wants_all,
        "topics": [topic.name for topic in subscriber.topics.all()],
        "subscribed_at": subscriber.subscribed_at.isoformat(),
    }


def preferences_path(subscriber: Subscriber) -> str:
    """Return the path of the page on which a reader changes topics or leaves."""
    token = signing.dumps(subscriber.email.lower(), salt=PREFERENCES_SALT)
    return reverse("newsletter_preferences", args=[token])


def address_of(token: str) -> str | None:
    """Return the address whose preferences a link opens, subscribed or not; None where the link is not ours."""
    try:
        return str(signing.loads(token, salt=PREFERENCES_SALT))
    except signing.BadSignature:
        return None


def hindrance(issue: Issue) -> str:
    """Why an issue cannot be sent: there is nothing in it; else an empty text."""
    if issue.articles.exists() or issue.events.exists():
        return ""
    return _("There is nothing in it yet. Choose at least one article or event first.")


def send(issue: Issue) -> None:
    """Begin to send a draft to all readers. Raises RefusedIssue where there is nothing in it, or it was sent."""
    if reason := hindrance(issue):
        raise RefusedIssue(reason)
    with transaction.atomic():
        drafts = Issue.objects.filter(pk=issue.pk, state=IssueState.DRAFT)
        if not drafts.update(state=IssueState.SENDING, sent_at=timezone.now()):
            raise RefusedIssue(_("This issue was sent already."))
        bell.ring_on_commit()


def send_test(issue: Issue, *, to: str) -> None:
    """Send the whole issue to one of the staff, in the fast lane. Raises RefusedAddress."""
    post_all([Edition(issue).test_message(to, now=timezone.now())])


def stop(issue: Issue) -> int:
    """Stop an issue in the middle; return how many messages were kept from going out."""
    with transaction.atomic():
        Issue.objects.filter(pk=issue.pk, state__in=[IssueState.SENDING, IssueState.SENT]).update(
            state=IssueState.STOPPED
        )
        return withdraw(batch=issue.batch)


def write_due(*, seconds: float = 20) -> bool:
    """Write the issues that are being sent, for at most so many seconds; return whether something is left.

    Each chunk of readers is one transaction with the place reached, so that a second worker or a repeat does no harm.
    An issue that cannot be written is logged, tried again the next time, and holds up no other.
    """
    end = time.monotonic() + seconds
    done_with: set[int] = set()
    while time.monotonic() < end:
        with transaction.atomic():
            issue = (
                Issue.objects.filter(state=IssueState.SENDING)
                .exclude(pk__in=done_with)
                .select_for_update(skip_locked=True)
                .order_by("sent_at", "pk")
                .first()
            )
            if issue is None:
                return False
            try:
                with transaction.atomic():
                    _write_chunk(issue)
            except Exception:
                logger.exception("Issue %s of the newsletter cannot be written.", issue.pk)
                done_with.add(issue.pk)
    return True


def _write_chunk(issue: Issue) -> None:
    """Write to the next readers. Their rows are locked: whoever is erased meanwhile finds all that was written."""
    ahead = Subscriber.objects.filter(pk__gt=issue.cursor, subscribed_at__lte=issue.sent_at)
    ids = list(ahead.order_by("pk").values_list("pk", flat=True)[:CHUNK])
    locked = Subscriber.objects.filter(pk__in=ids).select_for_update(of=("self",)).order_by("pk")
    edition = Edition(issue)
    messages = [edition.message_for(reader) for reader in locked.prefetch_related("topics")]
    post_all([message for message in messages if message])
    if ids:
        issue.cursor = ids[-1]
    if len(ids) < CHUNK:
        issue.state = IssueState.SENT
    issue.save(update_fields=["cursor", "state"])


class Edition:
    """An issue as it is read: its articles and events, looked up once for any number of readers."""

    def __init__(self, issue: Issue) -> None:
        self.issue = issue
        public = Article.objects.public().filter(issue=issue)
        self._articles = list(public.latest_first().with_facts())
        self._events = list(
            Event.objects.taking_place().filter(issue=issue).upcoming().with_facts()
        )
        self._facts: dict[str, dict[int, Any]] = {}

    def context_for(self, topics: set[int] | None, language: str) -> dict[str, Any]:
        """What a reader of these topics sees; None is all of them."""
        said = self._facts_in(language)
        return {
            "issue": self.issue,
            "articles": [a for a in self._articles if self._is_on(a, topics)],
            "events": [said[event.pk] for event in self._events if self._is_on(event, topics)],
        }

    def _facts_in(self, language: str) -> dict[int, Any]:
        if language not in self._facts:
            with translation.override(language):
                self._facts[language] = {event.pk: facts(event) for event in self._events}
        return self._facts[language]

    def message_for(self, reader: Subscriber) -> Message | None:
        """The message to a reader; None where nothing is on the reader's topics, or nobody can be written to there."""
        chosen = None if reader.wants_all else {topic.pk for topic in reader.topics.all()}
        said = self.context_for(chosen, reader.language)
        if not said["articles"] and not said["events"]:
            return None
        said["preferences"] = settings.SITE_URL + preferences_path(reader)
        try:
            return compose(
                "newsletter",
                said,
                key=f"{self.issue.batch}/{reader.pk}",
                to=reader.email,
                batch=self.issue.batch,
                list_name=NEWSLETTER,
                lane=Lane.SLOW,
                language=reader.language,
            )
        except RefusedAddress:
            return None

    def test_message(self, email: str, *, now: datetime) -> Message:
        """The whole issue to one of the staff, without the links of a reader. Raises RefusedAddress."""
        said = self.context_for(None, "en") | {"is_test": True}
        key = f"{self.issue.batch}/test/{now:%Y-%m-%dT%H:%M:%S.%fZ}"
        return compose("newsletter", said, key=key, to=email)

    @staticmethod
    def _is_on(thing: Article | Event, topics: set[int] | None) -> bool:
        return topics is None or any(topic.pk in topics for topic in thing.topics.all())


def _names(topics: list[int]) -> list[str]:
    return list(Topic.objects.filter(pk__in=topics).values_list("name", flat=True))


bell = Bell("recaps.tasks.write_newsletter")
