"""Calendar files for tests, and calendars as other programs write them."""

#: As Outlook writes a zone of its own name.
OWN_BLOCK = """BEGIN:VTIMEZONE
TZID:{name}
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:{summer}
TZOFFSETTO:{winter}
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETFROM:{winter}
TZOFFSETTO:{summer}
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE
"""


def block(name: str, winter: str = "+0100", summer: str = "+0200") -> str:
    return OWN_BLOCK.format(name=name, winter=winter, summer=summer)


def calendar(*entries: str, head: str = "") -> bytes:
    """A file of events; each entry is its lines between BEGIN and END, a line that it says anew counts."""
    return "".join(
        ["BEGIN:VCALENDAR\n", "VERSION:2.0\n", "PRODID:-//Test//EN\n", head, *map(_entry, entries), "END:VCALENDAR\n"]
    ).replace("\n", "\r\n").encode()  # fmt: skip


def entry(**said: str) -> str:
    """The lines of an event of an hour in Berlin; each value as it stands behind the name, with parameters."""
    lines = {
        "uid": ":one@example.net",
        "summary": ":Round table",
        "dtstart": ";TZID=Europe/Berlin:20270610T090000",
        "dtend": ";TZID=Europe/Berlin:20270610T100000",
        **said,
    }
    return "\n".join(
        f"{name.upper().replace('_', '-')}{value}" for name, value in lines.items() if value
    )


def _entry(lines: str) -> str:
    return f"BEGIN:VEVENT\n{lines}\nEND:VEVENT\n"
