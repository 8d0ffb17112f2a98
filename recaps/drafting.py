"""Drafts the recap of an event from its record, so that nobody types its facts twice."""

from django.db import transaction
from django.utils import timezone
from django.utils.html import escape
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Organisation, User
from events.dates import days_in_words
from events.models import Event, Format
from recaps.models import Article, Kind
from registrations import figures
from registrations.figures import Tally


def sentence(event: Event, tally: Tally | None) -> str:
    """Return the sentence that a recap opens with, made from the record; without numbers where none are signed off."""
    parts = {
        "title": _with_article(event.title),
        "organised": _organised(event.organisers),
        "when": _when(event),
        "where": _where(event),
    }
    if tally is None or not tally.participants:
        return _sentence(_("%(title)s was held%(organised)s %(when)s %(where)s") % parts)
    return _sentence(
        _("%(people)s attended %(title)s%(organised)s %(when)s %(where)s")
        % {**parts, "people": people_in_words(tally)}
    )


def people_in_words(tally: Tally) -> str:
    """Return "71 participants from 22 European countries and jurisdictions", with the grammar of none, one and many."""
    people = ngettext("%(number)s participant", "%(number)s participants", tally.participants) % {
        "number": tally.participants
    }
    if not tally.jurisdictions:
        return people
    if tally.all_european:
        places = ngettext(
            "%(number)s European country or jurisdiction",
            "%(number)s European countries and jurisdictions",
            tally.jurisdictions,
        )
    else:
        places = ngettext(
            "%(number)s country or jurisdiction",
            "%(number)s countries and jurisdictions",
            tally.jurisdictions,
        )
    return _("%(people)s from %(places)s") % {
        "people": people,
        "places": places % {"number": tally.jurisdictions},
    }


def draft_recap(
    event: Event, *, by: User | None, organisation: Organisation | None = None
) -> Article:
    """Return a new draft article of the event that opens with its record; the editor goes on from there.

    `organisation` is the publisher; without one it is the event's leading organiser.
    """
    signed = figures.signed_off(event)
    opening = sentence(event, figures.tally_of(signed) if signed else None)
    with transaction.atomic():
        article = Article(
            kind=Kind.RECAP,
            title=event.title,
            slug=_free_slug(f"recap-{event.slug}"),
            lead=event.summary,
            body=f"<p>{escape(opening)}</p>",
            published_on=timezone.localdate(),
            organisation=organisation or event.organisers[0],
            event=event,
            live=False,
        )
        article.topics.set(event.topics.all())
        article.save()
        article.save_revision(user=by)
    return article


def _organised(organisers: list[Organisation]) -> str:
    names = [organisation.display_name for organisation in organisers]
    if not names:
        return ""
    if len(names) == 1:
        return _(", organised by %(name)s") % {"name": names[0]}
    return _(", organised jointly by %(names)s and %(last)s") % {
        "names": ", ".join(names[:-1]),
        "last": names[-1],
    }


def _when(event: Event) -> str:
    return _("on %(days)s") % {"days": days_in_words(event.first_day, event.last_day)}


def _where(event: Event) -> str:
    venue = event.venue
    if event.format == Format.ONLINE or venue is None:
        return _("online")
    if venue.is_city_only:
        place = _("in %(city)s") % {"city": venue.city}
    else:
        place = _("at %(venue)s in %(city)s") % {
            "venue": _with_article(venue.name),
            "city": venue.city,
        }
    if event.format == Format.HYBRID:
        return _("%(place)s and online") % {"place": place}
    return place


def _with_article(name: str) -> str:
    """The name with "the" in front, unless it brings an article along."""
    if name.lower().startswith(("the ", "a ", "an ")):
        return name
    return _("the %(name)s") % {"name": name}


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."


def _free_slug(wish: str) -> str:
    slug = slugify(wish)[:110]
    taken = set(Article.objects.filter(slug__startswith=slug).values_list("slug", flat=True))
    if slug not in taken:
        return slug
    return next(f"{slug}-{n}" for n in range(2, len(taken) + 3) if f"{slug}-{n}" not in taken)
