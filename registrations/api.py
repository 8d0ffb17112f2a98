"""Registering through the API: the same rules and the same neutral answer as the form."""

from typing import Any

from django.utils.translation import get_language
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Jurisdiction
from events.api import EventSerializer, EventViewSet
from events.models import Event, Mode
from outbox.posting import RefusedAddress, clean_address
from registrations import availability, seats


class PlacesSerializer(serializers.Serializer[Any]):
    """The places of one way of attending; null is no limit."""

    mode = serializers.ChoiceField(choices=Mode.choices)
    capacity = serializers.IntegerField(allow_null=True)
    taken = serializers.IntegerField()
    left = serializers.IntegerField(allow_null=True)
    waiting = serializers.IntegerField()


class AvailabilitySerializer(serializers.Serializer[Any]):
    """Whether one can register now, in one word and in a sentence."""

    state = serializers.CharField()
    headline = serializers.CharField()
    detail = serializers.CharField()
    can_register = serializers.BooleanField()
    places = PlacesSerializer(many=True)


class OpenEventSerializer(EventSerializer):
    """A public event with its places."""

    availability = serializers.SerializerMethodField()

    class Meta(EventSerializer.Meta):
        fields = [*EventSerializer.Meta.fields, "availability"]

    @extend_schema_field(AvailabilitySerializer)
    def get_availability(self, event: Event) -> Any:
        return AvailabilitySerializer(availability.of_counts(event, event.seat_counts)).data  # type: ignore[attr-defined]


class RegistrationSerializer(serializers.Serializer[Any]):
    """What a person says of themselves. `mode` is needed for a hybrid event only."""

    given_name = serializers.CharField(max_length=100)
    family_name = serializers.CharField(max_length=100)
    email = serializers.EmailField(max_length=254)
    organisation = serializers.CharField(
        max_length=200, required=False, allow_blank=True, default=""
    )
    jurisdiction = serializers.SlugRelatedField(
        slug_field="code", queryset=Jurisdiction.objects.all()
    )
    mode = serializers.ChoiceField(choices=Mode.choices, required=False)

    def validate_email(self, email: str) -> str:
        try:
            return clean_address(email)
        except RefusedAddress as error:
            raise serializers.ValidationError(
                "Give one e-mail address like name@example.org."
            ) from error


class NeutralAnswerSerializer(serializers.Serializer[Any]):
    """The same for everybody, whether the address is known or not."""

    detail = serializers.CharField()


class OpenEventViewSet(EventViewSet):
    """Public events with their places, and registering for them."""

    serializer_class = OpenEventSerializer

    def get_queryset(self) -> Any:
        return super().get_queryset().annotate(seat_counts=availability.counts())

    @extend_schema(
        request=RegistrationSerializer,
        responses={
            202: NeutralAnswerSerializer,
            400: OpenApiResponse(
                description="A field is missing or wrong; the answer says which and why."
            ),
            404: OpenApiResponse(description="There is no such public event."),
            409: OpenApiResponse(
                response=NeutralAnswerSerializer, description="Registration is not open; says why."
            ),
        },
    )
    @action(detail=True, methods=["post"], serializer_class=RegistrationSerializer)
    def registrations(self, request: Request, slug: str) -> Response:
        """Register for an event. The person then confirms the address with the link that we mail."""
        event: Event = self.get_object()
        form = RegistrationSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        data = form.validated_data
        mode = data.pop("mode", None)
        if mode is None and len(event.modes) > 1:
            raise serializers.ValidationError(
                {"mode": ["Say how the person attends: in-person or online."]}
            )
        person = seats.Person(**data, language=get_language() or "en")
        seats.register(event, person=person, mode=mode or event.modes[0])
        return Response(
            {
                "detail": "Look into the mailbox: we have sent a link that confirms the registration."
            },
            status=status.HTTP_202_ACCEPTED,
        )
