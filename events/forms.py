"""The forms of the desk for an event, its programme and its venue."""

from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from accounts.models import Organisation, User
from accounts.permissions import MANAGING, organisations_of
from events import joinlinks
from events.contentlines import one_line
from events.inputs import (
    ManyField,
    VenueSelect,
    WallTimeField,
    WallTimes,
    countries,
    put_first,
    start_of_day,
    wall_time,
    zone_choices,
)
from events.models import (
    Event,
    Format,
    Kind,
    OrganisationRole,
    Session,
    Topic,
    Venue,
)
from events.slugs import free, free_slug, leads_elsewhere

MAIN = (
    "title", "kind", "format", "starts_at", "ends_at", "timezone", "venue", "organisers", "topics",
    "capacity_in_person", "capacity_online", "summary",
)  # fmt: skip
MORE = (
    "description", "hosts", "partners", "series", "is_whole_day", "entry", "entry_url", "audience", "opens_at",
    "closes_at", "contact_email", "join_url", "slug",
)  # fmt: skip
INSTANTS = ("starts_at", "ends_at", "opens_at", "closes_at")
#: What everybody reads.
PUBLIC = ("title", "summary", "description", "audience", "entry_url")
LINK_IS_SHOWN = _(
    "The link to join is in here, and everybody would read it. Take it out:"
    " people with a place get it from its own field."
)


