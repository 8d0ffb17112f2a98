"""Finds short addresses that nothing has yet, and the events that had one before."""

from django.utils.text import slugify

from events.models import Event, FormerSlug


def free_slug(title: str) -> str:
    """Return an address that no event has or had, made from a title."""
    base = slugify(title)[:100] or "event"
    has, had = (
        model._default_manager.filter(slug__startswith=base).values_list("slug", flat=True)
        for model in (Event, FormerSlug)
    )
    return free(base, {*has, *had})


def free(base: str, taken: set[str]) -> str:
    """Return the address, or the first with a number behind it that is not among those taken."""
    if base not in taken:
        return base
    return next(f"{base}-{n}" for n in range(2, len(taken) + 3) if f"{base}-{n}" not in taken)


def leads_elsewhere(slug: str, event: Event) -> bool:
    """Whether an address was that of another event before, and still leads there."""
    return FormerSlug.objects.filter(slug=slug).exclude(event=event.pk).exists()


def event_formerly_at(slug: str) -> Event | None:
    """Return the public event that had an address before, or None."""
    return Event.objects.public().filter(former_slugs__slug=slug).first()


def remember(event: Event, *, before: str) -> None:
    """Let the address that a public event had before lead to the one that it has now, which may be one of before."""
    event.former_slugs.filter(slug=event.slug).delete()
    FormerSlug.objects.update_or_create(slug=before, defaults={"event": event})
