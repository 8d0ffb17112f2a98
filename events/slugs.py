"""Finds short addresses that nothing has yet."""

from django.utils.text import slugify

from events.models import Event


def free_slug(title: str) -> str:
    """Return an address that no event has yet, made from a title."""
    base = slugify(title)[:100] or "event"
    taken = Event.objects.filter(slug__startswith=base).values_list("slug", flat=True)
    return free(base, set(taken))


def free(base: str, taken: set[str]) -> str:
    """Return the address, or the first with a number behind it that is not among those taken."""
    if base not in taken:
        return base
    return next(f"{base}-{n}" for n in range(2, len(taken) + 3) if f"{base}-{n}" not in taken)
