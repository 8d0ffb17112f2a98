"""Says what would come of each event of a calendar file, and makes the drafts; one that is refused stops no other."""

import logging
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.db import DataError, IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Organisation, User
from accounts.permissions import manageable
from events import lifecycle
from events.importing import reading, texts
from events.importing.entries import NO_LENGTH, Facts
from events.importing.models import ImportedEntry, PendingCalendar
from events.importing.reading import Reading
from events.importing.venues import Venues
from events.inputs import start_of_day
from events.models import Event, Format, OrganisationRole, Topic, Venue
from events.slugs import free_slug

logger = logging.getLogger(__name__)

KEPT = timedelta(days=1)

#: What may come of an event of the file, in the order in which the numbers are shown.
RESULTS = {
    "new": gettext_lazy("new drafts"),
    "cancelled": gettext_lazy("cancelled in the file"),
    "known": gettext_lazy("imported already"),
    "bad": gettext_lazy("cannot be imported"),
}
WORDS = {
    "new": gettext_lazy("new draft"),
    "cancelled": gettext_lazy("cancelled in the file"),
    "known": gettext_lazy("imported already"),
    "bad": gettext_lazy("cannot be imported"),
}


@dataclass(frozen=True)
class Outcome:
    """What would come of one event of the file: one of RESULTS, with the draft that it would be, not stored."""

    key: str
    facts: Facts
    result: str
    draft: Event | None = None
    topics: list[Topic] = field(default_factory=list)
    known: Event | None = None
    why: list[str] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)

    @property
    def words(self) -> str:
        return str(WORDS[self.result])

    @property
    def state(self) -> str:
        """The look of it, among those of the desk's states."""
        return {"new": "draft", "known": "ok"}.get(self.result, self.result)

    @property
    def shown(self) -> Event | None:
        """The event to show: the draft, or what is on the site already."""
        return self.draft or self.known

    @property
    def may_be_taken(self) -> bool:
        return self.draft is not None


def keep(
    data: bytes,
    *,
    file_name: str,
    organisation: Organisation,
    kind: str,
    format: str,
    months: int,
    with_past: bool,
    by: User,
) -> PendingCalendar:
    """Read a calendar file and keep what it says until somebody says yes; files of the day before are forgotten.

    Raises RefusedCalendar.
    """
    now = timezone.now()
    said = reading.read(data, now=now, months=months, with_past=with_past)
    PendingCalendar.objects.filter(uploaded_at__lt=now - KEPT).delete()
    return PendingCalendar.objects.create(
        uploaded_by=by,
        organisation=organisation,
        file_name=texts.one_line(file_name)[-200:],
        kind=kind,
        format=format,
        content=said.as_json(),
    )


def outcomes(pending: PendingCalendar, *, by: User) -> list[Outcome]:
    """Return what would come of each event of a kept file. Nothing is stored."""
    said = Reading.from_json(pending.content)
    looked_up = _Known(pending, said.facts, by)
    return [
        _outcome(str(position), facts, said.bodies[facts.number], pending, looked_up)
        for position, facts in enumerate(said.facts)
    ]


@dataclass
class Made:
    """The drafts that were made, and the events of which none was, although they were ticked: not stored."""

    drafts: list[Event] = field(default_factory=list)
    refused: list[Event] = field(default_factory=list)


def make(pending: PendingCalendar, keys: Collection[str], *, by: User) -> Made:
    """Make drafts of the events that were ticked; what is there already is left alone.

    An event that breaks a rule of the database is refused alone. The organisation's row is locked, so that two who
    import the same file wait for each other.
    """
    made = Made()
    said = Reading.from_json(pending.content)
    with transaction.atomic():
        organisation = Organisation.objects.select_for_update().get(pk=pending.organisation_id)
        for outcome in outcomes(pending, by=by):
            if outcome.key not in keys or outcome.draft is None:
                continue
            try:
                with transaction.atomic():
                    _store(outcome, organisation, pending, said.texts[outcome.facts.number], by)
            except (IntegrityError, DataError, lifecycle.RefusedChange) as error:
                # what the database says holds the row, with the link to join
                logger.error("An event of a calendar file was refused: %s", _rule(error))
                made.refused.append(outcome.draft)
            else:
                made.drafts.append(outcome.draft)
    return made


def _rule(error: Exception) -> str:
    """The rule that was broken, by its name where the database tells it."""
    told = getattr(error.__cause__, "diag", None)
    return getattr(told, "constraint_name", None) or type(error).__name__


def _store(
    outcome: Outcome, organisation: Organisation, pending: PendingCalendar, text: str, by: User
) -> None:
    """Store the draft of an outcome, with the entry that it was made of."""
    facts, event = outcome.facts, outcome.draft
    assert event is not None
    event.slug = free_slug(event.title)
    lifecycle.apply_changes(
        event,
        by=by,
        organisations=[(organisation, OrganisationRole.ORGANISER.value)],
        topics=outcome.topics,
    )
    ImportedEntry.objects.create(
        event=event,
        organisation=organisation,
        uid=facts.uid,
        recurrence_id=facts.recurrence_id,
        sequence=facts.sequence,
        file_name=pending.file_name,
        imported_by=by,
        text=text,
        leftovers=_leftovers(facts, outcome.topics),
    )


