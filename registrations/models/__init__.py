"""The tables of registrations, by subject."""

from registrations.models.attendance import Attendance, Figures, Source
from registrations.models.invitations import (
    Invitation,
    InvitationQuerySet,
    InvitationState,
    OpeningNotice,
)
from registrations.models.mail import (
    Audience,
    Mailing,
    MailingKind,
    MailingState,
    ReminderRule,
    When,
    Withdrawal,
    Wording,
)
from registrations.models.people import (
    Departure,
    Erasure,
    PendingImport,
    PersonalFeed,
    UsedLink,
)
from registrations.models.questions import Answer, Moment, Option, Question, QuestionKind, Special
from registrations.models.registration import (
    LIVE,
    MOVES,
    SEATED,
    RefusedMove,
    Registration,
    RegistrationQuerySet,
    Status,
    StatusChange,
    Vacancy,
    new_link_key,
    new_reference,
)
from registrations.models.terms import Allotment, Terms, terms_of

__all__ = [
    "LIVE",
    "MOVES",
    "SEATED",
    "Allotment",
    "Answer",
    "Attendance",
    "Audience",
    "Departure",
    "Erasure",
    "Figures",
    "Invitation",
    "InvitationQuerySet",
    "InvitationState",
    "Mailing",
    "MailingKind",
    "MailingState",
    "Moment",
    "OpeningNotice",
    "Option",
    "PendingImport",
    "PersonalFeed",
    "Question",
    "QuestionKind",
    "RefusedMove",
    "Registration",
    "RegistrationQuerySet",
    "ReminderRule",
    "Source",
    "Special",
    "Status",
    "StatusChange",
    "Terms",
    "UsedLink",
    "Vacancy",
    "When",
    "Withdrawal",
    "Wording",
    "new_link_key",
    "new_reference",
    "terms_of",
]
