"""The messages of one mailing to people of one event: what they share is looked up once, the rest person by person."""

from collections.abc import Sequence
from typing import Any

from events.models import Event
from outbox.models import Lane, Message
from outbox.posting import compose
from registrations import audiences, messages, news, sent_entries, values, withdrawals
from registrations.models import Mailing, MailingKind, Registration, Status
from registrations.notices import letter_text
from registrations.wordings import Words

#: The calendar part of news to those with a place.
METHODS = {
    MailingKind.CHANGED: "REQUEST",
    MailingKind.POSTPONED: "REQUEST",
    MailingKind.CANCELLED: "CANCEL",
}


class Batch:
    """Messages of a mailing, not yet in the outbox. `people` are those whom it may be asked for."""

    def __init__(self, mailing: Mailing, event: Event, people: Sequence[Registration]) -> None:
        self.mailing, self.event = mailing, event
        self._words = Words(event)
        self._sequences = withdrawals.sequences(event, [person.email for person in people])
        with_entry = [
            (one, one.email)
            for one in people
            if mailing.kind in METHODS and one.status == Status.CONFIRMED
        ]
        self._told = sent_entries.told_to_each(with_entry)
        self._is_news: dict[int, bool] = {}
        self._news: dict[tuple[str, bool, int], dict[str, str]] = {}

    def is_news_to(self, person: Registration) -> bool:
        """Whether the message would tell this person anything: who heard of it in between may know it all."""
        if self.mailing.kind != MailingKind.CHANGED:
            return True
        record = self.mailing.record_for(person.pk)
        if id(record) not in self._is_news:
            self._is_news[id(record)] = news.is_news(self.event, record)
        return self._is_news[id(record)]

    def message_to(self, person: Registration) -> Message:
        """Return the message to one person. Raises RefusedAddress."""
        person.event = self.event
        said = {
            MailingKind.CHANGED: self._changed,
            MailingKind.POSTPONED: self._postponed,
            MailingKind.CANCELLED: self._cancelled,
            MailingKind.LETTER: self._letter,
        }[MailingKind(self.mailing.kind)](person)
        return compose(**said, batch=self.mailing.batch)

    def _changed(self, person: Registration) -> dict[str, Any]:
        return self._news_to(
            person, "changed", reason=f"changed/{self.mailing.pk}", more=lambda: self._lines(person)
        )

    def _postponed(self, person: Registration) -> dict[str, Any]:
        return self._news_to(person, "postponed", reason=f"postponed/{self.mailing.pk}")

    def _cancelled(self, person: Registration) -> dict[str, Any]:
        return self._news_to(person, "event-cancelled", reason="event-cancelled")

    def _letter(self, person: Registration) -> dict[str, Any]:
        """A letter to many is bulk: it gives way to all other mail, and its reader may leave the list."""
        said = messages.to_person(
            "letter",
            person,
            reason=f"letter/{self.mailing.key.rpartition('/')[2]}",
            words=self._words,
            text=letter_text(self.mailing.subject, self.mailing.text),
        )
        if not audiences.is_personal(self.mailing.people or []):
            said |= {"lane": Lane.SLOW, "list_name": audiences.list_of(self.event)}
        return said

    def _news_to(self, person: Registration, notice: str, **said: Any) -> dict[str, Any]:
        has_place = person.status == Status.CONFIRMED
        return messages.to_person(
            notice,
            person,
            words=self._words,
            calendar_method=METHODS[MailingKind(self.mailing.kind)] if has_place else "",
            sequence=self._sequences[person.email.lower()],
            told=self._told.get(person.pk),
            **said,
        )

    def _lines(self, person: Registration) -> dict[str, str]:
        """What has changed, in the language that is active, which is the person's."""
        record = self.mailing.record_for(person.pk)
        wanted = person.language, news.sees_link(person), id(record)
        if wanted not in self._news:
            found = news.lines(self.event, record, sees_link=wanted[1])
            kinds = news.kinds(self.event, record)
            self._news[wanted] = {
                **values.news(self.event, kinds, old_title=news.old_title(self.event, record)),
                "changes": "\n".join(map(str, found)),
            }
        return self._news[wanted]
