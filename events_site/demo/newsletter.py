"""The demo's newsletter: some of the people read it, and the next issue is a draft."""

from accounts.models import User
from events.models import Event
from events_site.demo.loading import Count
from recaps import newsletters
from recaps.models import Article, Issue
from recaps.newsletters import Wish
from registrations.models import Registration

READERS = 40
IN_AN_ISSUE = 3


def make_newsletter(*, by: User) -> Count:
    """Subscribe some people and draft an issue, unless there is one."""
    if Issue.objects.exists():
        return Count(new=0, present=1)
    addresses = Registration.objects.confirmed().order_by("email").values_list("email", flat=True)
    for email in addresses.distinct()[:READERS]:
        newsletters.subscribe(Wish(email))
    issue = Issue.objects.create(
        subject="What came of our events, and what comes next",
        introduction="Good day,\n\nhere is what we learned together of late, and where we meet again.",
        by=by,
    )
    issue.articles.set(Article.objects.public().latest_first()[:IN_AN_ISSUE])
    issue.events.set(Event.objects.taking_place().upcoming()[:IN_AN_ISSUE])
    return Count(new=1, present=0)
