"""The addresses of registering, of one's own registration, and of an invitation."""

from django.urls import path

from registrations import invitation_pages, mine, views

urlpatterns = [
    path("events/<slug:slug>/register/", views.register, name="register"),
    path("events/<slug:slug>/register/sent/", views.registered, name="registered"),
    path("r/<str:token>/", mine.registration, name="registration"),
    path("r/<str:token>/verify/", mine.verify, name="registration_verify"),
    path("r/<str:token>/accept/", mine.accept, name="registration_accept"),
    path("r/<str:token>/cancel/", mine.cancel, name="registration_cancel"),
    path("r/<str:token>/calendar.ics", mine.registration_calendar, name="registration_calendar"),
    path("address/<str:token>/", mine.registration_address, name="registration_address"),
    path("i/<str:token>/", invitation_pages.invitation, name="invitation"),
    path("i/<str:token>/open/", invitation_pages.open_form, name="invitation_open"),
    path("i/<str:token>/decline/", invitation_pages.decline, name="invitation_decline"),
    path("i/<str:token>/register/", invitation_pages.register, name="invitation_register"),
]
