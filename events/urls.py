"""The addresses of calendar files and covers."""

from django.urls import path

from events import views

urlpatterns = [
    path("events/<slug:slug>/calendar.ics", views.event_calendar, name="event_calendar"),
    path("calendar/", views.calendar_page, name="calendar"),
    path("calendar/all.ics", views.all_calendar, name="calendar_all"),
    path("covers/<slug:slug>.svg", views.cover, name="cover"),
]
