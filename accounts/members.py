"""Tells which organisation somebody comes from, by the domain of the address or by the name that was given."""

import re
import unicodedata
from functools import cached_property

from accounts.models import MailDomain, Organisation


def words_of(name: str) -> str:
    """Return a name for comparison: lower case, without accents, marks and double blanks."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    letters = "".join(character for character in plain if not unicodedata.combining(character))
    return " ".join(re.findall(r"\w+", letters))


class Directory:
    """The organisations by domain and by name, read once and good for one transaction."""

    def find(self, *, email: str, name: str) -> Organisation | None:
        """Return the organisation whose domain the address lies in, else the one of that name or short name.

        An organisation with domains of its own is not found by name: an address elsewhere proves nothing.
        """
        labels = email.lower().rpartition("@")[2].split(".")
        for start in range(len(labels)):
            if found := self._by_domain.get(".".join(labels[start:])):
                return found
        found = self._by_name.get(words_of(name)) if name else None
        return None if found is None or found.pk in self._with_domain else found

    def key(self, *, email: str, name: str) -> str:
        """Return a text that is the same for people of the same organisation; empty where nothing is known."""
        found = self.find(email=email, name=name)
        return f"#{found.pk}" if found else words_of(name)

    @cached_property
    def _by_domain(self) -> dict[str, Organisation]:
        domains = MailDomain.objects.select_related("organisation")
        return {one.domain: one.organisation for one in domains}

    @cached_property
    def _by_name(self) -> dict[str, Organisation]:
        named: dict[str, Organisation] = {}
        for organisation in Organisation.objects.order_by("pk"):
            for name in (organisation.name, organisation.short_name):
                if words := words_of(name):
                    named.setdefault(words, organisation)
        return named

    @cached_property
    def _with_domain(self) -> set[int]:
        return {organisation.pk for organisation in self._by_domain.values()}
