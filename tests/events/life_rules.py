"""Says which rules L of our list the files or mails about one event break, in the order in which they were made."""

from collections.abc import Iterator
from itertools import pairwise

from tests.events.calendar_rules import Component, read

#: What raises SEQUENCE when it changes: time, place, title, state.
COUNTED = ("DTSTART", "DTEND", "LOCATION", "SUMMARY", "STATUS")
#: What a revision may change without LAST-MODIFIED: the marks of the revision itself, and to whom it goes.
MARKS = {"DTSTAMP", "LAST-MODIFIED", "SEQUENCE", "ATTENDEE", "ORGANIZER", "CREATED", "UID"}


def broken_over(contents: list[bytes]) -> list[str]:
    """Return the rules that calendars of one event each break, one made after the other, as "L2: why"."""
    calendars = [read(content.decode())[0] for content in contents]
    lives = [(calendar, _event(calendar)) for calendar in calendars if calendar is not None]
    events = [event for _calendar, event in lives]
    found = [
        f"{rule}: {name} changes"
        for rule, name in (
            ("L1", "UID"),
            ("L5", "ORGANIZER"),
            ("L5", "CREATED"),
            ("L7", "ATTENDEE"),
        )
        if len({event.value(name).lower() for event in events}) > 1
    ]
    scheduled = [calendar.value("METHOD") in {"REQUEST", "CANCEL"} for calendar, _event in lives]
    if (
        len(set(scheduled)) > 1
        or len({c.value("METHOD") for c, _ in lives if not scheduled[0]}) > 1
    ):
        found.append("L6: what was requested is published, or the other way round")
    for (_calendar, before), (calendar, after) in pairwise(lives):
        found += _step(before, after, calendar.value("METHOD"))
    return found


def _event(calendar: Component) -> Component:
    [event] = [part for part in calendar.parts if part.name == "VEVENT"]
    return event


def _step(before: Component, after: Component, method: str) -> Iterator[str]:
    changed = {name for name in _names(before, after) if _said(before, name) != _said(after, name)}
    numbers = [int(event.value("SEQUENCE") or 0) for event in (before, after)]
    if numbers[1] < numbers[0]:
        yield "L2: SEQUENCE falls"
    elif numbers[1] == numbers[0] and (counted := changed & set(COUNTED)):
        yield f"L2: {', '.join(sorted(counted))} changes, and SEQUENCE does not"
    if changed and after.value("DTSTAMP") <= before.value("DTSTAMP"):
        yield "L3: DTSTAMP does not grow"
    # Whoever withdraws changes their own entry, not the event.
    shown = changed - MARKS - ({"STATUS", "TRANSP"} if method else set())
    if after.value("LAST-MODIFIED") < before.value("LAST-MODIFIED"):
        yield "L4: LAST-MODIFIED falls"
    elif shown and after.value("LAST-MODIFIED") == before.value("LAST-MODIFIED"):
        yield f"L4: {', '.join(sorted(shown))} changes, and LAST-MODIFIED does not"
    is_withdrawn = method == "CANCEL" and after.value("STATUS") == "CANCELLED"
    if is_withdrawn and _said(before, "DTSTART") != _said(after, "DTSTART"):
        yield "L8: CANCEL names another DTSTART than the last"


def _names(*events: Component) -> set[str]:
    return {one.name for event in events for one in event.properties}


def _said(event: Component, name: str) -> list[tuple[dict[str, str], str]]:
    return [(one.parameters, one.value) for one in event.all(name)]
