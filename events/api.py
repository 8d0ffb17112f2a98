"""Events as the API shows them."""

from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from rest_framework import serializers, viewsets

from accounts.models import Jurisdiction, Organisation
from events.filters import EventFilter
from events.models import Event, EventOrganisation, Series, Topic, Venue


class TopicSerializer(serializers.ModelSerializer[Topic]):
    class Meta:
        model = Topic
        fields = ["slug", "name"]


class SeriesSerializer(serializers.ModelSerializer[Series]):
    class Meta:
        model = Series
        fields = ["slug", "name"]


class VenueSerializer(serializers.ModelSerializer[Venue]):
    class Meta:
        model = Venue
        fields = ["slug", "name", "address", "city", "country", "timezone"]


class OrganisationSerializer(serializers.ModelSerializer[Organisation]):
    class Meta:
        model = Organisation
        fields = ["slug", "name", "short_name", "website", "country"]


class EventOrganisationSerializer(serializers.ModelSerializer[EventOrganisation]):
    organisation = OrganisationSerializer()

    class Meta:
        model = EventOrganisation
        fields = ["role", "organisation"]


class EventSerializer(serializers.ModelSerializer[Event]):
    """A public event. Instants carry the offset of the event's own zone; `ends_at` is exclusive."""

    url = serializers.SerializerMethodField()
    starts_at = serializers.DateTimeField(source="local_start")
    ends_at = serializers.DateTimeField(source="local_end")
    venue = VenueSerializer(allow_null=True)
    series = SeriesSerializer(allow_null=True)
    topics = TopicSerializer(many=True)
    organisations = EventOrganisationSerializer(source="organisation_links", many=True)

    class Meta:
        model = Event
        fields = [
            "slug", "url", "uid", "title", "kind", "format", "status", "summary", "description",
            "starts_at", "ends_at", "timezone", "is_whole_day", "venue", "organisations", "series", "topics",
            "entry", "audience", "capacity_in_person", "capacity_online", "opens_at", "closes_at",
            "contact_email", "sequence", "changed_at",
        ]  # fmt: skip

    def get_url(self, event: Event) -> str:
        return settings.SITE_URL + event.get_absolute_url()

    def to_representation(self, instance: Event) -> dict[str, Any]:
        data = super().to_representation(instance)
        data["starts_at"] = instance.local_start.isoformat()
        data["ends_at"] = instance.local_end.isoformat()
        return data


class EventViewSet(viewsets.ReadOnlyModelViewSet[Event]):
    """Public events, coming ones first to come; `?when=past` for those that are over, `?when=all` for both."""

    serializer_class = EventSerializer
    lookup_field = "slug"
    filterset_class = EventFilter
    queryset = Event.objects.public().with_facts()

    def get_queryset(self) -> QuerySet[Event]:
        events = Event.objects.public().with_facts()
        if self.action != "list" or self.request.query_params.get("when") == "all":
            return events
        return (
            events.past() if self.request.query_params.get("when") == "past" else events.upcoming()
        )


class JurisdictionSerializer(serializers.ModelSerializer[Jurisdiction]):
    class Meta:
        model = Jurisdiction
        fields = ["code", "name", "country", "is_european"]


class JurisdictionViewSet(viewsets.ReadOnlyModelViewSet[Jurisdiction]):
    """The jurisdictions that people are counted in."""

    serializer_class = JurisdictionSerializer
    lookup_field = "code"
    queryset = Jurisdiction.objects.all()
