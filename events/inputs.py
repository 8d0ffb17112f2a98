"""The fields of the desk's forms: wall times, lists in order, zones, countries, and text with few marks."""

from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pycountry
from django import forms
from django.core.exceptions import ValidationError
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.rich_text import DraftailRichTextArea

from events import offsets
from events.models import from_local

REGIONS = (
    "Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific",
)  # fmt: skip
WALL_TIME = "%Y-%m-%dT%H:%M"
#: Which of two times that look the same.
TURNS = {
    "first": _("The first (UTC%(offset)s)"),
    "second": _("The second (UTC%(offset)s)"),
}


class WallTimeInput(forms.DateTimeInput):
    """The browser's own field for a day and time of day."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format=WALL_TIME)


class WallTimeBoundField(forms.BoundField):
    """The field, followed by a choice where the clock shows the time twice."""

    form: "WallTimes"

    def as_widget(self, *args: Any, **kwargs: Any) -> SafeString:
        shown = super().as_widget(*args, **kwargs)
        wall = self._wall()
        both = _both(wall, self.form.zone_name) if wall else None
        return shown + self._choice(wall, both) if wall and both else shown

    def _wall(self) -> datetime | None:
        try:
            return WallTimeField().to_python(self.value())
        except ValidationError:
            return None

    def _choice(self, wall: datetime, both: tuple[datetime, datetime]) -> SafeString:
        zone, turn = ZoneInfo(self.form.zone_name), self.form.turn(self.name)
        offsets_then = [f"{instant.astimezone(zone):%:z}" for instant in both]
        choices = [
            (key, words % {"offset": offset})
            for (key, words), offset in zip(TURNS.items(), offsets_then, strict=True)
        ]
        if not turn:
            choices.insert(0, ("", gettext("Choose one")))
        label = gettext("%(time)s comes twice: which one?") % {"time": f"{wall:%H:%M}"}
        attrs = {"id": f"{self.id_for_label}_turn", "aria-label": label}
        if self.errors:
            attrs["aria-invalid"] = "true"
        return forms.Select(choices=choices).render(f"{self.html_name}_turn", turn, attrs)


class WallTimeField(forms.Field):
    """A day and time of day by the event's clock, without a zone; for a form of `WallTimes`."""

    widget = WallTimeInput
    bound_field_class = WallTimeBoundField

    def to_python(self, value: Any) -> datetime | None:
        if value in self.empty_values:
            return None
        if isinstance(value, datetime):
            return value.replace(tzinfo=None)
        try:
            moment = datetime.fromisoformat(value)
        except ValueError as error:
            raise ValidationError(_("Enter a day and a time, as in 2027-03-31 09:30.")) from error
        if not 1970 <= moment.year <= 2100:
            raise ValidationError(_("Check the year."))
        return moment.replace(tzinfo=None, second=0, microsecond=0)


class WallTimes(forms.BaseForm):
    """A form whose times are typed by one clock; where that shows one twice, it asks for the first or the second."""

    @property
    def zone_name(self) -> str:
        """The zone by whose clock times are typed."""
        zone: str = self.event.timezone  # type: ignore[attr-defined]
        return zone

    def turn(self, name: str) -> str:
        """Return which of the two times is chosen: what was sent, or which one is stored; empty for neither."""
        if self.is_bound:
            sent = self.data.get(f"{self.add_prefix(name)}_turn")
            return sent if sent in TURNS else ""
        return self._turn_before(name)

    def has_changed(self) -> bool:
        """Whether anything was typed or chosen."""
        return super().has_changed() or any(
            self.turn(name) not in {"", self._turn_before(name)}
            for name, field in self.fields.items()
            if isinstance(field, WallTimeField)
        )

    def instant_in(self, name: str, *, stored: datetime | None = None) -> datetime:
        """Return the instant of the wall time in a field that is clean. Raises ValidationError as `instant_of`."""
        wall = self.cleaned_data[name]
        return instant_of(wall, self.zone_name, stored=stored, turn=self.turn(name))

    def _turn_before(self, name: str) -> str:
        wall = self.get_initial_for_field(self.fields[name], name)
        return list(TURNS)[wall.fold] if wall and _both(wall, self.zone_name) else ""