class EventForm(WallTimes, forms.ModelForm):
    """An event with its organisations and topics. Times are typed by the clock of the event's zone."""

    starts_at = WallTimeField(label=_("Starts"))
    ends_at = WallTimeField(label=_("Ends"))
    opens_at = WallTimeField(label=_("Registration opens"), required=False)
    closes_at = WallTimeField(label=_("Registration closes"), required=False)
    organisers = ManyField(
        label=_("Organised by"),
        queryset=Organisation.objects.all(),
        help_text=_("The first one leads."),
    )
    hosts = ManyField(label=_("Hosted by"), queryset=Organisation.objects.all(), required=False)
    partners = ManyField(label=_("Partners"), queryset=Organisation.objects.all(), required=False)
    topics = ManyField(label=_("Topics"), queryset=Topic.objects.all(), required=False)
    timezone = forms.ChoiceField(
        label=_("Time zone"), help_text=_("All times on this page are by its clock.")
    )

    class Meta:
        model = Event
        fields = [
            name for name in (*MAIN, *MORE) if name not in {"organisers", "hosts", "partners"}
        ]
        widgets = {
            "summary": forms.Textarea(attrs={"rows": 3}),
            "capacity_in_person": forms.NumberInput(attrs={"min": 1}),
            "capacity_online": forms.NumberInput(attrs={"min": 1}),
        }
        help_texts = {
            "summary": _("One or two sentences, shown in lists and mails."),
            "venue": _("Not needed for an online event."),
            "slug": _(
                "The end of the page's address. Left empty it is made from the title."
                " Where a public page gets another, links to the old one lead there."
            ),
            "is_whole_day": _("The event is then shown without hours."),
            "audience": _("Who may register, as in: members of the network."),
            "contact_email": _("Where participants ask, and where their answers to mails go."),
        }
        error_messages = {
            "title": {"required": _("Give the event a title.")},
            "kind": {"required": _("Choose what sort of event it is.")},
            "slug": {"unique": _("Another event has this address. Choose another.")},
        }

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        self.user = user
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        fields["organisers"].error_messages["required"] = _("Say who organises the event.")
        fields["starts_at"].error_messages["required"] = _("Say when it starts.")
        fields["ends_at"].error_messages["required"] = _("Say when it ends.")
        fields["slug"].required = False
        fields["kind"].choices = [("", _("Choose one")), *Kind.choices]
        fields["venue"].widget = VenueSelect()
        fields["venue"].empty_label = _("None yet")
        fields["venue"].queryset = fields["venue"].queryset
        fields["series"].empty_label = _("None")
        self.initial.update(self._of_event() if self.instance.pk else self._of_new_event())
        fields["timezone"].choices = zone_choices(self.initial["timezone"])
        for name in ("organisers", "hosts", "partners", "topics"):
            put_first(fields[name], self[name].value() or [])

    def _of_event(self) -> dict[str, Any]:
        event = self.instance
        stored = {name: getattr(event, name) for name in INSTANTS}
        walls = {name: at and wall_time(at, event.timezone) for name, at in stored.items()}
        if event.is_whole_day:
            walls["ends_at"] = datetime.combine(event.last_day, time(23, 59))
        return {
            **walls,
            "organisers": event.organisers,
            "hosts": event.hosts,
            "partners": event.partners,
            "topics": list(event.topics.all()),
        }

    def _of_new_event(self) -> dict[str, Any]:
        own = organisations_of(self.user, MANAGING)
        latest = Event.objects.filter(organisations__in=own).order_by("-created_at").first()
        return {
            "organisers": [] if self.user.is_superuser else list(own[:1]),
            "timezone": latest.timezone if latest else settings.TIME_ZONE,
        }

    @property
    def zone_name(self) -> str:
        """The zone that is chosen on this page."""
        return str(self["timezone"].value())

    # -- Parts of the page --------------------------------------------------------------------
    @property
    def main_fields(self) -> list[Any]:
        """The twelve fields that an organiser sees first."""
        return [self[name] for name in MAIN]

    @property
    def more_fields(self) -> list[Any]:
        return [self[name] for name in MORE]

    @property
    def more_has_errors(self) -> bool:
        return any(field.errors for field in self.more_fields)

    # -- Checks -------------------------------------------------------------------------------
    def clean_title(self) -> str:
        """Refuse a title of nothing but control characters, of which a calendar shows nothing."""
        title: str = self.cleaned_data["title"]
        if not one_line(title):
            raise ValidationError(self.fields["title"].error_messages["required"], code="required")
        return title

    def clean_organisers(self) -> list[Organisation]:
        organisers: list[Organisation] = self.cleaned_data["organisers"]
        own = set(organisations_of(self.user, MANAGING).values_list("pk", flat=True))
        if not own & {organisation.pk for organisation in organisers}:
            raise ValidationError(
                _("Keep an organisation of yours among those that organise the event.")
            )
        return organisers

    def clean_slug(self) -> str:
        slug: str = self.cleaned_data["slug"]
        if slug and leads_elsewhere(slug, self.instance):
            raise ValidationError(
                _("Another event had this address before, and links lead to it. Choose another.")
            )
        return slug or self.instance.slug or free_slug(self.cleaned_data.get("title", ""))

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        self._check_roles(data)
        self._set_instants(data)
        self._check_link(data)
        needs_venue = self.instance.is_public and data.get("format") != Format.ONLINE
        if needs_venue and "venue" in data and data["venue"] is None:
            self.add_error("venue", _("Choose a venue, or change the format to online."))
        if data.get("format") == Format.ONLINE:
            data["capacity_in_person"] = None
        elif data.get("format") == Format.IN_PERSON:
            data["capacity_online"] = None
        return data

    def _check_roles(self, data: dict[str, Any]) -> None:
        seen: set[int] = set()
        for name in ("organisers", "hosts", "partners"):
            chosen = data.get(name) or []
            twice = [one for one in chosen if one.pk in seen]
            if twice:
                self.add_error(
                    name,
                    ValidationError(
                        _("%(name)s is named twice. Each organisation has one part in an event."),
                        params={"name": twice[0].display_name},
                    ),
                )
            seen |= {one.pk for one in chosen}

    def _check_link(self, data: dict[str, Any]) -> None:
        """Refuse the link to join where everybody would read it."""
        link = data.get("join_url")
        if not link:
            return
        for name in PUBLIC:
            if joinlinks.is_held(data.get(name) or "", link):
                self.add_error(name, LINK_IS_SHOWN)
        items = self.instance.sessions.all() if self.instance.pk else []
        if any(joinlinks.is_held(f"{item.title}\n{item.details}", link) for item in items):
            self.add_error(
                "join_url",
                _(
                    "This link is in the programme, where everybody would read it. Take it out there."
                ),
            )

    def _set_instants(self, data: dict[str, Any]) -> None:
        """Replace the wall times by instants, where they exist on the clock of the zone."""
        zone = data.get("timezone")
        for name in INSTANTS:
            wall = data.get(name)
            if wall is None:
                continue
            if not zone:
                del data[name]
                continue
            try:
                if data.get("is_whole_day") and name == "starts_at":
                    data[name] = start_of_day(wall.date(), zone)
                elif data.get("is_whole_day") and name == "ends_at":
                    data[name] = start_of_day(wall.date() + timedelta(days=1), zone)
                else:
                    data[name] = self.instant_in(name, stored=getattr(self.instance, name))
            except ValidationError as error:
                self.add_error(name, error)

    # -- The result ---------------------------------------------------------------------------
    def roles(self) -> list[tuple[Organisation, str]]:
        """Return who does what, in order. Call it on a valid form."""
        data = self.cleaned_data
        first, *others = data["organisers"]
        return [
            (first, OrganisationRole.ORGANISER.value),
            *((one, OrganisationRole.CO_ORGANISER.value) for one in others),
            *((one, OrganisationRole.HOST.value) for one in data["hosts"]),
            *((one, OrganisationRole.PARTNER.value) for one in data["partners"]),
        ]


