"""Makes texts of calendar files fit to keep: one line, plain text, or text with the few marks that we allow."""

import re
from datetime import date, datetime
from html import unescape
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from bs4 import BeautifulSoup
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator, validate_email
from django.utils.html import escape
from draftjs_exporter.error import ExporterException
from wagtail.admin.rich_text.converters.contentstate import ContentstateConverter

from events.models import TEXT_FEATURES

TAG = re.compile(
    r"</?(p|br|b|i|u|a|ul|ol|li|div|span|html|body|strong|em|h[1-6]|table|font)\b[^<>]*>", re.I
)
UNSEEN = re.compile(
    r"<(head|title|style|script|template|noscript)\b.*?(</\1\s*>|$)|<!--.*?(-->|$)", re.I | re.S
)
BLOCK_END = re.compile(r"<br\b[^<>]*>|</(p|div|li|h[1-6]|tr|table|ul|ol)\s*>|<li\b[^<>]*>", re.I)
MOST_MARKS = 2000
#: What the converter raises of HTML without sense, such as a link within a link.
UNCONVERTED = (
    AssertionError, TypeError, ValueError, AttributeError, KeyError, RecursionError, ExporterException,
)  # fmt: skip
BREAKS = re.compile(r"\r\n|[\r\u0085\u2028\u2029]")
LONGEST_ADDRESS = 600
#: Words that look like e-mail addresses and are tried out.
MOST_ADDRESSES = 20


def plain(text: str) -> str:
    """Text with line feeds alone, without blanks at its ends."""
    return BREAKS.sub("\n", text).strip()


def one_line(text: str) -> str:
    return " ".join(text.split())


def is_html(text: str) -> bool:
    """Whether a text has marks of HTML, as descriptions from web calendars do."""
    return bool(TAG.search(text))


def text_of(html: str) -> str:
    """HTML as plain text, with line breaks where its blocks end."""
    broken = BLOCK_END.sub("\n", re.sub(r"\s+", " ", UNSEEN.sub("", html)))
    lines = (one_line(line) for line in unescape(re.sub(r"<[^<>]*>", "", broken)).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def marks(html: str) -> int:
    """How many marks there are to go through, which is what takes time."""
    return _bare(html).count("<")


def rich_from_html(html: str) -> str:
    """HTML cut down to what a description of ours may have; scripts and styles go with what is in them.

    What has more marks than any description, or makes no sense, becomes plain paragraphs.
    """
    if marks(html) > MOST_MARKS:
        return rich_from_text(text_of(html))
    balanced = str(BeautifulSoup(_bare(html), "html.parser"))
    converter: Any = ContentstateConverter(features=TEXT_FEATURES)
    try:
        kept: str = converter.to_database_format(converter.from_database_format(balanced))
    except UNCONVERTED:
        return rich_from_text(text_of(html))
    return re.sub(r'<p data-block-key="[^"]*"></p>', "", kept)


def rich_from_text(text: str) -> str:
    """Plain text as paragraphs."""
    blocks = (block.strip("\n") for block in re.split(r"\n[ \t]*\n", text))
    return "".join(f"<p>{escape(block).replace('\n', '<br/>')}</p>" for block in blocks if block)


def link(address: str) -> str:
    """A paragraph that is the address of a page, to be pressed."""
    return f'<p><a href="{escape(address)}">{escape(address)}</a></p>'


def day_in(moment: datetime, zone: str) -> date:
    """The day that the clock of a zone shows at an instant."""
    return moment.astimezone(ZoneInfo(zone)).date()


def web_address(text: str) -> str:
    """The text if it is an address of the web that fits our fields, else an empty one."""
    address = unescape(text.strip())
    try:
        URLValidator(schemes=["http", "https"])(address)
    except ValidationError:
        return ""
    return address if len(address) <= LONGEST_ADDRESS else ""


def mail_address(text: str) -> str:
    """The first e-mail address in a text, such as `mailto:ana@example.org`; an empty text for none."""
    words = re.split(r"[\s,;<>()\"]+", re.sub(r"(?i)mailto:", " ", text))
    for word in islice((word for word in words if "@" in word), MOST_ADDRESSES):
        try:
            validate_email(word)
        except ValidationError:
            continue
        if len(word) <= 254:
            return word
    return ""


def _bare(html: str) -> str:
    """HTML without what is not seen, and without the marks that say nothing."""
    return re.sub(
        r"(?i)</?(span|font|o:p|html|body|meta|link|img)\b[^<>]*>", "", UNSEEN.sub("", html)
    )