class ManyField(forms.ModelMultipleChoiceField):
    """Several of a list, in the order in which they were sent (a script beside the field keeps that order)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, widget=forms.SelectMultiple(attrs={"data-picker": ""}), **kwargs)

    def clean(self, value: Any) -> list[Any]:  # type: ignore[override]
        found = {str(item.pk): item for item in super().clean(value)}
        return [found[key] for key in dict.fromkeys(map(str, value or [])) if key in found]


class VenueSelect(forms.Select):
    """Venues that say their time zone, so that a script can set the event's."""

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **kwargs)
        if instance := getattr(value, "instance", None):
            option["attrs"]["data-timezone"] = instance.timezone
        return option


class TextArea(DraftailRichTextArea):
    """Wagtail's editor, which also takes HTML as people paste it without a script, cut down to what is allowed."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        try:
            return super().value_from_datadict(data, files, name)
        except (ValueError, KeyError, TypeError, AttributeError):
            typed = str(data.get(name) or "")
            return self.converter.to_database_format(self.converter.from_database_format(typed))


def instant_of(wall: datetime, zone: str, *, stored: datetime | None, turn: str = "") -> datetime:
    """Return the instant of a wall time; the stored one where it reads the same.

    Of an hour that comes twice `turn` says which, "first" or "second"; without it the stored one is meant. Raises
    ValidationError where neither tells, and for a time that the spring change of clocks skips.
    """
    both = _both(wall, zone)
    if stored and wall_time(stored, zone) == wall:
        is_second = stored.astimezone(ZoneInfo(zone)).fold == 1
        if not both or turn in {"", "second" if is_second else "first"}:
            return stored
    if not both:
        return from_local(wall, zone)
    if turn not in TURNS:
        raise ValidationError(
            _("The clock shows %(time)s twice on this night. Choose the first or the second."),
            params={"time": f"{wall:%H:%M}"},
        )
    return both[turn == "second"]


def _both(wall: datetime, zone: str) -> tuple[datetime, datetime] | None:
    """Both instants, in UTC, at which the clock of a zone shows a wall time; None where it shows it but once."""
    clock = offsets.zone_of(zone)
    if clock is None:
        return None
    first, second = (wall.replace(tzinfo=clock, fold=fold).astimezone(UTC) for fold in (0, 1))
    return (first, second) if first < second else None


def wall_time(instant: datetime, zone: str) -> datetime:
    """Return what the clock of a zone shows at an instant, to the minute and without a zone."""
    return instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None, second=0, microsecond=0)


def start_of_day(day: date, zone: str) -> datetime:
    """Return the first instant of a day; where the clocks skip midnight, the moment after the gap."""
    return datetime.combine(day, time()).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def put_first(field: Any, chosen: list[Any]) -> None:
    """Put the chosen options first and in their order, so that the order that counts is the one on the page."""
    keys = [str(getattr(one, "pk", one)) for one in chosen]
    options = {str(one.pk): (one.pk, str(one)) for one in field.queryset}
    first = [options.pop(key) for key in dict.fromkeys(keys) if key in options]
    field.widget.choices = [*first, *options.values()]


@lru_cache(maxsize=1)
def countries() -> list[tuple[str, str]]:
    """Codes and names of all countries, by name."""
    pairs = ((one.alpha_2, getattr(one, "common_name", one.name)) for one in pycountry.countries)
    return sorted(pairs, key=lambda pair: pair[1])


@lru_cache(maxsize=1)
def _zones() -> dict[str, list[str]]:
    names = sorted(name for name in available_timezones() if name.split("/")[0] in REGIONS)
    grouped: dict[str, list[str]] = {}
    for name in names:
        grouped.setdefault(name.split("/")[0], []).append(name)
    return grouped


def zone_choices(*also: str) -> list[Any]:
    """The zones by region, with those that a form holds although they are not of a region."""
    known = available_timezones()
    grouped = [
        (region, [(name, name.replace("_", " ")) for name in names])
        for region, names in _zones().items()
    ]
    strays = [
        (name, name)
        for name in dict.fromkeys(("UTC", *also))
        if name in known and name.split("/")[0] not in REGIONS
    ]
    return [*strays, *grouped]