class VenueForm(forms.ModelForm):
    """A new venue; its short address is made from name and city."""

    country = forms.ChoiceField(label=_("Country"), choices=[])
    timezone = forms.ChoiceField(label=_("Time zone"))

    class Meta:
        model = Venue
        fields = ["name", "address", "city", "country", "timezone"]
        error_messages = {
            "name": {"required": _("Give the name of the building or house.")},
            "city": {"required": _("Say in which city it is.")},
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        fields["country"].choices = [("", _("Choose one")), *countries()]
        fields["country"].error_messages["required"] = _("Choose the country.")
        self.initial.setdefault("timezone", settings.TIME_ZONE)
        fields["timezone"].choices = zone_choices(self.initial["timezone"] or settings.TIME_ZONE)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        name, city, country = (data.get(key, "") for key in ("name", "city", "country"))
        if Venue.objects.filter(name__iexact=name, city__iexact=city, country=country).exists():
            self.add_error("name", _("This venue is on the list already. Choose it there."))
        return data

    def save(self, commit: bool = True) -> Venue:
        venue = super().save(commit=False)
        base = slugify(f"{venue.name} {venue.city}")[:70] or "venue"
        taken = Venue.objects.filter(slug__startswith=base).values_list("slug", flat=True)
        venue.slug = free(base, set(taken))
        if commit:
            venue.save()
        return venue


class SessionForm(WallTimes, forms.ModelForm):
    """One item of the programme; the speakers are lines of text."""

    starts_at = WallTimeField(label=_("Starts"))
    ends_at = WallTimeField(label=_("Ends"))
    people = forms.CharField(
        label=_("Speakers"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("One a line: name, affiliation"),
    )

    class Meta:
        model = Session
        fields = ["title", "starts_at", "ends_at", "details"]
        widgets = {"details": forms.Textarea(attrs={"rows": 2})}
        error_messages = {"title": {"required": _("Give this item a title.")}}

    def __init__(self, *args: Any, event: Event, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.event = event
        session = self.instance
        starts_at = session.starts_at or event.starts_at
        self.initial["starts_at"] = wall_time(starts_at, event.timezone)
        self.initial["ends_at"] = wall_time(
            session.ends_at or starts_at + timedelta(hours=1), event.timezone
        )
        if session.pk:
            self.initial["people"] = "\n".join(
                ", ".join(filter(None, (one.name, one.affiliation)))
                for one in session.speakers.all()
            )

    def clean_people(self) -> list[tuple[str, str]]:
        people = []
        for line in self.cleaned_data["people"].splitlines():
            name, _comma, affiliation = (part.strip() for part in line.partition(","))
            if not name:
                continue
            if len(name) > 150 or len(affiliation) > 200:
                raise ValidationError(
                    _("One of these lines is too long. Put one speaker on a line.")
                )
            people.append((name, affiliation))
        return people

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        first_on = data["starts_at"].date() if data.get("starts_at") else None
        for name in ("starts_at", "ends_at"):
            if data.get(name):
                try:
                    stored = getattr(self.instance, name)
                    data[name] = self.instant_in(name, stored=stored)
                except ValidationError as error:
                    self.add_error(name, error)
        for name in ("title", "details") if self.event.join_url else ():
            if joinlinks.is_held(data.get(name) or "", self.event.join_url):
                self.add_error(name, LINK_IS_SHOWN)
        starts, ends = data.get("starts_at"), data.get("ends_at")
        if starts and ends and ends <= starts:
            self.add_error("ends_at", _("It must end after it starts."))
        if starts and first_on not in self.event.days:
            self.add_error("starts_at", _("The event does not take place on this day."))
        return data


class BaseProgrammeFormSet(forms.BaseInlineFormSet):
    """The items of a programme, as they are to be stored. Ask a valid formset."""

    def items(self) -> list[tuple[Session, list[tuple[str, str]]]]:
        """Return what was typed or changed, each item with the names and affiliations of its speakers."""
        return [
            (form.instance, form.cleaned_data["people"])
            for form in self.forms
            if form.has_changed() and form not in self.deleted_forms
        ]

    def removed(self) -> list[Session]:
        """Return the items to be removed."""
        return [form.instance for form in self.deleted_forms if form.instance.pk]


ProgrammeFormSet: type[BaseProgrammeFormSet] = forms.inlineformset_factory(  # type: ignore[assignment]
    Event,
    Session,
    form=SessionForm,
    formset=BaseProgrammeFormSet,
    extra=2,
    can_delete=True,
    max_num=100,
)
