"""Registering through the API: the same rules and the same neutral answer as the form."""

from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS
from django.utils import timezone
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
from registrations import availability, entry, guards, questions, seats
from registrations.forms import ApiForm
from registrations.models import Moment, QuestionKind, Special, terms_of


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
            raise serializers.ValidationError(str(error.why)) from error

    answers = serializers.DictField(
        child=serializers.JSONField(),
        required=False,
        help_text=(
            "By the id of the question: text, true or false, a number, a date as 2027-03-31, the id of an option,"
            " or a list of ids (for one choice the second id is the second preference)."
            ' For diet and access needs {"value": …, "consents": true}: without the consent nothing is stored.'
        ),
    )
    declares = serializers.BooleanField(
        required=False, default=False, help_text="That the person makes the event's declaration."
    )
    is_listed = serializers.BooleanField(
        required=False, default=False, help_text="That the person may be named in public."
    )


class OptionSerializer(serializers.Serializer[Any]):
    """One answer to choose; `left` null is no limit of places."""

    id = serializers.IntegerField()
    label = serializers.CharField()  # type: ignore[assignment]
    left = serializers.IntegerField(allow_null=True)


class QuestionSerializer(serializers.Serializer[Any]):
    """One question to people who register. `shown_if` names the question and the answer that it depends on."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=QuestionKind.choices)
    label = serializers.CharField()  # type: ignore[assignment]
    help_text = serializers.CharField()  # type: ignore[assignment]
    purpose = serializers.CharField()
    is_required = serializers.BooleanField()
    special = serializers.ChoiceField(choices=Special.choices)
    consent = serializers.CharField(help_text="What people agree to with special data, else empty.")
    has_second_preference = serializers.BooleanField()
    shown_if = serializers.IntegerField(allow_null=True)
    shown_if_answer = serializers.CharField()
    options = OptionSerializer(many=True)


class AskedSerializer(serializers.Serializer[Any]):
    """All that registering for an event asks beyond the person."""

    declaration = serializers.CharField(help_text="Must be made if it is not empty.")
    shows_participants = serializers.BooleanField()
    rules = serializers.ListField(child=serializers.CharField())
    questions = QuestionSerializer(many=True)


class RefusalSerializer(serializers.Serializer[Any]):
    """Why registering was refused, and the field that it is about, where it is one."""

    detail = serializers.CharField()
    field = serializers.CharField(required=False)


class NeutralAnswerSerializer(serializers.Serializer[Any]):
    """The same for everybody, whether the address is known or not."""

    detail = serializers.CharField()


class OpenEventViewSet(EventViewSet):
    """Public events with their places, and registering for them."""

    serializer_class = OpenEventSerializer

    def get_queryset(self) -> Any:
        events = availability.with_terms(super().get_queryset())
        return events.annotate(seat_counts=availability.counts())

    @extend_schema(responses=AskedSerializer)
    @action(detail=True, filter_backends=[], pagination_class=None)
    def questions(self, request: Request, slug: str) -> Response:
        """What people are asked when they register: questions, declaration, rules."""
        event: Event = self.get_object()
        terms = terms_of(event)
        asked = questions.describe(event.questions.asked_when(Moment.REGISTRATION))
        answer = {
            "declaration": terms.declaration,
            "shows_participants": terms.shows_participants,
            "rules": entry.rules_in_words(terms, timezone.now()),
            "questions": asked,
        }
        return Response(AskedSerializer(answer).data)

    @extend_schema(
        request=RegistrationSerializer,
        responses={
            202: NeutralAnswerSerializer,
            400: OpenApiResponse(
                description=(
                    "A field is missing or wrong; the answer says which and why."
                    " The field of question 12 is called question_12."
                )
            ),
            404: OpenApiResponse(description="There is no such public event."),
            409: OpenApiResponse(
                response=RefusalSerializer,
                description="Registration is not open, or not open to this person; says why.",
            ),
            429: OpenApiResponse(
                response=NeutralAnswerSerializer,
                description="Too much came from this network or for this mailbox; Retry-After says when to try again.",
            ),
        },
    )
    @action(detail=True, methods=["post"], serializer_class=RegistrationSerializer)
    def registrations(self, request: Request, slug: str) -> Response:
        """Register for an event. The person then confirms the address with the link that we mail."""
        event: Event = self.get_object()
        serializer = RegistrationSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data = serializer.validated_data
        mode = data.pop("mode", None)
        if mode is None and len(event.modes) > 1:
            raise serializers.ValidationError(
                {"mode": ["Say how the person attends: in-person or online."]}
            )
        form = _asked(event, data)
        data["is_listed"] = data["is_listed"] and form.terms.shows_participants
        person = seats.Person(**data, language=get_language() or "en")
        guards.count_registration(request)
        seats.register(event, person=person, mode=mode or event.modes[0], given=form.given())
        return Response(
            {
                "detail": "Look into the mailbox: we have sent a link that confirms the registration."
            },
            status=status.HTTP_202_ACCEPTED,
        )


def _asked(event: Event, data: dict[str, Any]) -> ApiForm:
    """Return the form of the event's questions and declaration, valid; raise ValidationError with each field's name."""
    form = ApiForm(data.pop("answers", {}), event=event, declares=data["declares"])
    if not form.is_valid():
        wrong = {name: [str(error) for error in errors] for name, errors in form.errors.items()}
        if unknown := wrong.pop(NON_FIELD_ERRORS, None):
            wrong["answers"] = unknown
        raise serializers.ValidationError(wrong)
    return form
