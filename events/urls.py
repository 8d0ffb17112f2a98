"""The addresses of calendar files and covers."""

from django.urls import path

from events import views

urlpatterns = [
    path("events/<slug:slug>/calendar.ics", views.event_calendar, name="event_calendar"),
    path("calendar/", views.calendar_page, name="calendar"),
    path("calendar/all.ics", views.all_calendar, name="calendar_all"),
    path("calendar/topics/<slug:slug>.ics", views.topic_calendar, name="calendar_topic"),
    path("calendar/series/<slug:slug>.ics", views.series_calendar, name="calendar_series"),
    path(
        "calendar/organisations/<slug:slug>.ics",
        views.organisation_calendar,
        name="calendar_organisation",
    ),
    path("covers/<slug:slug>.svg", views.cover, name="cover"),
]