def in_words(leftovers: Collection[tuple[str, str] | list[str]]) -> list[str]:
    """What an entry has that we have no place for, each thing as “name: value”, and how many of some."""
    counted = {
        "ATTENDEE": _(
            "attendees: %(value)s; people register themselves, and their addresses are not kept"
        ),
        "VALARM": _("alarms: %(value)s"),
    }
    return [
        counted.get(name, f"{name}: %(value)s" if name else "%(value)s").replace("%(value)s", value)
        for name, value in leftovers
    ]


class _Known:
    """What is on the site already of a file, read once: entries and events among one's own, venues, topics.

    `handed_over` are the entries that the organisation imported, whose events may be with others now.
    """

    def __init__(self, pending: PendingCalendar, facts: list[Facts], by: User) -> None:
        mine = manageable(Event.objects.all(), by)
        entries = ImportedEntry.objects.filter(uid__in={one.uid for one in facts})
        seen = entries.filter(event__in=mine).select_related("event").defer("text")
        self.entries = {(one.uid, one.recurrence_id): one for one in seen}
        of_organisation = entries.filter(organisation=pending.organisation_id)
        self.handed_over = set(of_organisation.values_list("uid", "recurrence_id"))
        uids = {uid for one in facts if (uid := _own_uid(one))}
        self.own = {event.uid: event for event in mine.filter(uid__in=uids)}
        self.venues = Venues(Venue.objects.all())
        self.topics = {topic.name.casefold(): topic for topic in Topic.objects.all()}


def _own_uid(facts: Facts) -> UUID | None:
    """The identifier of the event of ours whose own entry this may be, as when our file comes back."""
    try:
        return None if facts.recurrence_id else UUID(facts.uid.split("@")[0])
    except ValueError:
        return None


def _outcome(key: str, facts: Facts, body: str, pending: PendingCalendar, known: _Known) -> Outcome:
    topics = [
        known.topics[name.casefold()]
        for name in facts.categories
        if name.casefold() in known.topics
    ]
    topics = list({topic.pk: topic for topic in topics}.values())
    shown = in_words([pair for pair in _leftovers(facts, topics) if pair[0]])
    if facts.problem:
        return Outcome(key, facts, "bad", why=[facts.problem], leftovers=shown)
    if entry := known.entries.get((facts.uid, facts.recurrence_id)):
        why = (
            [_("The file has a newer version: compare.")] if facts.sequence > entry.sequence else []
        )
        return Outcome(key, facts, "known", known=entry.event, why=why, leftovers=shown)
    if (facts.uid, facts.recurrence_id) in known.handed_over:
        why = [_("Its event is with another organisation now.")]
        return Outcome(key, facts, "known", why=why, leftovers=shown)
    if (uid := _own_uid(facts)) and (event := known.own.get(uid)):
        return Outcome(key, facts, "known", known=event, why=[_("It is this site's own.")])
    draft, why = _draft(facts, body, pending, known)
    if draft.ends_at <= draft.starts_at:
        why = [str(NO_LENGTH) % {"zone": draft.timezone}]
        return Outcome(key, facts, "bad", why=why, leftovers=shown)
    result = "cancelled" if facts.status == "CANCELLED" else "new"
    if result == "cancelled":
        why.insert(0, _("It is cancelled in the file. Tick it if you want a draft all the same."))
    return Outcome(key, facts, result, draft=draft, topics=topics, why=why, leftovers=shown)


def _draft(
    facts: Facts, body: str, pending: PendingCalendar, known: _Known
) -> tuple[Event, list[str]]:
    """The event that would be made, not stored, and in words what to look at."""
    assert facts.starts_at is not None
    assert facts.ends_at is not None
    why = list(facts.warnings)
    event_format = Format.ONLINE if facts.is_online else Format(pending.format)
    venue = None
    if event_format != Format.ONLINE:
        venue = known.venues.find(facts.location)
        if venue is None and facts.location:
            why.append(
                _(
                    "No venue on the list is “%(place)s”. Choose one before you publish; the description has it."
                )
                % {"place": facts.location[:200]}
            )
        elif venue is None:
            why.append(_("The file says no place. Choose a venue before you publish."))
    starts_at, ends_at, zone = facts.starts_at, facts.ends_at, facts.zone
    if venue and facts.is_zone_open:
        zone = venue.timezone
        if facts.is_whole_day:
            starts_at, ends_at = (
                start_of_day(texts.day_in(moment, facts.zone), zone)
                for moment in (facts.starts_at, facts.ends_at)
            )
    if facts.ends_at <= timezone.now():
        why.append(_("It is over."))
    place = facts.location if venue is None and not facts.is_online else ""
    event = Event(
        title=facts.title,
        kind=pending.kind,
        format=event_format,
        description=_description(facts, body, place),
        starts_at=starts_at,
        ends_at=ends_at,
        timezone=zone,
        is_whole_day=facts.is_whole_day,
        venue=venue,
        join_url=facts.join_url,
        contact_email=facts.contact_email,
    )
    return event, why


def _description(facts: Facts, body: str, place: str) -> str:
    """The description with what else there is to read: a title that was cut, the place, the address of a page."""
    before = [facts.full_title, _("Place: %(place)s") % {"place": place} if place else ""]
    after = facts.url if facts.url and facts.url not in facts.description else ""
    parts = [*map(texts.rich_from_text, before), body, texts.link(after) if after else ""]
    return "".join(parts)


def _leftovers(facts: Facts, topics: list[Topic]) -> list[tuple[str, str]]:
    names = {topic.name.casefold() for topic in topics}
    strange = [name for name in facts.categories if name.casefold() not in names]
    found = [("CATEGORIES", ", ".join(strange))] if strange else []
    return [*found, *facts.leftovers]
