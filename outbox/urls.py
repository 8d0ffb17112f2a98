"""The addresses of mail: leaving a list, and the reports of a mail provider."""

from django.urls import path

from outbox import views

urlpatterns = [
    path("unsubscribe/<str:token>/", views.unsubscribe, name="unsubscribe"),
    path("webhooks/<slug:provider>/", views.provider_report, name="provider_report"),
]
