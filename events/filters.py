"""The filters of the event list, shared by page and API."""

from typing import Any

import django_filters
import pycountry
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.models import Organisation
from accounts.permissions import LEADING
from events.models import Event, EventOrganisation, Format, Kind, Topic, Venue


def country_name(code: str) -> str:
    """Return the English short name of an ISO 3166-1 alpha-2 code, or the code where ISO has none."""
    country = pycountry.countries.get(alpha_2=code)
    return getattr(country, "common_name", country.name) if country else code


def countries_with_venues() -> list[tuple[str, str]]:
    """Return code and name of each country that has a venue, by name."""
    codes = Venue.objects.order_by().values_list("country", flat=True).distinct()
    return sorted(((code, country_name(code)) for code in codes), key=lambda pair: pair[1])


class EventFilter(django_filters.FilterSet):
    """Topic, kind, format, organiser, country and words. Each narrows the list."""

    q = django_filters.CharFilter(method="in_words", label=_("Topic, place or title"))
    topic = django_filters.ModelChoiceFilter(
        field_name="topics",
        to_field_name="slug",
        queryset=Topic.objects.all(),
        label=_("Topic"),
        empty_label=_("All"),
    )
    kind = django_filters.ChoiceFilter(choices=Kind.choices, label=_("Type"), empty_label=_("All"))
    format = django_filters.ChoiceFilter(
        choices=Format.choices, label=_("Format"), empty_label=_("All")
    )
    organiser = django_filters.ModelChoiceFilter(
        method="organised_by",
        to_field_name="slug",
        queryset=Organisation.objects.filter(event_links__role__in=LEADING).distinct(),
        label=_("Organiser"),
        empty_label=_("All"),
    )
    country = django_filters.ChoiceFilter(
        field_name="venue__country",
        choices=countries_with_venues,
        label=_("Country"),
        empty_label=_("All"),
    )

    class Meta:
        model = Event
        fields: list[str] = []

    def narrowing(self) -> dict[str, str]:
        """Return what narrows the list, as addresses have it, by name. Call it where the filter is valid."""
        found = {name: self.data.get(name, "").strip() for name in self.filters}
        return {name: value for name, value in found.items() if value}

    def in_words_of_people(self) -> str:
        """Return what narrows the list, as people say it. Call it where the filter is valid."""
        words = []
        for name in self.narrowing():
            value = self.form.cleaned_data[name]
            choices = dict(getattr(self.form.fields[name], "choices", ()))
            words.append(str(choices.get(value, value)))
        return ", ".join(words)

    def in_words(self, queryset: QuerySet[Event], name: str, value: str) -> QuerySet[Event]:
        """Keep the events in which each of the words occurs: in title, summary, place, series, topics or organisers."""
        for word in value.split()[:8]:
            queryset = queryset.filter(
                Q(title__icontains=word)
                | Q(summary__icontains=word)
                | Q(venue__city__icontains=word)
                | Q(venue__name__icontains=word)
                | Q(series__name__icontains=word)
                | Q(Exists(Topic.objects.filter(events=OuterRef("pk"), name__icontains=word)))
                | Q(Exists(_organisations_of_event(word)))
            )
        return queryset

    def organised_by(self, queryset: QuerySet[Event], name: str, value: Any) -> QuerySet[Event]:
        if value is None:
            return queryset
        led = EventOrganisation.objects.filter(organisation=value, role__in=LEADING)
        return queryset.filter(pk__in=led.values("event_id"))


def _organisations_of_event(word: str) -> QuerySet[EventOrganisation]:
    return EventOrganisation.objects.filter(
        Q(organisation__name__icontains=word) | Q(organisation__short_name__iexact=word),
        event=OuterRef("pk"),
    )
