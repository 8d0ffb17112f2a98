"""The addresses of registering and of one's own registration."""

from django.urls import path

from registrations import views

urlpatterns = [
    path("events/<slug:slug>/register/", views.register, name="register"),
    path("events/<slug:slug>/register/sent/", views.registered, name="registered"),
    path("r/<str:token>/", views.registration, name="registration"),
    path("r/<str:token>/verify/", views.verify, name="registration_verify"),
    path("r/<str:token>/accept/", views.accept, name="registration_accept"),
    path("r/<str:token>/cancel/", views.cancel, name="registration_cancel"),
    path("r/<str:token>/calendar.ics", views.registration_calendar, name="registration_calendar"),
    path("address/<str:token>/", views.registration_address, name="registration_address"),
]
