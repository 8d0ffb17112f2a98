"""The addresses of mail: leaving a list."""

from django.urls import path

from outbox import views

urlpatterns = [
    path("unsubscribe/<str:token>/", views.unsubscribe, name="unsubscribe"),
]
