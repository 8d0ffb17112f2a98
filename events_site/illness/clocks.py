"""Whether two clocks agree: holds, deadlines and claims are compared across machines."""

from django.utils.translation import gettext as _

from events_site.illness.findings import Finding, ill, note, well

#: Seconds of difference that are worth knowing, and that do harm.
WORTH_KNOWING, HARMFUL = 2, 30


def judge(name: str, *, ahead: float, whose: str) -> Finding:
    """Return the finding about a clock that is so many seconds ahead of this machine's."""
    if abs(ahead) <= WORTH_KNOWING:
        return well(
            name, _("The clock of %(whose)s agrees with this machine's.") % {"whose": whose}
        )
    said = {"whose": whose, "seconds": round(abs(ahead))}
    words = (
        _("The clock of %(whose)s is %(seconds)s seconds ahead of this machine's.")
        if ahead > 0
        else _("The clock of %(whose)s is %(seconds)s seconds behind this machine's.")
    ) % said
    to_do = _("Have all machines set their clocks from the network (NTP).")
    return ill(name, words, to_do) if abs(ahead) > HARMFUL else note(name, words, to_do)
