"""The checkers of mails and of lives catch what they should: each rule with a step or a mail that breaks it."""

import base64

import pytest

from tests.events.life_rules import broken_over
from tests.events.mail_rules import broken_mail
from tests.events.test_calendar_rules import ATTENDEE, GOOD, MAIL, NOW, as_bytes

NEXT = {
    "DTSTAMP:20261201T080000Z": "DTSTAMP:20261202T080000Z",
    "LAST-MODIFIED:20261201T080000Z": "LAST-MODIFIED:20261202T080000Z",
    "SEQUENCE:1\n": "SEQUENCE:2\n",
}


def changed(text, *steps):
    for old, new in steps:
        assert old in text
        text = text.replace(old, new)
    return text


def over(*texts):
    return {rule.split(":")[0] for rule in broken_over([as_bytes(text) for text in texts])}


MOVED = changed(GOOD, *NEXT.items(), ("20270610T", "20270611T"))
MOVED_MAIL = changed(MAIL, *NEXT.items(), ("20270610T", "20270611T"))
CANCEL = changed(
    MOVED_MAIL,
    ("METHOD:REQUEST", "METHOD:CANCEL"),
    ("STATUS:CONFIRMED", "STATUS:CANCELLED"),
    ("SEQUENCE:2", "SEQUENCE:3"),
    ("DTSTAMP:20261202", "DTSTAMP:20261203"),
)


def test_good_lives_break_nothing():
    assert over(GOOD, GOOD, MOVED) == set()
    assert over(MAIL, MOVED_MAIL, CANCEL) == set()


LIFE = [
    ("L1", MOVED, "UID:5", "UID:6"),
    ("L2", MOVED, "SEQUENCE:2", "SEQUENCE:0"),
    ("L2", MOVED, "SEQUENCE:2", "SEQUENCE:1"),
    ("L3", MOVED, "DTSTAMP:20261202", "DTSTAMP:20261201"),
    ("L4", MOVED, "LAST-MODIFIED:20261202", "LAST-MODIFIED:20261130"),
    ("L4", MOVED, "LAST-MODIFIED:20261202", "LAST-MODIFIED:20261201"),
    ("L5", MOVED, "CREATED:20261101", "CREATED:20261102"),
    ("L6", MOVED, "VERSION:2.0\n", "VERSION:2.0\nMETHOD:PUBLISH\n"),
    ("L5", MOVED_MAIL, "mailto:events@", "mailto:others@"),
    ("L6", MOVED_MAIL, "METHOD:REQUEST", "METHOD:PUBLISH"),
    ("L7", MOVED_MAIL, "mailto:ana@", "mailto:eva@"),
    ("L2", CANCEL, "SEQUENCE:3", "SEQUENCE:1"),
    ("L8", CANCEL, "20270611T", "20270612T"),
]


@pytest.mark.parametrize(("rule", "text", "old", "new"), LIFE, ids=[one[0] for one in LIFE])
def test_each_wrong_step_is_caught(rule, text, old, new):
    before = GOOD if text is MOVED else MAIL if text is MOVED_MAIL else MOVED_MAIL

    assert over(before, changed(text, (old, new))) >= {rule}


WORDS = "Prison, probation\n10 June 2027, 09:00, Madrid time (UTC+2)\nhttps://events.plenary.test/events/a/\n"
FILE = base64.encodebytes(as_bytes(MAIL)).decode()
INLINE = f"""\
--b
Content-Type: text/calendar; charset="utf-8"; method="REQUEST"
Content-Transfer-Encoding: base64

{FILE}
"""
HTML = "--b\nContent-Type: text/html; charset=utf-8\n\n<p>Prison, probation</p>\n\n"
TEXT = f"--b\nContent-Type: text/plain; charset=utf-8\n\n{WORDS}\n"
ATTACHED = f"""\
--a
Content-Type: text/calendar; charset="utf-8"; method="REQUEST"
Content-Disposition: attachment; filename="event.ics"
Content-Transfer-Encoding: base64

{FILE}
"""
LETTER = f"""\
MIME-Version: 1.0
Subject: Prison, probation
From: CEP <events@plenary.test>
To: Ana <ana@example.org>
Date: Fri, 01 Jan 2027 00:00:00 +0000
Message-ID: <1@plenary.test>
Auto-Submitted: auto-generated
Content-Type: multipart/mixed; boundary="a"

--a
Content-Type: multipart/alternative; boundary="b"

{TEXT}{HTML}{INLINE}
--b--
{ATTACHED}
--a--
"""
LETTERS = [
    ("M1", "Message-ID: <1@plenary.test>\n", ""),
    ("M1", "MIME-Version: 1.0\n", "MIME-Version: 1.0\nSubject: Again\n"),
    ("M1", "00:00:00 +0000", "00:00:00 -0000"),
    ("M2", INLINE, ""),
    ("M2", HTML + INLINE, INLINE + HTML),
    ("M2", INLINE, INLINE + INLINE),
    ("M3", INLINE, INLINE.replace('; method="REQUEST"', "")),
    ("M3", INLINE, INLINE.replace("REQUEST", "CANCEL")),
    ("M3", INLINE, INLINE.replace('charset="utf-8"', "charset=us-ascii")),
    ("M4", TEXT + HTML, HTML + TEXT),
    ("M5", HTML, ""),
    ("M6", INLINE, INLINE.replace("Content-T", "Content-Disposition: attachment\nContent-T", 1)),
    ("M7", FILE, base64.encodebytes(MAIL.encode()).decode()),
    ("M8", INLINE, INLINE.replace("base64", "8bit").replace(FILE, MAIL)),
    ("M9", ATTACHED, ""),
    ("M9", ATTACHED, ATTACHED.replace(FILE, base64.encodebytes(as_bytes(GOOD)).decode())),
    ("M12", "To: Ana <ana@example.org>", "To: Ana <ana@example.org>, eva@example.org"),
    ("M12", "To: Ana <ana@example.org>", "To: Ana <ana@example.org>\nCc: eva@example.org"),
    ("M12", FILE, base64.encodebytes(as_bytes(MAIL.replace(":ana@", ":eva@"))).decode()),
    ("M12/M13", FILE, base64.encodebytes(as_bytes(MAIL.replace(ATTENDEE, ""))).decode()),
    ("M15", "From: CEP <events@plenary.test>", "From: CEP <cep@plenary.test>"),
    ("M18", "Prison, probation\n10", "An event\n10"),
    ("M18", " (UTC+2)", ""),
    ("M18", "\nhttps://events.plenary.test/events/a/\n", "\n"),
    ("M19", "event.ics", "Schöne Veranstaltung.ics"),
    ("M20", "Auto-Submitted: auto-generated\n", ""),
]  # fmt: skip


def as_mail(text):
    """The bytes of a mail; what is in base64 keeps its lines."""
    return text.replace("\n", "\r\n").encode()


def test_a_good_mail_breaks_nothing():
    assert broken_mail(as_mail(LETTER), recipient="ana@example.org", now=NOW) == []


@pytest.mark.parametrize(("rule", "old", "new"), LETTERS, ids=[one[0] for one in LETTERS])
def test_each_breach_in_a_letter_is_caught(rule, old, new):
    content = as_mail(changed(LETTER, (old, new)))

    found = broken_mail(content, recipient="ana@example.org", now=NOW)

    assert rule in {one.split(":")[0] for one in found}


def test_the_mail_of_somebody_else_is_caught():
    found = broken_mail(as_mail(LETTER), recipient="eva@example.org", now=NOW)

    assert {one.split(":")[0] for one in found} == {"M12"}
