"""Content lines: what is typed comes back from a parser as it was, and no line breaks a calendar."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from events.contentlines import clean, line, one_line, parameter, text

AWKWARD = [
    "commas, semicolons; backslashes \\ and \\n that is none",
    "two  blanks and\ta tab",
    "line\nafter\n\nline",
    "🎓👩🏽‍⚖️ emoji",
    "אבג שלום \u202eright to left\u202c",
    "Ελλάδα, 中文, العربية",
    '"quotes" ^n and :colons:',
    "x" * 10_000,
    "Wörter, mehr; " * 700,
    "BEGIN:VEVENT\nEND:VCALENDAR",
]


def parsed(name: str, value: str) -> str:
    content = b"".join(
        [
            b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n",
            line(name, text(value)),
            b"END:VEVENT\r\n",
            b"END:VCALENDAR\r\n",
        ]
    )
    return str(Calendar.from_ical(content).events[0][name])


@pytest.mark.parametrize("typed", AWKWARD)
def test_what_is_typed_comes_back_equal(typed):
    assert parsed("DESCRIPTION", typed) == typed


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("bell\x07 and nul\x00", "bell and nul"),
        ("escapes\x1b and\x9b of\x80 terminals\x7f", "escapes and of terminals"),
        ("pasted\x0bfrom\x0ca\u2028text\u2029program\x85", "pasted\nfrom\na\ntext\nprogram\n"),
        ("Windows\r\nand old\rMac", "Windows\nand old\nMac"),
    ],
)
def test_what_no_calendar_may_hold_is_left_out_or_a_break(typed, kept):
    assert parsed("DESCRIPTION", typed) == clean(typed) == kept


def test_one_line_is_one():
    assert one_line(" A\n  B\u2028C ") == "A B C"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=400))
def test_lines_are_short_whole_and_come_back(typed):
    written = line("DESCRIPTION", text(typed))

    assert all(len(part) <= 75 and part.decode() is not None for part in written.split(b"\r\n"))
    assert parsed("DESCRIPTION", typed) == clean(typed)


def test_a_parameter_cannot_get_out_of_its_quotes():
    assert parameter('Ana "the\nChief"; X=1:2^') == "\"Ana 'the Chief'; X=1:2^^\""
