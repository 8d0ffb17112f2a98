"""The addresses of registering, of one's own registration, and of an invitation."""

from django.urls import path

from registrations import changes, invitation_pages, me, mine, views

urlpatterns = [
    path("events/<slug:slug>/register/", views.register, name="register"),
    path("events/<slug:slug>/register/sent/", views.registered, name="registered"),
    path("events/<slug:slug>/notice/", views.notice, name="notice"),
    path("events/<slug:slug>/notice/sent/", views.notice_noted, name="notice_noted"),
    path("events/<slug:slug>/participants/", views.participants, name="participants"),
    path("r/<str:token>/", mine.registration, name="registration"),
    path("r/<str:token>/verify/", mine.verify, name="registration_verify"),
    path("r/<str:token>/mail/", mine.write_again, name="registration_write_again"),
    path("r/<str:token>/swap/", mine.swap, name="registration_swap"),
    path("r/<str:token>/accept/", mine.accept, name="registration_accept"),
    path("r/<str:token>/cancel/", mine.cancel, name="registration_cancel"),
    path("r/<str:token>/change/", changes.change, name="registration_change"),
    path("r/<str:token>/mode/", changes.mode, name="registration_mode"),
    path("r/<str:token>/email/", changes.email, name="registration_email"),
    path("r/<str:token>/substitute/", changes.substitute, name="registration_substitute"),
    path("r/<str:token>/erase/", mine.erase, name="registration_erase"),
    path("r/<str:token>/certificate.pdf", mine.certificate, name="registration_certificate"),
    path("r/<str:token>/calendar.ics", mine.registration_calendar, name="registration_calendar"),
    path("i/<str:token>/", invitation_pages.invitation, name="invitation"),
    path("i/<str:token>/open/", invitation_pages.open_form, name="invitation_open"),
    path("i/<str:token>/decline/", invitation_pages.decline, name="invitation_decline"),
    path("i/<str:token>/register/", invitation_pages.register, name="invitation_register"),
    path("address/<str:token>/", changes.prove_address, name="registration_address"),
    path("privacy/", me.privacy_page, name="privacy"),
    path("me/", me.me, name="me"),
    path("me/sent/", me.me_sent, name="me_sent"),
    path("me/calendar/", me.me_calendar, name="me_calendar"),
    path("me/consent/", me.me_consent, name="me_consent"),
    path("me/data.json", me.me_data, name="me_data"),
    path("me/erase/", me.me_erase, name="me_erase"),
    path("me/erased/", me.me_erased, name="me_erased"),
    path("me/erased/event/", me.registration_erased, name="registration_erased"),
    path("me/leave/", me.me_leave, name="me_leave"),
    path("me/<str:token>/", me.me_open, name="me_open"),
    path("calendar/personal/<str:token>.ics", me.personal_calendar, name="personal_calendar"),
]
